"""Rendered people -> photographs: mean teacher that begins with its most confident pseudo-labels.

A tenth of them at first, half at the end of the training (docs/mean_teacher.md).
"""
_base_ = ['./mean-teacher_synth-people-to-photos_mobilenetv2_128x128.py']

model = dict(train_cfg=dict(confidence_quantile=(0.9, 0.5), per_joint_quantile=False))
