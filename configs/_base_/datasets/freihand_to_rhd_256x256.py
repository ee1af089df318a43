"""FreiHAND -> RHD (docs/data_hands.md)."""
_base_ = ['./published_hands_256x256.py']

source_train = labeled_source_train = dict(
    type='FreiHANDDataset', data_root='data/FreiHAND_pub_v2/')
target_train = labeled_target_train = target_test = dict(
    type='RHDDataset', data_root='data/RHD_published_v2/')
val_dataloader = test_dataloader = dict(dataset=target_test)
