"""Rendered people -> photographs: HamiPose (CVPR 2026), after secondary summaries.

    udapose train configs/source_only/source-only_synth-people-to-photos_mobilenetv2_128x128.py
    udapose train configs/hamipose/hamipose_synth-people-to-photos_mobilenetv2_128x128.py

The friction is ours: without it the momentum has no brake. So is the step size: with 1e-4 and more
the source loss rises to ten times within 60 iterations (docs/hamipose.md).
"""
_base_ = ['../mean_teacher/mean-teacher_synth-people-to-photos_mobilenetv2_128x128.py']

model = dict(gradient_rule=dict(type='KeypointGradientGate'))
optim_wrapper = dict(optimizer=dict(_delete_=True, type='KickDriftKick', lr=5e-5, friction=0.3))
