"""Embedded hands: mean teacher with HamiPose's keypoint-wise gradient gate, trained by Adam.

    # phase 1
    python tools/train.py configs/source_only/source-only_synth-hands_res18-w32_64x64.py
    python tools/train.py configs/hamipose/hamipose_synth-hands_res18-w32_64x64_adam.py
"""
_base_ = ['../mean_teacher/mean-teacher_synth-hands_res18-w32_64x64.py']

model = dict(gradient_rule=dict(type='KeypointGradientGate'))
