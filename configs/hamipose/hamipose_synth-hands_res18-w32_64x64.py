"""Embedded hands: HamiPose (CVPR 2026), after secondary summaries: gradient gate and optimizer.

    # phase 1
    python tools/train.py configs/source_only/source-only_synth-hands_res18-w32_64x64.py
    python tools/train.py configs/hamipose/hamipose_synth-hands_res18-w32_64x64.py

The friction is ours: without it the momentum has no brake. So is the step size: with the described
1e-3 the model was lost on the people (docs/hamipose.md).
"""
_base_ = ['./hamipose_synth-hands_res18-w32_64x64_adam.py']

optim_wrapper = dict(optimizer=dict(_delete_=True, type='KickDriftKick', lr=5e-5, friction=0.3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.02, by_epoch=False, begin=0, end=50),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=50, end=800, eta_min=0.)]
