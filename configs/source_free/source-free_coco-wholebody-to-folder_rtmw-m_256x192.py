"""RTMW-m (whole body, 133 joints) -> a folder of your images, without source images.

    python tools/train.py \\
        configs/source_free/source-free_coco-wholebody-to-folder_rtmw-m_256x192.py \\
        --cfg-options train_dataloader.dataset.data_root=path/to/my_images/

Needs the folder and MMPose's public checkpoint, nothing else; without network:
`--cfg-options load_from=FILE`. Validation is label-free. Batch sizes are for one 24 GB GPU
(estimated, not run). See docs/source_free.md.
"""
_base_ = ['../mean_teacher/mean-teacher_coco-wholebody-to-folder_rtmw-m_256x192.py']

model = dict(
    alignments=dict(
        distillation=dict(type='StartModelDistillation', loss_weight=0.3),
        weights=dict(type='StartWeightLoss')),
    train_cfg=dict(source_free=True, student_norm='frozen'))

auto_scale_lr = dict(base_batch_size=32)
train_dataloader = dict(
    _delete_=True, batch_size=32, num_workers=4, persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=_base_.train_dataloader.dataset.target)

val_cfg = dict(_delete_=True, type='LabelFreeValLoop')
val_dataloader = dict(_delete_=True)
val_evaluator = dict(_delete_=True)
