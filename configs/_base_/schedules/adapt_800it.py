"""The second phase, the same for every method: continues from the source model."""
train_cfg = dict(type='ResumableIterBasedTrainLoop', max_iters=800, val_interval=200)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=5e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.02, by_epoch=False, begin=0, end=50),
    dict(type='MultiStepLR', by_epoch=False, milestones=[560, 720], gamma=0.1)]
