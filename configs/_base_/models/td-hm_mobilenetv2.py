"""MobileNetV2 with three 4x4 deconvolutions of 128 channels: heatmaps of a quarter of the input's
side. A config sets `head.out_channels` and `head.decoder` (the codec), and
`backbone.init_cfg=dict(type='PretrainedBackbone', checkpoint='fdet')` for ImageNet weights."""
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True),
    backbone=dict(type='MobileNetV2'),
    head=dict(
        type='HeatmapHead',
        in_channels=1280,
        deconv_out_channels=(128, 128, 128),
        deconv_kernel_sizes=(4, 4, 4),
        loss=dict(type='KeypointMSELoss', use_target_weight=True)),
    train_cfg=dict(compute_acc=False),
    test_cfg=dict(flip_test=False))
