"""Embedded people, a small RTMPose, phase 1 with style transfer: most images in the target's style.

    udapose synth --kind people --out data/synthpose/people
    udapose train configs/style_only/style-only_synth-people_cspnext-w32_64x64.py
"""
_base_ = ['../source_only/source-only_synth-people_cspnext-w32_64x64.py']

custom_hooks = [
    dict(type='AdaINStyleHook', stylizer=dict(type='FourierAmplitudeTransfer', beta=0.6), prob=0.9,
         alpha=(0.3, 1.), style_images=_base_.target_train),
    dict(type='PreflightHook'), dict(type='AverageBuffersHook')]
