"""Rendered people -> photographs, phase 2 without adaptation: the fair baseline.

Continues from the source model of phase 1 for as many source images, with the same schedule and
augmentation, as the adaptation sees.
"""
_base_ = [
    '../_base_/default_runtime.py', '../_base_/models/td-hm_mobilenetv2.py',
    '../_base_/datasets/synth_people_to_photos_128x128.py', '../_base_/schedules/adapt_1000it.py']
default_hooks = dict(channels_last=dict(type='ChannelsLastHook'))

load_from = 'work_dirs/source-only_synth-people-to-photos_mobilenetv2_128x128/iter_6000.pth'

model = dict(head=dict(out_channels=_base_.num_keypoints, decoder=_base_.codec))
auto_scale_lr = dict(base_batch_size=16)
train_dataloader = dict(
    batch_size=16, num_workers=0, sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=_base_.labeled_source_train)
custom_hooks = [dict(type='PreflightHook'), dict(type='AverageBuffersHook')]
