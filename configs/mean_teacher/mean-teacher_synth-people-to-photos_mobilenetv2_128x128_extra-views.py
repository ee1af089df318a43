"""Rendered people -> photographs: mean teacher whose teacher looks a second time, at its view
mirrored and enlarged; pseudo-labels are where both looks agree (docs/mean_teacher.md).

    udapose train configs/source_only/source-only_synth-people-to-photos_mobilenetv2_128x128.py
    udapose train \\
        configs/mean_teacher/mean-teacher_synth-people-to-photos_mobilenetv2_128x128_extra-views.py
"""
_base_ = ['./mean-teacher_synth-people-to-photos_mobilenetv2_128x128.py']

model = dict(train_cfg=dict(extra_views=[dict(flip=True, scale=1.2)]))
