"""Embedded hands: multi-level alignment with the published hyper-parameters (arXiv 2404.14885 and
its official code), sizes in pixels brought from 256 to 64 px inputs, schedule from 15,000 to 800
iterations, a small style network instead of VGG-19. Known oddities of the published code that are
*not* imitated: the misplaced occlusion and the nearest-neighbour resampling.

    udapose train configs/style_transfer/adain-small_synth-hands_64x64.py
    udapose train configs/style_only/style-only_synth-hands_res18-w32_64x64.py   # phase 1
    udapose train \
        configs/multilevel_alignment/multilevel_synth-hands_res18-w32_64x64_published.py
"""
_base_ = ['./multilevel_synth-hands_res18-w32_64x64.py']

augment_view = [
    dict(type='RandomFlip', direction='horizontal', prob=0.),
    # the published 0.6 to 1.3 magnifies the image, MMPose's factor the box
    dict(type='QuickRandomBBoxTransform', shift_factor=0.05, scale_factor=(1 / 1.3, 1 / 0.6),
         rotate_factor=180, rotate_prob=1.0, shift_prob=1.0),
    dict(type='RecordedTopdownAffine', input_size=(64, 64), shear=30.),
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
    consistency=dict(loss_weight=1.0),
    alignments=dict(
        feature=dict(
            _delete_=True, type='DomainAdversarialLoss', feature='head.deconv_layers',
            loss_weight=0.1,
            discriminator=dict(type='PatchDiscriminator', in_channels=32,
                               hidden_channels=(256, 128, 128))),
        pose=dict(_delete_=True, type='InformationMaximizationLoss', loss_weight=0.3)),
    student_augments=[
        dict(type='AdaptiveKeypointOcclusion', prob=0.5, threshold=0.9, half_size=3)],
    train_cfg=dict(
        confidence_quantile=0.5, per_joint_quantile=False, joint_forward=False,
        teacher_norm='batch', compare_frame='base', valid_mask=False))

optim_wrapper = dict(
    optimizer=dict(lr=1e-4),
    paramwise_cfg=dict(custom_keys=dict(discriminator=dict(lr_mult=1.))))
# of 30 epochs the first 4 run at the full rate, 15 at a tenth, 11 at a hundredth
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=False, milestones=[107, 507], gamma=0.1)]

custom_hooks = [
    dict(type='AdaINStyleHook', prob=0.5, alpha=(0., 1.), per_sample=False,
         stylizer=dict(
             type='AdaINStyleTransfer', encoder=dict(type='SmallStyleEncoder'),
             decoder=dict(type='SmallStyleDecoder'),
             checkpoint='work_dirs/adain-small_synth-hands_64x64/iter_400.pth')),
    dict(type='PreflightHook'),
    dict(type='AverageBuffersHook'),
    dict(type='ConstantLRHook'),
    dict(type='EMATeacherHook', momentum=0.001, buffers='keep'),
    dict(type='PseudoLabelMonitorHook'),
    dict(type='PseudoLabelVisualizationHook', interval=200),
    dict(type='DomainMapVisualizationHook', interval=200),
    dict(type='ExportTeacherHook')]
