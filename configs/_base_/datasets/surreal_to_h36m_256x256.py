"""SURREAL -> Human3.6M (docs/data_bodies.md)."""
_base_ = ['./published_bodies_256x256.py']

source_train = labeled_source_train = dict(
    type='SurrealUDADataset', data_root='data/surreal_processed/')
target_train = labeled_target_train = target_test = dict(
    type='Human36mUDADataset', data_root='data/h36m_uda/')
val_dataloader = test_dataloader = dict(dataset=target_test)
