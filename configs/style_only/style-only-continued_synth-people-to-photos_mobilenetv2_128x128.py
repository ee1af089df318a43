"""Rendered people -> photographs, phase 2 without adaptation but with style transfer (Fourier).

Continues from the same source model as all others, for as many source images as the adaptation
sees. AdaIN instead: `style-only-continued_synth-people-to-photos_mobilenetv2_128x128_adain.py`.
"""
_base_ = ['../source_only/source-only-continued_synth-people-to-photos_mobilenetv2_128x128.py']

custom_hooks = [
    dict(type='AdaINStyleHook', stylizer=dict(type='FourierAmplitudeTransfer', beta=0.6), prob=0.9,
         alpha=(0.3, 1.), style_images=_base_.target_train),
    dict(type='PreflightHook'), dict(type='AverageBuffersHook')]
