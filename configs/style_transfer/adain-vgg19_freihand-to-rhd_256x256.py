r"""FreiHAND -> RHD: the style network (AdaIN on VGG-19).

    udapose train \
        configs/style_transfer/adain-vgg19_freihand-to-rhd_256x256.py

Needs checkpoints/vgg_normalised.pth (docs/style_transfer.md says where from).
Data (docs/data_hands.md):
data/FreiHAND_pub_v2/{training/rgb,training_K.json,training_xyz.json},
data/RHD_published_v2/{training,evaluation}/.
"""
_base_ = ['./adain-vgg19_folders_256x256.py']

# as published (docs/style_transfer.md)
model = dict(input='imagenet', style_weight=0.1)
train_dataloader = dict(
    dataset=dict(
        _delete_=True, type='StyleTransferDataset', size=256, resize=(256, 512),
        content=dict(
            type='FreiHANDDataset', data_root='data/FreiHAND_pub_v2/',
            split='train', labels=False),
        style=dict(
            type='RHDDataset', data_root='data/RHD_published_v2/',
            split='train', labels=False)))
