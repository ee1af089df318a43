"""ViT-B/16 with a volumetric head: 256x256 inputs, two deconvolutions, volumes of 64^3 voxels.
A config sets `head.num_keypoints` and `head.decoder` (the codec)."""
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True),
    backbone=dict(
        type='AttentionViT', arch='base', img_size=256, patch_size=16, drop_path_rate=0.1,
        with_cls_token=True, out_type='featmap', position_init='sincos'),
    head=dict(
        type='VolumetricHeatmapHead',
        in_channels=768,
        deconv_out_channels=(256, 256),
        deconv_kernel_sizes=(4, 4),
        coordinate_loss=dict(type='L1Loss', use_target_weight=True),
        heatmap_loss=dict(type='GaussianHeatmapKLLoss', sigma=2., loss_weight=1.)),
    train_cfg=dict(),
    test_cfg=dict(flip_test=False))
