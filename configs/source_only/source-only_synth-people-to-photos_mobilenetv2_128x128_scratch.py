"""Rendered people with LSP's 14 joints, phase 1 without pre-trained weights.

    udapose train \\
        configs/source_only/source-only_synth-people-to-photos_mobilenetv2_128x128_scratch.py
"""
_base_ = ['./source-only_synth-people-to-photos_mobilenetv2_128x128.py']

model = dict(backbone=dict(init_cfg=[
    dict(type='Kaiming', layer=['Conv2d']),
    dict(type='Constant', val=1, layer=['_BatchNorm'])]))  # MMPose's own
optim_wrapper = dict(optimizer=dict(lr=1e-3))
