"""A CPU-sized SimpleBaseline: ResNet-18 with 32 base channels, four 4x4 deconvolutions, heatmaps
of half the input's side. A config sets `head.out_channels` and `head.decoder` (the codec)."""
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True),
    backbone=dict(type='ResNet', depth=18, base_channels=32, stem_channels=32),
    head=dict(
        type='HeatmapHead',
        in_channels=256,
        deconv_out_channels=(64, 64, 64, 32),
        deconv_kernel_sizes=(4, 4, 4, 4),
        loss=dict(type='KeypointMSELoss', use_target_weight=True)),
    train_cfg=dict(compute_acc=False),
    test_cfg=dict(flip_test=False))
