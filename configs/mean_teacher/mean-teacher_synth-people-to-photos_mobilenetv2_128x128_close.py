"""Rendered people -> photographs: the teacher looks twice and closer, the student sees less.

The teacher's crop shows 0.7 to 1 times the box, the student's 0.75 to 1.25 times: what a network
sees larger it locates more precisely. Parts of joints that the teacher is sure of are covered in
the student's view, as in multi-level alignment. Chosen by trainings scored with labels of the
training photographs, not of the test set (docs/real_photos.md).

    udapose train configs/source_only/source-only_synth-people-to-photos_mobilenetv2_128x128.py
    udapose train \\
        configs/mean_teacher/mean-teacher_synth-people-to-photos_mobilenetv2_128x128_close.py
"""
_base_ = ['./mean-teacher_synth-people-to-photos_mobilenetv2_128x128_extra-views.py']

model = dict(student_augments=[
    dict(type='AdaptiveKeypointOcclusion', prob=0.5, threshold=0.4, half_size=8)])

train_dataloader = dict(dataset=dict(target=dict(pipeline=_base_.closer_target_pipeline)))
