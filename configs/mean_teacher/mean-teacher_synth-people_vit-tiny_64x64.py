"""Embedded people: both papers together. Masked reconstruction on both domains gives the encoder
(arXiv 2501.08408), style transfer and a mean teacher adapt it (arXiv 2404.14885), and the student's
attention is kept near the pre-trained one.

    udapose train configs/masked_reconstruction/mae_synth-people_vit-tiny_64x64.py
    udapose train configs/style_only/style-only_synth-people_vit-tiny_64x64.py
    udapose train configs/mean_teacher/mean-teacher_synth-people_vit-tiny_64x64.py

Without attention regularization: `--cfg-options model.alignments.attention=None`.
"""
_base_ = [
    '../_base_/default_runtime.py', '../_base_/models/td-hm_vit-tiny.py',
    '../_base_/datasets/synth_people_64x64.py', '../_base_/schedules/adapt_800it.py']

load_from = 'work_dirs/style-only_synth-people_vit-tiny_64x64/iter_1200.pth'

model = dict(
    _delete_=True,
    type='MeanTeacherPoseEstimator',
    pose_estimator=dict(
        _base_.model,
        head=dict(_base_.model.head, out_channels=_base_.num_keypoints, decoder=_base_.codec)),
    consistency=dict(type='HeatmapConsistencyLoss', loss_weight=1.0),
    alignments=dict(attention=dict(
        type='AttentionRegularization', on=('source', 'target'),
        encoder=dict(_base_.model.backbone, init_cfg=dict(
            type='PretrainedViT', checkpoint='work_dirs/mae_synth-people_vit-tiny_64x64')),
        loss=dict(type='AttentionRegularizationLoss', distance='kl', loss_weight=0.001))),
    train_cfg=dict(confidence_quantile=0.5, per_joint_quantile=True))

auto_scale_lr = dict(base_batch_size=64)
train_dataloader = dict(
    batch_size=64, num_workers=0,
    sampler=dict(type='TwoDomainSampler', batch_size=64, source_ratio=[1, 1]),
    dataset=dict(
        type='TwoDomainDataset', source=_base_.source_train, target=_base_.target_train))
optim_wrapper = dict(
    _delete_=True, **dict(_base_.vit_optim_wrapper, optimizer=dict(
        type='AdamW', lr=5e-4, weight_decay=0.05)))

custom_hooks = [
    dict(type='AdaINStyleHook', stylizer=dict(type='FourierAmplitudeTransfer', beta=0.6), prob=0.9,
         alpha=(0.3, 1.), style_images=_base_.target_train),
    dict(type='PreflightHook'),
    dict(type='AverageBuffersHook'),
    dict(type='EMATeacherHook', momentum=0.01),
    dict(type='PseudoLabelMonitorHook'),
    dict(type='PseudoLabelVisualizationHook', interval=200),
    dict(type='AttentionVisualizationHook', interval=200),
    dict(type='ExportTeacherHook')]
