"""Multi-level alignment as published (arXiv 2404.14885, official code) for 256x256 inputs.

Known oddities of the published code that are *not* imitated: the misplaced occlusion and the
nearest-neighbour resampling. A config gives the style network's decoder to `style_hook`.
The style network works on images normalised with ImageNet's mean and deviation, as published; the
animals' on those of their pose network, from which only a mean is subtracted.
"""
mean_teacher = dict(
    type='MeanTeacherPoseEstimator',
    consistency=dict(type='HeatmapConsistencyLoss', loss_weight=1.0),
    alignments=dict(
        feature=dict(
            type='DomainAdversarialLoss', feature='head.deconv_layers', loss_weight=0.1,
            discriminator=dict(type='PatchDiscriminator', in_channels=256)),
        pose=dict(type='InformationMaximizationLoss', loss_weight=0.3)),
    student_augments=[
        dict(type='AdaptiveKeypointOcclusion', prob=0.5, threshold=0.9, half_size=10)],
    train_cfg=dict(
        confidence_quantile=0.5, per_joint_quantile=False, joint_forward=False,
        teacher_norm='batch', compare_frame='base', valid_mask=False))

style_hook = dict(
    type='AdaINStyleHook', prob=0.5, alpha=(0., 1.), per_sample=False,
    stylizer=dict(
        type='AdaINStyleTransfer', input='imagenet',
        encoder=dict(type='VGG19StyleEncoder', weights='checkpoints/vgg_normalised.pth'),
        decoder=dict(type='StyleDecoder')))

hooks = [
    dict(type='PreflightHook'),
    dict(type='AverageBuffersHook'),
    dict(type='ConstantLRHook'),
    dict(type='EMATeacherHook', momentum=0.001, buffers='keep'),
    dict(type='PseudoLabelMonitorHook'),
    dict(type='PseudoLabelVisualizationHook', interval=1000),
    dict(type='DomainMapVisualizationHook', interval=1000),
    dict(type='ExportTeacherHook')]
