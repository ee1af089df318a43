"""Rendered people -> photographs: mean teacher with two views of the teacher, four fifths of the
pseudo-labels, three times the consistency, and three photographs for each rendering in a batch.

Chosen by short trials scored on labels of the training photographs, not of the test set
(docs/real_photos.md).

    udapose train configs/source_only/source-only_synth-people-to-photos_mobilenetv2_128x128.py
    udapose train \\
        configs/mean_teacher/mean-teacher_synth-people-to-photos_mobilenetv2_128x128_tuned.py
"""
_base_ = ['./mean-teacher_synth-people-to-photos_mobilenetv2_128x128_extra-views.py']

model = dict(train_cfg=dict(confidence_quantile=0.2), consistency=dict(loss_weight=3.0))
train_dataloader = dict(sampler=dict(source_ratio=[1, 3]))
