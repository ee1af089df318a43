"""Photographs alone: mean teacher without source images, from the source model of phase 1.

    udapose train configs/source_only/source-only_synth-people-to-photos_mobilenetv2_128x128.py
    udapose train configs/source_free/source-free_synth-people-to-photos_mobilenetv2_128x128.py

What each term does: docs/source_free.md.
"""
_base_ = ['../mean_teacher/mean-teacher_synth-people-to-photos_mobilenetv2_128x128.py']

model = dict(
    alignments=dict(
        distillation=dict(type='StartModelDistillation', loss_weight=0.3),
        weights=dict(type='StartWeightLoss')),
    train_cfg=dict(source_free=True))

auto_scale_lr = dict(base_batch_size=16)
train_dataloader = dict(
    _delete_=True, batch_size=16, num_workers=0,
    sampler=dict(type='InfiniteSampler', shuffle=True), dataset=_base_.target_train)
