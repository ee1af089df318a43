"""Rendered people -> photographs: the upper bound, supervised on renderings *and* photographs.

Continues from the same source model for as many iterations, and about as many images of either
domain, as the adaptation.
"""
_base_ = [
    '../_base_/default_runtime.py', '../_base_/models/td-hm_mobilenetv2.py',
    '../_base_/datasets/synth_people_to_photos_128x128.py', '../_base_/schedules/adapt_1000it.py']
default_hooks = dict(channels_last=dict(type='ChannelsLastHook'))

load_from = 'work_dirs/source-only_synth-people-to-photos_mobilenetv2_128x128/iter_6000.pth'

model = dict(head=dict(out_channels=_base_.num_keypoints, decoder=_base_.codec))
# eight times: about as many photographs as renderings
photos = [dict(_base_.labeled_photos, pipeline=[])] * 8
auto_scale_lr = dict(base_batch_size=32)
train_dataloader = dict(
    batch_size=32, num_workers=0, sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(_base_.labeled_source_train, datasets=[*_base_.people, *photos]))
del photos
custom_hooks = [dict(type='PreflightHook'), dict(type='AverageBuffersHook')]
