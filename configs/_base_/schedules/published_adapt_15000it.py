"""Phase 2 as published (arXiv 2404.14885's official code): epochs 41 to 70 of 500 iterations each;
the rate of 1e-4 is divided by ten after epochs 44 and 59."""
train_cfg = dict(type='ResumableIterBasedTrainLoop', max_iters=15000, val_interval=2500)
optim_wrapper = dict(
    type='AmpOptimWrapper', loss_scale='dynamic', optimizer=dict(type='Adam', lr=1e-4),
    # the discriminator's own scheduler never reaches its first step: ConstantLRHook
    paramwise_cfg=dict(custom_keys=dict(discriminator=dict(lr_mult=1.))))
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=False, milestones=[2000, 9500], gamma=0.1)]
