"""Embedded hands: mean teacher without source images, from the source model of phase 1.

    python tools/train.py configs/source_only/source-only_synth-hands_res18-w32_64x64.py
    python tools/train.py configs/source_free/source-free_synth-hands_res18-w32_64x64.py

Your own images: `--cfg-options train_dataloader.dataset.data_root=FOLDER`. A term less:
`model.alignments.weights=None`; what each does: docs/source_free.md.
"""
_base_ = ['../mean_teacher/mean-teacher_synth-hands_res18-w32_64x64.py']

model = dict(
    alignments=dict(
        distillation=dict(type='StartModelDistillation', loss_weight=0.3),
        weights=dict(type='StartWeightLoss')),
    train_cfg=dict(source_free=True))

auto_scale_lr = dict(base_batch_size=32)
train_dataloader = dict(
    _delete_=True, batch_size=32, num_workers=0,
    sampler=dict(type='InfiniteSampler', shuffle=True), dataset=_base_.target_train)
