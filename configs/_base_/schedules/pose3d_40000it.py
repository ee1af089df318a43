"""3D pose with a ViT on one GPU: AdamW (our choice, docs/recipes.md). Layer-wise decay is for
layers that have learnt something before: configs that begin with a pre-trained encoder set it."""
train_cfg = dict(type='ResumableIterBasedTrainLoop', max_iters=40000, val_interval=5000)
optim_wrapper = dict(
    type='AmpOptimWrapper', dtype='bfloat16',
    optimizer=dict(type='AdamW', lr=5e-4, weight_decay=0.1),
    constructor='PrefixedLayerDecayOptimWrapperConstructor',
    paramwise_cfg=dict(num_layers=12, layer_decay_rate=1.),
    clip_grad=dict(max_norm=1.))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=1000),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=1000, end=40000, eta_min=0.)]
