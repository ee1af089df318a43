"""Human3.6M in 3D: MPJPE with the pelvis at the origin (protocol 1) and PA-MPJPE, all 17 joints.

In a config: ``_base_ = ['.../_base_/metrics/h36m.py']`` and
``test_evaluator = {{_base_.metrics_h36m}}``. In mm.
"""
metrics_h36m = [
    dict(type='CameraSpaceMPJPE', mode=['mpjpe', 'pa-mpjpe'], groups='h36m17', prefix='target')]
