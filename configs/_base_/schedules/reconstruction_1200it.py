"""Masked reconstruction from scratch, sized for one core. No validation: nothing is labelled."""
train_cfg = dict(type='ResumableIterBasedTrainLoop', max_iters=1200)
optim_wrapper = dict(
    type='AmpOptimWrapper', dtype='bfloat16',  # on CPUs that have its instructions, too
    optimizer=dict(type='AdamW', lr=1e-3, betas=(0.9, 0.95), weight_decay=0.05),
    clip_grad=dict(max_norm=1.0),
    paramwise_cfg=dict(
        norm_decay_mult=0., bias_decay_mult=0., flat_decay_mult=0.,
        custom_keys={'cls_token': dict(decay_mult=0.), 'mask_token': dict(decay_mult=0.)}))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=100),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=100, end=1200, eta_min=1e-5)]
