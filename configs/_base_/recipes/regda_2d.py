"""RegDA (CVPR 2021): a second head after the shared deconvolutions, no teacher, no style; weights
of its published code, but not its criterion and coefficient (docs/regda.md). A config sets
`out_channels` and `decoder` of the head."""
second_head = dict(
    type='HeatmapHead', in_channels=256, deconv_out_channels=None, conv_out_channels=(256,),
    conv_kernel_sizes=(3,), loss=dict(type='KeypointMSELoss', use_target_weight=True))
regda = dict(
    type='MeanTeacherPoseEstimator', consistency=None,
    alignments=dict(disparity=dict(
        type='RegressionDisparity', feature='head.deconv_layers', margin=4., loss_weight=1.)),
    test_cfg=dict(predict_on='student'))

regda_hooks = [
    dict(type='PreflightHook'),
    dict(type='AverageBuffersHook'),
    dict(type='ExportTeacherHook', branch='student')]
