r"""RHD -> Hand-3D-Studio (H3D): the style network (AdaIN on VGG-19).

    udapose train \
        configs/style_transfer/adain-vgg19_rhd-to-h3d_256x256.py

Needs checkpoints/vgg_normalised.pth (docs/style_transfer.md says where from).
Data (docs/data_hands.md): data/RHD_published_v2/{training,evaluation}/,
data/H3D_crop/{annotation.json,part1..part5}/.
"""
_base_ = ['./adain-vgg19_folders_256x256.py']

# as published (docs/style_transfer.md)
model = dict(input='imagenet', style_weight=0.1)
train_dataloader = dict(
    dataset=dict(
        _delete_=True, type='StyleTransferDataset', size=256, resize=(256, 512),
        content=dict(
            type='RHDDataset', data_root='data/RHD_published_v2/',
            split='train', labels=False),
        style=dict(
            type='Hand3DStudioDataset', data_root='data/H3D_crop/',
            split='train', labels=False)))
