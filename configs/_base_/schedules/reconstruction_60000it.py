"""Masked reconstruction on one GPU: MAE's optimizer at batch 256 (our choice, docs/recipes.md)."""
train_cfg = dict(type='ResumableIterBasedTrainLoop', max_iters=60000)
optim_wrapper = dict(
    type='AmpOptimWrapper', dtype='bfloat16',
    optimizer=dict(type='AdamW', lr=1.5e-4, betas=(0.9, 0.95), weight_decay=0.05),
    paramwise_cfg=dict(
        norm_decay_mult=0., bias_decay_mult=0., flat_decay_mult=0.,
        custom_keys={'cls_token': dict(decay_mult=0.), 'mask_token': dict(decay_mult=0.)}))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=3000),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=3000, end=60000, eta_min=1e-6)]
