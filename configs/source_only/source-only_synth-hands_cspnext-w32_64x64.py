"""Embedded hands, phase 1 of a small RTMPose: labelled source images only, from scratch.

    udapose synth --kind hands --out data/synthpose/hands
    udapose train configs/source_only/source-only_synth-hands_cspnext-w32_64x64.py
"""
_base_ = [
    '../_base_/default_runtime.py', '../_base_/models/simcc_cspnext-w32.py',
    '../_base_/datasets/synth_hands_simcc_64x64.py', '../_base_/schedules/source_1200it.py']

model = dict(head=dict(out_channels=_base_.num_keypoints, decoder=_base_.codec))
auto_scale_lr = dict(base_batch_size=32)
train_dataloader = dict(
    batch_size=32, num_workers=0, sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=_base_.labeled_source_train)
custom_hooks = [dict(type='PreflightHook'), dict(type='AverageBuffersHook')]
