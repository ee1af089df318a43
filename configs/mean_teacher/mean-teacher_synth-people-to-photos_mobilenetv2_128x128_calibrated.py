"""Rendered people -> photographs: mean teacher with a least confidence for each joint, at which
three of four predictions on the rendered validation images are correct (docs/mean_teacher.md).
"""
_base_ = ['./mean-teacher_synth-people-to-photos_mobilenetv2_128x128.py']

model = dict(train_cfg=dict(confidence_quantile=0.))
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='ConfidenceCalibrationHook', precision=0.75, threshold=0.05, interval=250,
         dataloader=dict(_base_.val_dataloader, dataset=_base_.source_val))]
