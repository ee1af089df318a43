"""HamiPose (CVPR 2026) as secondary summaries describe it, docs/hamipose.md: mean teacher without
style, keypoint-wise gradient gate. Not described and ours: the choice of pseudo-labels."""
hamipose = dict(
    type='MeanTeacherPoseEstimator',
    consistency=dict(type='HeatmapConsistencyLoss', loss_weight=1.0),
    gradient_rule=dict(type='KeypointGradientGate', gamma=2., gamma_warmup=0.1),
    train_cfg=dict(confidence_quantile=0.5))

hamipose_hooks = [
    dict(type='PreflightHook'),
    dict(type='AverageBuffersHook'),
    dict(type='EMATeacherHook', momentum=0.01),
    dict(type='PseudoLabelMonitorHook'),
    dict(type='PseudoLabelVisualizationHook', interval=1000),
    dict(type='ExportTeacherHook')]
