"""Embedded hands, phase 2 without adaptation but with style transfer.

Continues from phase 1 with style, for as many source images as the adaptation sees.
"""
_base_ = ['../source_only/source-only-continued_synth-hands_res18-w32_64x64.py']

load_from = 'work_dirs/style-only_synth-hands_res18-w32_64x64/iter_1200.pth'
custom_hooks = [
    dict(type='AdaINStyleHook', stylizer=dict(type='FourierAmplitudeTransfer', beta=0.6), prob=0.9,
         alpha=(0.3, 1.), style_images=_base_.target_train),
    dict(type='PreflightHook'), dict(type='AverageBuffersHook')]
