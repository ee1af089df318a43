"""Phase 2 with HamiPose's optimizer: step 1e-3, one epoch of 500 iterations warm-up, then cosine.
The friction is ours: without it the momentum has no brake (docs/hamipose.md)."""
train_cfg = dict(type='ResumableIterBasedTrainLoop', max_iters=15000, val_interval=2500)
optim_wrapper = dict(
    type='AmpOptimWrapper', loss_scale='dynamic',
    optimizer=dict(type='KickDriftKick', lr=1e-3, mu=0.99, eps=1e-8, friction=0.3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=500),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=500, end=15000, eta_min=0.)]
