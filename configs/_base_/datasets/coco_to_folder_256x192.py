"""Parts for stock COCO models: labelled COCO as source, a folder of your images as target.

Only new names (`adapt_*`), since it is joined with a complete `mmpose::` config.
"""
adapt_view = [
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='QuickRandomBBoxTransform', rotate_factor=45, scale_factor=(0.75, 1.25)),
    dict(type='RecordedTopdownAffine', input_size=(192, 256)),
    dict(type='ColorJitter', brightness=0.25, contrast=0.25, saturation=0.25)]
adapt_view_udp = [
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='QuickRandomBBoxTransform', rotate_factor=45, scale_factor=(0.75, 1.25)),
    dict(type='RecordedTopdownAffine', input_size=(192, 256), use_udp=True),
    dict(type='ColorJitter', brightness=0.25, contrast=0.25, saturation=0.25)]
adapt_load = [dict(type='LoadPoseImage'), dict(type='GetBBoxCenterScale')]
adapt_source = dict(
    type='CocoDataset', data_root='data/coco/', data_mode='topdown',
    ann_file='annotations/person_keypoints_train2017.json', data_prefix=dict(img='train2017/'))
adapt_val = dict(
    type='CocoDataset', data_root='data/coco/', data_mode='topdown', test_mode=True,
    ann_file='annotations/person_keypoints_val2017.json', data_prefix=dict(img='val2017/'))
adapt_target = dict(  # boxes, if you have any: bbox_file='detections.json'
    type='UnlabeledPoseDataset', data_root='data/my_images/',
    metainfo=dict(from_file='configs/_base_/datasets/coco.py'))  # found in the installed MMPose
adapt_hooks = [
    dict(type='PreflightHook'),
    dict(type='AverageBuffersHook'),
    dict(type='EMATeacherHook', momentum=0.001),
    dict(type='PseudoLabelMonitorHook'),
    dict(type='PseudoLabelVisualizationHook', interval=500),
    dict(type='ExportTeacherHook')]
adapt_train_cfg = dict(type='ResumableIterBasedTrainLoop', max_iters=10000, val_interval=2000)
adapt_default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50, log_metric_by_epoch=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=1000, max_keep_ckpts=2),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    visualization=dict(type='PoseVisualizationHook', enable=False),
    finite_loss=dict(type='FiniteLossHook'),
    rising_loss=dict(type='RisingLossHook'))
