"""Rendered people with LSP's 14 joints at 96x96: labelled renderings only, from the encoder of an
autoencoder that has seen renderings and photographs. Validates on rendered people.

    udapose train configs/masked_reconstruction/mae_synth-people-to-photos_vit-tiny_96x96.py
    udapose train configs/source_only/source-only_synth-people-to-photos_vit-tiny_96x96.py

From scratch: `--cfg-options model.backbone.init_cfg=None`. Data: docs/real_photos.md.
"""
_base_ = [
    '../_base_/default_runtime.py', '../_base_/models/td-hm_vit-tiny_96x96.py',
    '../_base_/datasets/synth_people_to_photos_96x96.py',
    '../_base_/schedules/source3d_vit_8000it.py']

model = dict(
    backbone=dict(init_cfg=dict(  # the last checkpoint in this folder
        type='PretrainedViT', checkpoint='work_dirs/mae_synth-people-to-photos_vit-tiny_96x96')),
    head=dict(out_channels=_base_.num_keypoints, decoder=_base_.codec))
auto_scale_lr = dict(base_batch_size=16)
train_dataloader = dict(
    batch_size=16, num_workers=0, sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=_base_.labeled_source_train)
val_dataloader = dict(dataset=dict(_delete_=True, **_base_.source_val))
val_evaluator = dict(prefix='source')
custom_hooks = [
    dict(type='PlainAttentionHook'), dict(type='PreflightHook'), dict(type='AverageBuffersHook')]
