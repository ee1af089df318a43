"""Rendered people -> photographs: multi-level alignment around the mean teacher whose teacher looks
closer (mean-teacher_synth-people-to-photos_mobilenetv2_128x128_close.py), with a light style
transfer: the band that FDA (arXiv 2004.05498) recommends, in half of the source images.

    udapose train configs/source_only/source-only_synth-people-to-photos_mobilenetv2_128x128.py
    udapose train \\
        configs/multilevel_alignment/multilevel_synth-people-to-photos_mobilenetv2_128x128_close.py
"""
_base_ = ['./multilevel_synth-people-to-photos_mobilenetv2_128x128.py']

model = dict(train_cfg=dict(extra_views=[dict(flip=True, scale=1.2)]))

train_dataloader = dict(dataset=dict(target=dict(pipeline=_base_.closer_target_pipeline)))

style = dict(
    _base_.custom_hooks[0], prob=0.5, stylizer=dict(type='FourierAmplitudeTransfer', beta=0.1))
custom_hooks = [style, *_base_.custom_hooks[1:]]
