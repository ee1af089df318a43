"""Embedded people: the upper bound, supervised on labelled source *and* target images.

Continues from the same source model for as many iterations, and as many images of either domain,
as the adaptation.
"""
_base_ = [
    '../_base_/default_runtime.py', '../_base_/models/td-hm_res18-w32.py',
    '../_base_/datasets/synth_people_64x64.py', '../_base_/schedules/adapt_800it.py']

load_from = 'work_dirs/source-only_synth-people_res18-w32_64x64/iter_1200.pth'

model = dict(head=dict(out_channels=_base_.num_keypoints, decoder=_base_.codec))
auto_scale_lr = dict(base_batch_size=64)
train_dataloader = dict(
    batch_size=64, num_workers=0, sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='CombinedDataset', metainfo=_base_.source_metainfo,
        datasets=[_base_.labeled_source_train, _base_.labeled_target_train], pipeline=[]))
custom_hooks = [dict(type='PreflightHook'), dict(type='AverageBuffersHook')]
