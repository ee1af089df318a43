r"""Small style transfer network for the embedded people, from scratch, a few minutes on one core.

    udapose synth --kind people --out data/synthpose/people
    udapose train configs/style_transfer/adain-small_synth-people_64x64.py

Writes work_dirs/adain-small_synth-people_64x64/iter_400.pth and pictures below vis_data.
Other images: --cfg-options train_dataloader.dataset.content=FOLDER \
    train_dataloader.dataset.style=FOLDER
"""
_base_ = ['../_base_/default_runtime.py']

model = dict(
    type='AdaINStyleTransfer',
    encoder=dict(type='SmallStyleEncoder'),
    decoder=dict(type='SmallStyleDecoder'),
    content_weight=1., style_weight=1., reconstruction_weight=10., both_directions=True)

auto_scale_lr = dict(base_batch_size=16)
train_dataloader = dict(
    batch_size=16, num_workers=0,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='StyleTransferDataset', size=64, resize=(64, 96),
        content='data/synthpose/people/source/images/train',
        style='data/synthpose/people/target/images/train'))

train_cfg = dict(type='ResumableIterBasedTrainLoop', max_iters=400)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=2e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.02, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=400, eta_min=2e-5)]
default_hooks = dict(checkpoint=dict(interval=400))
# in place of AverageBuffersHook: there is no batch norm
custom_hooks = [dict(type='StyleTransferVisualizationHook', interval=100, scale=2)]
