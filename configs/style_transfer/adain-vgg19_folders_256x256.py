r"""AdaIN with VGG-19 (arXiv 1703.06868) on two folders of images, 256x256.

Needs the weights of VGG-19, either file (docs/style_transfer.md says where from):
torchvision's vgg19, or the normalised VGG.

    udapose train configs/style_transfer/adain-vgg19_folders_256x256.py --cfg-options \
        model.encoder.weights=checkpoints/vgg_normalised.pth \
        train_dataloader.dataset.content=data/my_source \
        train_dataloader.dataset.style=data/my_target

Writes work_dirs/adain-vgg19_folders_256x256/iter_160000.pth: the decoder alone. To go on from a
published decoder of the normalised VGG: model.decoder.weights=checkpoints/decoder.pth. As in
UniFrame: model.input=imagenet model.style_weight=0.1. Add --amp on a GPU.
"""
_base_ = ['../_base_/default_runtime.py']

model = dict(
    type='AdaINStyleTransfer',
    encoder=dict(type='VGG19StyleEncoder', weights='checkpoints/vgg_normalised.pth'),
    decoder=dict(type='StyleDecoder'),
    style_loss='mean_std', both_directions=True)

auto_scale_lr = dict(base_batch_size=8)
train_dataloader = dict(
    batch_size=8, num_workers=4, persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='StyleTransferDataset', size=256, resize=(256, 512),
        content='data/my_source', style='data/my_target'))

# 1e-4 down to a tenth, about as the original 1e-4 / (1 + 5e-5 i) over 160,000 iterations
train_cfg = dict(type='ResumableIterBasedTrainLoop', max_iters=160000)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4))
param_scheduler = [
    dict(type='CosineAnnealingLR', by_epoch=False, begin=0, end=160000, eta_min=1e-5)]
default_hooks = dict(checkpoint=dict(interval=10000))
# in place of the averaged buffers: the frozen weights are buffers and equal anyway
custom_hooks = [dict(type='StyleTransferVisualizationHook', interval=1000)]
