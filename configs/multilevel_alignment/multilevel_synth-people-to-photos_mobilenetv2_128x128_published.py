"""Rendered people -> photographs: multi-level alignment with the published hyper-parameters, sizes
in pixels brought from 256 to 128 px inputs; a small style network instead of VGG-19.

    udapose train configs/style_transfer/adain-small_synth-people-to-photos_128x128.py
    udapose train configs/source_only/source-only_synth-people-to-photos_mobilenetv2_128x128.py
    udapose train \\
        configs/multilevel_alignment/multilevel_synth-people-to-photos_mobilenetv2_128x128_published.py
"""
_base_ = ['./multilevel_synth-people-to-photos_mobilenetv2_128x128.py']

augment_view = [
    dict(type='RandomFlip', direction='horizontal', prob=0.),
    # the published 0.6 to 1.3 magnifies the image, MMPose's factor the box
    dict(type='QuickRandomBBoxTransform', shift_factor=0.05, scale_factor=(1 / 1.3, 1 / 0.6),
         rotate_factor=60, rotate_prob=1.0, shift_prob=1.0),
    dict(type='RecordedTopdownAffine', input_size=(128, 128), shear=30.),
    dict(type='ColorJitter', brightness=0.25, contrast=0.25, saturation=0.25)]
square = dict(type='RandomSquareCrop')  # both views of a target image share it
train_dataloader = dict(dataset=dict(
    source=dict(pipeline=[
        *_base_.load_whole_image, square, *augment_view,
        dict(type='GenerateTarget', encoder=_base_.codec),
        dict(type='PackBranches', branch='source')]),
    target=dict(pipeline=[
        *_base_.target_pipeline[:-1], square,
        dict(type='ForkViews', teacher=augment_view, student=augment_view)])))

model = dict(
    # the published source loss is half a mean squared error
    pose_estimator=dict(head=dict(loss=dict(loss_weight=0.5))),
    alignments=dict(
        feature=dict(
            _delete_=True, type='DomainAdversarialLoss', feature='head.deconv_layers',
            loss_weight=0.1,
            discriminator=dict(type='PatchDiscriminator', in_channels=128,
                               hidden_channels=(256, 128, 128))),
        pose=dict(_delete_=True, type='InformationMaximizationLoss', loss_weight=0.3)),
    student_augments=[
        dict(type='AdaptiveKeypointOcclusion', prob=0.5, threshold=0.9, half_size=5)],
    train_cfg=dict(
        confidence_quantile=0.5, per_joint_quantile=False, joint_forward=False,
        teacher_norm='batch', compare_frame='base', valid_mask=False))

optim_wrapper = dict(
    optimizer=dict(lr=1e-4),
    paramwise_cfg=dict(custom_keys=dict(discriminator=dict(lr_mult=1.))))

custom_hooks = [
    dict(type='AdaINStyleHook', prob=0.5, alpha=(0., 1.), per_sample=False,
         stylizer=dict(
             type='AdaINStyleTransfer', encoder=dict(type='SmallStyleEncoder'),
             decoder=dict(type='SmallStyleDecoder'),
             checkpoint='work_dirs/adain-small_synth-people-to-photos_128x128/iter_800.pth')),
    dict(type='PreflightHook'),
    dict(type='AverageBuffersHook'),
    dict(type='ConstantLRHook'),
    dict(type='EMATeacherHook', momentum=0.001, buffers='keep'),
    dict(type='PseudoLabelMonitorHook'),
    dict(type='PseudoLabelVisualizationHook', interval=250),
    dict(type='DomainMapVisualizationHook', interval=250),
    dict(type='ExportTeacherHook')]
