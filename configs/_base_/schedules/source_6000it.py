"""Training on labelled source images, rate to zero along a cosine. Another length: set
`train_cfg.max_iters`, `param_scheduler.1.T_max` and `param_scheduler.1.end` alike."""
train_cfg = dict(type='ResumableIterBasedTrainLoop', max_iters=6000, val_interval=1000)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=5e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.02, by_epoch=False, begin=0, end=100),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=0, T_max=6000, end=6000, eta_min=0.)]
