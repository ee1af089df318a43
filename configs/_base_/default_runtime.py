"""Runtime shared by all configs: iteration-based, exactly resumable, TensorBoard curves."""
custom_imports = dict(imports=['udapose'], allow_failed_imports=False)
default_scope = 'mmpose'

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50, log_metric_by_epoch=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    # two are kept: MMEngine deletes the older one before the newer one is complete
    checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=400, max_keep_ckpts=2),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    # here, not in custom_hooks, whose list a config replaces as a whole
    finite_loss=dict(type='FiniteLossHook'),
    rising_loss=dict(type='RisingLossHook'),
    # what --show-dir, --show and --badcase of MMPose's train.py and test.py switch on
    visualization=dict(type='PoseVisualizationHook', enable=False),
    badcase=dict(type='BadCaseAnalysisHook', enable=False, out_dir='badcase', metric_type='loss',
                 metric=dict(type='KeypointMSELoss', use_target_weight=True), badcase_thr=5))
custom_hooks = [dict(type='AverageBuffersHook')]

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'))  # without a GPU, udapose.compat takes gloo

vis_backends = [dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')]
visualizer = dict(type='PoseLocalVisualizer', vis_backends=vis_backends, name='visualizer')
log_processor = dict(type='LogProcessor', window_size=50, by_epoch=False, num_digits=6)
log_level = 'INFO'
load_from = None
resume = False
randomness = dict(seed=0)
