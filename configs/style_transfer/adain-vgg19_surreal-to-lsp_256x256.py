r"""SURREAL -> LSP: the style network (AdaIN on VGG-19).

    udapose train \
        configs/style_transfer/adain-vgg19_surreal-to-lsp_256x256.py

Needs checkpoints/vgg_normalised.pth (docs/style_transfer.md says where from).
Data (docs/data_bodies.md): data/surreal_processed/{train,test}/run{0,1,2},
data/lsp/{joints.mat,images/}.
"""
_base_ = ['./adain-vgg19_folders_256x256.py']

# as published (docs/style_transfer.md)
model = dict(input='imagenet', style_weight=0.1)
train_dataloader = dict(
    dataset=dict(
        _delete_=True, type='StyleTransferDataset', size=256, resize=(256, 512),
        content=dict(
            type='SurrealUDADataset', data_root='data/surreal_processed/',
            split='train', labels=False),
        style=dict(
            type='LSPDataset', data_root='data/lsp/',
            split='train', labels=False)))
