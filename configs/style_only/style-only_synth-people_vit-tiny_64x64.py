"""Embedded people, phase 1 with style transfer, from a masked autoencoder's encoder.

    udapose train configs/masked_reconstruction/mae_synth-people_vit-tiny_64x64.py
    udapose train configs/style_only/style-only_synth-people_vit-tiny_64x64.py

From scratch: `--cfg-options model.backbone.init_cfg=None`.
"""
_base_ = [
    '../_base_/default_runtime.py', '../_base_/models/td-hm_vit-tiny.py',
    '../_base_/datasets/synth_people_64x64.py', '../_base_/schedules/source_1200it.py']

model = dict(
    backbone=dict(init_cfg=dict(  # the last checkpoint in this folder
        type='PretrainedViT', checkpoint='work_dirs/mae_synth-people_vit-tiny_64x64')),
    head=dict(out_channels=_base_.num_keypoints, decoder=_base_.codec))
auto_scale_lr = dict(base_batch_size=32)
train_dataloader = dict(
    batch_size=32, num_workers=0, sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=_base_.labeled_source_train)
optim_wrapper = dict(_delete_=True, **_base_.vit_optim_wrapper)
custom_hooks = [
    dict(type='AdaINStyleHook', stylizer=dict(type='FourierAmplitudeTransfer', beta=0.6), prob=0.9,
         alpha=(0.3, 1.), style_images=_base_.target_train),
    dict(type='PreflightHook'), dict(type='AverageBuffersHook')]
