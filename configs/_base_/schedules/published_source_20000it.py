"""Phase 1 as published (official code of arXiv 2404.14885): 40 epochs of 500 iterations, Adam."""
train_cfg = dict(type='ResumableIterBasedTrainLoop', max_iters=20000, val_interval=2500)
optim_wrapper = dict(  # float16 on the GPU as published; the scaler starts at its default
    type='AmpOptimWrapper', loss_scale='dynamic', optimizer=dict(type='Adam', lr=1e-4))
param_scheduler = []
