"""Embedded people: both phases of multi-level alignment in one run.

    udapose train \
        configs/multilevel_alignment/multilevel_synth-people_res18-w32_64x64_one-run.py

1200 iterations on (stylised) source images, then 800 of adaptation, with one schedule. The pair of
configs does the same in two runs, whose first can be shared by several adaptations.
"""
_base_ = ['./multilevel_synth-people_res18-w32_64x64.py']

load_from = None
train_cfg = dict(max_iters=2000)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.02, by_epoch=False, begin=0, end=50),
    dict(type='MultiStepLR', by_epoch=False, milestones=[1000], gamma=0.5),
    dict(type='MultiStepLR', by_epoch=False, milestones=[1760, 1920], gamma=0.1)]
custom_hooks = [dict(type='SourcePretrainHook', iters=1200), *_base_.custom_hooks]
