"""Embedded people: multi-level alignment (arXiv 2404.14885), recommended settings.

    udapose train configs/style_only/style-only_synth-people_res18-w32_64x64.py   # phase 1
    udapose train configs/multilevel_alignment/multilevel_synth-people_res18-w32_64x64.py

Your own images, as target and for the style (in phase 1 the second key alone): `--cfg-options
train_dataloader.dataset.target.data_root=FOLDER custom_hooks.0.style_images.data_root=FOLDER`.
"""
_base_ = [
    '../_base_/default_runtime.py', '../_base_/models/td-hm_res18-w32.py',
    '../_base_/datasets/synth_people_64x64.py', '../_base_/schedules/adapt_800it.py']

load_from = 'work_dirs/style-only_synth-people_res18-w32_64x64/iter_1200.pth'

model = dict(
    _delete_=True,
    type='MeanTeacherPoseEstimator',
    pose_estimator=dict(
        _base_.model,
        head=dict(_base_.model.head, out_channels=_base_.num_keypoints, decoder=_base_.codec)),
    consistency=dict(type='HeatmapConsistencyLoss', loss_weight=1.0),
    alignments=dict(
        feature=dict(
            type='DomainAdversarialLoss', feature='backbone.layer4', loss_weight=0.001,
            discriminator=dict(type='PatchDiscriminator', in_channels=256, hidden_channels=(64,),
                               kernel_size=1),
            reversal=dict(schedule='warmup')),
        pose=dict(
            type='InformationMaximizationLoss', form='joint', temperature=0.1, normalize='log',
            loss_weight=0.0003)),
    student_augments=[
        dict(type='AdaptiveKeypointOcclusion', prob=0.5, threshold=0.4, half_size=4)],
    train_cfg=dict(confidence_quantile=0.5, per_joint_quantile=True))

auto_scale_lr = dict(base_batch_size=64)
train_dataloader = dict(
    batch_size=64, num_workers=0,
    sampler=dict(type='TwoDomainSampler', batch_size=64, source_ratio=[1, 1]),
    dataset=dict(
        type='TwoDomainDataset', source=_base_.source_train, target=_base_.target_train))

custom_hooks = [
    dict(type='AdaINStyleHook', stylizer=dict(type='FourierAmplitudeTransfer', beta=0.6), prob=0.9,
         alpha=(0.3, 1.), style_images=_base_.target_train),
    dict(type='PreflightHook'),
    dict(type='AverageBuffersHook'),
    dict(type='EMATeacherHook', momentum=0.01),
    dict(type='PseudoLabelMonitorHook'),
    dict(type='PseudoLabelVisualizationHook', interval=200),
    dict(type='DomainMapVisualizationHook', interval=200),
    dict(type='ExportTeacherHook')]
