"""SimpleBaseline of the published 2D benchmarks: ResNet-101 from ImageNet, three deconvolutions of
256 channels. A config sets `head.out_channels` and `head.decoder` (the codec)."""
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True),
    backbone=dict(
        type='ResNet', depth=101,
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet101')),
    head=dict(
        type='HeatmapHead',
        in_channels=2048,
        loss=dict(type='KeypointMSELoss', use_target_weight=True, loss_weight=0.5)),
    train_cfg=dict(compute_acc=False),
    test_cfg=dict(flip_test=False))
