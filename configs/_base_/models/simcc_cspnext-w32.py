"""A CPU-sized RTMPose for 64x64 px: the first two stages of CSPNeXt at RTMPose-s's width (with all
four a joint would have 2x2 positions to read, here it has 8x8) and RTMPose's head. A config sets
`head.out_channels` and `head.decoder` (the codec)."""
model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True),
    backbone=dict(
        type='CSPNeXt',
        # of each stage: channels in and out (halved below), blocks, identity, spatial pyramid
        arch_ovewrite=[[64, 128, 1, True, False], [128, 256, 2, False, True]],
        widen_factor=0.5,
        out_indices=(2,),
        norm_cfg=dict(type='BN')),
    head=dict(
        type='RTMCCHead',
        in_channels=128,
        input_size=(64, 64),
        in_featuremap_size=(8, 8),
        simcc_split_ratio=2.0,
        final_layer_kernel_size=7,
        gau_cfg=dict(
            hidden_dims=256, s=128, expansion_factor=2, dropout_rate=0., drop_path=0.,
            act_fn='SiLU', use_rel_bias=False, pos_enc=False),
        loss=dict(type='KLDiscretLoss', use_target_weight=True, beta=10., label_softmax=True)),
    train_cfg=dict(compute_acc=False),
    test_cfg=dict(flip_test=False))
