"""A CPU-sized ViTPose: six layers of width 192 on 8x8 patches, two deconvolutions, heatmaps of half
the input's side. A config sets `head.out_channels`, `head.decoder` (the codec) and the weights
(`backbone.init_cfg`)."""
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True),
    backbone=dict(
        type='AttentionViT',
        arch=dict(embed_dims=192, num_layers=6, num_heads=3, feedforward_channels=768),
        img_size=64,
        patch_size=8,
        with_cls_token=True,
        out_type='featmap',
        position_init='sincos'),
    head=dict(
        type='HeatmapHead',
        in_channels=192,
        deconv_out_channels=(64, 32),
        deconv_kernel_sizes=(4, 4),
        loss=dict(type='KeypointMSELoss', use_target_weight=True)),
    train_cfg=dict(compute_acc=False),
    test_cfg=dict(flip_test=False))

# layer decay: later layers learn faster than those that are fine from pre-training
vit_optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05),
    constructor='PrefixedLayerDecayOptimWrapperConstructor',
    paramwise_cfg=dict(num_layers=6, layer_decay_rate=0.8), clip_grad=dict(max_norm=1.))
