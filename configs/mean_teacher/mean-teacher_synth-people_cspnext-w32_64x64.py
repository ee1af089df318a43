"""Embedded people: mean teacher of a small RTMPose, from the source model of phase 1.

    udapose train configs/source_only/source-only_synth-people_cspnext-w32_64x64.py
    udapose train configs/mean_teacher/mean-teacher_synth-people_cspnext-w32_64x64.py

Your own images: `--cfg-options train_dataloader.dataset.target.data_root=FOLDER`.
"""
_base_ = [
    '../_base_/default_runtime.py', '../_base_/models/simcc_cspnext-w32.py',
    '../_base_/datasets/synth_people_simcc_64x64.py', '../_base_/schedules/adapt_800it.py']

load_from = 'work_dirs/source-only_synth-people_cspnext-w32_64x64/iter_1200.pth'

model = dict(
    _delete_=True,
    type='MeanTeacherPoseEstimator',
    pose_estimator=dict(
        _base_.model,
        head=dict(_base_.model.head, out_channels=_base_.num_keypoints, decoder=_base_.codec)),
    train_cfg=dict(confidence_quantile=0.5, per_joint_quantile=True))

auto_scale_lr = dict(base_batch_size=64)
train_dataloader = dict(
    batch_size=64, num_workers=0,
    sampler=dict(type='TwoDomainSampler', batch_size=64, source_ratio=[1, 1]),
    dataset=dict(
        type='TwoDomainDataset', source=_base_.source_train, target=_base_.target_train))

custom_hooks = [
    dict(type='PreflightHook'),
    dict(type='AverageBuffersHook'),
    dict(type='EMATeacherHook', momentum=0.01),
    dict(type='PseudoLabelMonitorHook'),
    dict(type='PseudoLabelVisualizationHook', interval=200),
    dict(type='ExportTeacherHook')]
