"""A small ViT in 3D on labelled source images; rate to zero along a cosine."""
train_cfg = dict(type='ResumableIterBasedTrainLoop', max_iters=8000, val_interval=2000)
optim_wrapper = dict(  # 0.6 of float32's time, also on CPUs with bfloat16
    type='AmpOptimWrapper', dtype='bfloat16',
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05),
    paramwise_cfg=dict(norm_decay_mult=0., bias_decay_mult=0., custom_keys=dict(
        cls_token=dict(decay_mult=0.), pos_embed=dict(decay_mult=0.))),
    clip_grad=dict(max_norm=1.))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.02, by_epoch=False, begin=0, end=200),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=200, end=8000, eta_min=0.)]
