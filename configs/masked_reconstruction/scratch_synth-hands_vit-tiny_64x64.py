"""Embedded hands in 3D: labelled source images only, from scratch; what pre-training must beat.

    udapose synth --kind hands --out data/synthpose/hands
    udapose train configs/masked_reconstruction/scratch_synth-hands_vit-tiny_64x64.py
"""
_base_ = [
    '../_base_/default_runtime.py', '../_base_/models/pose3d_vit-tiny.py',
    '../_base_/datasets/synth_hands_3d_64x64.py', '../_base_/schedules/source3d_vit_8000it.py']

model = dict(head=dict(num_keypoints=_base_.num_keypoints, decoder=_base_.codec))
auto_scale_lr = dict(base_batch_size=16)
train_dataloader = dict(
    batch_size=16, num_workers=0, sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=_base_.labeled_source_train)
train_cfg = dict(max_iters=1600, val_interval=400)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.02, by_epoch=False, begin=0, end=120),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=120, end=1600, eta_min=0.)]
custom_hooks = [
    dict(type='PlainAttentionHook'), dict(type='PreflightHook'), dict(type='AverageBuffersHook')]
