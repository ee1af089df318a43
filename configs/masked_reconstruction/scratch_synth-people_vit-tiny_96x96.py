"""Embedded people in 3D at 96x96: labelled source images only, from scratch; what pre-training must
beat.

    udapose synth --kind people --out data/synthpose/people
    udapose train configs/masked_reconstruction/scratch_synth-people_vit-tiny_96x96.py
"""
_base_ = [
    '../_base_/default_runtime.py', '../_base_/models/pose3d_vit-tiny_96x96.py',
    '../_base_/datasets/synth_people_3d_96x96.py', '../_base_/schedules/source3d_vit_8000it.py']

model = dict(head=dict(num_keypoints=_base_.num_keypoints, decoder=_base_.codec))
auto_scale_lr = dict(base_batch_size=16)
train_dataloader = dict(
    batch_size=16, num_workers=0, sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=_base_.labeled_source_train)
custom_hooks = [
    dict(type='PlainAttentionHook'), dict(type='PreflightHook'), dict(type='AverageBuffersHook')]
