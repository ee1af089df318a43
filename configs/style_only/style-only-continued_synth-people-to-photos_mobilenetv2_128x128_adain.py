"""Rendered people -> photographs, phase 2 without adaptation but with style transfer (AdaIN).

    udapose train configs/style_transfer/adain-small_synth-people-to-photos_128x128.py
"""
_base_ = ['../source_only/source-only-continued_synth-people-to-photos_mobilenetv2_128x128.py']

custom_hooks = [
    dict(type='AdaINStyleHook', prob=0.5, alpha=(0., 1.), style_images=_base_.target_train,
         stylizer=dict(
             type='AdaINStyleTransfer', encoder=dict(type='SmallStyleEncoder'),
             decoder=dict(type='SmallStyleDecoder'),
             checkpoint='work_dirs/adain-small_synth-people-to-photos_128x128/iter_800.pth')),
    dict(type='PreflightHook'), dict(type='AverageBuffersHook')]
