"""RTMW-m (whole body, 133 joints) -> a folder of your images (around MMPose's config).

    python tools/train.py \\
        configs/mean_teacher/mean-teacher_coco-wholebody-to-folder_rtmw-m_256x192.py \\
        --cfg-options train_dataloader.dataset.target.data_root=path/to/my_images/

Expects COCO with COCO-WholeBody's annotations in data/coco/ (the labelled source).
`load_from` is MMPose's public checkpoint; without network: `--cfg-options load_from=FILE`. Without
the validation set: `val_cfg=None val_dataloader=None val_evaluator=None`. Batch sizes are for one
24 GB GPU (estimated, not run).
Without source images: configs/source_free/.
"""
_base_ = [
    'mmpose::wholebody_2d_keypoint/rtmpose/cocktail14/rtmw-m_8xb1024-270e_cocktail14-256x192.py',
    '../_base_/datasets/coco_wholebody_to_folder_256x192.py']

custom_imports = dict(imports=['udapose'], allow_failed_imports=False)
load_from = (
    'https://download.openmmlab.com/mmpose/v1/projects/rtmw/'
    'rtmw-dw-l-m_simcc-cocktail14_270e-256x192-20231122.pth')

model = dict(
    _delete_=True, type='MeanTeacherPoseEstimator',
    pose_estimator=dict(_base_.model, backbone=dict(_base_.model.backbone, init_cfg=None)),
    train_cfg=dict(confidence_quantile=0.5, per_joint_quantile=True))

train_dataloader = dict(
    _delete_=True, batch_size=64, num_workers=4, persistent_workers=True,
    sampler=dict(type='TwoDomainSampler', batch_size=64, source_ratio=[1, 1]),
    dataset=dict(
        type='TwoDomainDataset',
        source=dict(_base_.adapt_source, pipeline=_base_.adapt_load + _base_.adapt_view + [
            dict(type='GenerateTarget', encoder=_base_.codec),
            dict(type='PackBranches', branch='source')]),
        target=dict(_base_.adapt_target, pipeline=_base_.adapt_load + [
            dict(type='ForkViews', teacher=_base_.adapt_view, student=_base_.adapt_view)])))
val_dataloader = dict(
    _delete_=True, batch_size=64, num_workers=4, persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(_base_.adapt_val, pipeline=_base_.val_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='CocoWholeBodyMetric',
    ann_file='data/coco/annotations/coco_wholebody_val_v1.0.json')
test_evaluator = val_evaluator

train_cfg = dict(_delete_=True, **_base_.adapt_train_cfg)
val_cfg = dict(_delete_=True, type='TeacherStudentValLoop')
test_cfg = dict(_delete_=True, type='TeacherStudentTestLoop')
optim_wrapper = dict(optimizer=dict(lr=1e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=200),
    dict(type='MultiStepLR', by_epoch=False, milestones=[7000, 9000], gamma=0.1)]
auto_scale_lr = dict(enable=False, base_batch_size=64)
default_hooks = dict(_delete_=True, **_base_.adapt_default_hooks)
custom_hooks = _base_.adapt_hooks
log_processor = dict(by_epoch=False)
