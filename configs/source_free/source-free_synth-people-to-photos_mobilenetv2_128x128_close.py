"""Photographs alone, without source images, with the teacher that looks twice and closer
(mean-teacher_synth-people-to-photos_mobilenetv2_128x128_close.py, which says what that is).

    udapose train configs/source_only/source-only_synth-people-to-photos_mobilenetv2_128x128.py
    udapose train \\
        configs/source_free/source-free_synth-people-to-photos_mobilenetv2_128x128_close.py
"""
_base_ = ['./source-free_synth-people-to-photos_mobilenetv2_128x128.py']

model = dict(
    student_augments=[
        dict(type='AdaptiveKeypointOcclusion', prob=0.5, threshold=0.4, half_size=8)],
    train_cfg=dict(extra_views=[dict(flip=True, scale=1.2)]))

train_dataloader = dict(dataset=dict(pipeline=_base_.closer_target_pipeline))
