"""Training on labelled source images from scratch."""
train_cfg = dict(type='ResumableIterBasedTrainLoop', max_iters=1200, val_interval=400)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.02, by_epoch=False, begin=0, end=50),
    dict(type='MultiStepLR', by_epoch=False, milestones=[840, 1080], gamma=0.1)]
