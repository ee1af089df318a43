"""A CPU-sized ViT with a 3D head: 6 layers of width 192, patches of 8 pixels, 64x64 input, a
volume of 16^3 voxels. A config sets `head.num_keypoints` and `head.decoder` (the codec)."""
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
        type='VolumetricHeatmapHead',
        in_channels=192,
        deconv_out_channels=(128, ),
        deconv_kernel_sizes=(4, ),
        coordinate_loss=dict(type='L1Loss', use_target_weight=True),
        heatmap_loss=dict(type='GaussianHeatmapKLLoss', sigma=1., loss_weight=1.)),
    train_cfg=dict(),
    test_cfg=dict(flip_test=False))
