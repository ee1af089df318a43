"""RHD -> Hand-3D-Studio (H3D) (docs/data_hands.md)."""
_base_ = ['./published_hands_256x256.py']

source_train = labeled_source_train = dict(
    type='RHDDataset', data_root='data/RHD_published_v2/')
target_train = labeled_target_train = target_test = dict(
    type='Hand3DStudioDataset', data_root='data/H3D_crop/')
val_dataloader = test_dataloader = dict(dataset=target_test)
