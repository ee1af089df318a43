"""MobileNetV2 (ImageNet) with three deconvolutions and a heatmap and depth map for each joint: a
convolutional reference in 3D. A config sets `head.num_keypoints` and `head.decoder` (the codec),
whose maps have a quarter of the input's side."""
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True),
    backbone=dict(
        type='MobileNetV2', init_cfg=dict(type='PretrainedBackbone', checkpoint='fdet')),
    head=dict(
        type='DepthMapHeatmapHead',
        in_channels=1280,
        deconv_out_channels=(128, 128, 128),
        deconv_kernel_sizes=(4, 4, 4),
        heatmap_loss=dict(type='GaussianHeatmapKLLoss', sigma=1., loss_weight=1.)),
    train_cfg=dict(),
    test_cfg=dict(flip_test=False))
