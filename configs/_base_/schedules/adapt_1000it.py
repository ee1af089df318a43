"""The second phase, the same for every method: continues from the source model. Another length:
set `train_cfg.max_iters`, `param_scheduler.1.T_max` and `param_scheduler.1.end` alike."""
train_cfg = dict(type='ResumableIterBasedTrainLoop', max_iters=1000, val_interval=250)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=2e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.02, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=0, T_max=1000, end=1000, eta_min=0.)]
