"""Rendered people -> photographs: multi-level alignment around the tuned mean teacher
(mean-teacher_synth-people-to-photos_mobilenetv2_128x128_tuned.py).

    udapose train configs/source_only/source-only_synth-people-to-photos_mobilenetv2_128x128.py
    udapose train \\
        configs/multilevel_alignment/multilevel_synth-people-to-photos_mobilenetv2_128x128_tuned.py
"""
_base_ = ['./multilevel_synth-people-to-photos_mobilenetv2_128x128.py']

model = dict(
    train_cfg=dict(confidence_quantile=0.2, extra_views=[dict(flip=True, scale=1.2)]),
    consistency=dict(loss_weight=3.0))
train_dataloader = dict(sampler=dict(source_ratio=[1, 3]))
