"""Rendered people -> photographs (LSP's 14 joints): mean teacher from the source model of phase 1.

    udapose train configs/source_only/source-only_synth-people-to-photos_mobilenetv2_128x128.py
    udapose train configs/mean_teacher/mean-teacher_synth-people-to-photos_mobilenetv2_128x128.py

Your own photographs: `--cfg-options train_dataloader.dataset.target.data_root=FOLDER`, with
`--no-validate` where they have no labels.
"""
_base_ = [
    '../_base_/default_runtime.py', '../_base_/models/td-hm_mobilenetv2.py',
    '../_base_/datasets/synth_people_to_photos_128x128.py', '../_base_/schedules/adapt_1000it.py']
default_hooks = dict(channels_last=dict(type='ChannelsLastHook'))

load_from = 'work_dirs/source-only_synth-people-to-photos_mobilenetv2_128x128/iter_6000.pth'

model = dict(
    _delete_=True,
    type='MeanTeacherPoseEstimator',
    pose_estimator=dict(
        _base_.model,
        head=dict(_base_.model.head, out_channels=_base_.num_keypoints, decoder=_base_.codec)),
    consistency=dict(type='HeatmapConsistencyLoss', loss_weight=1.0),
    train_cfg=dict(confidence_quantile=0.5, per_joint_quantile=True))

auto_scale_lr = dict(base_batch_size=32)
train_dataloader = dict(
    batch_size=32, num_workers=0,
    sampler=dict(type='TwoDomainSampler', batch_size=32, source_ratio=[1, 1]),
    dataset=dict(
        type='TwoDomainDataset', source=_base_.source_train, target=_base_.target_train))

custom_hooks = [
    dict(type='PreflightHook'),
    dict(type='AverageBuffersHook'),
    dict(type='EMATeacherHook', momentum=0.01),
    dict(type='PseudoLabelMonitorHook'),
    dict(type='PseudoLabelVisualizationHook', interval=250),
    dict(type='ExportTeacherHook')]
