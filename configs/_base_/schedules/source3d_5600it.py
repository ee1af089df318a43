"""A convolutional 3D model on labelled source images, rate to zero along a cosine."""
train_cfg = dict(type='ResumableIterBasedTrainLoop', max_iters=5600, val_interval=1400)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=5e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.02, by_epoch=False, begin=0, end=100),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=0, T_max=5600, end=5600, eta_min=0.)]
