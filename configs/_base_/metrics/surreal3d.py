"""SURREAL in 3D: MPJPE with the pelvis at the origin and PA-MPJPE, of the joints that it has.

Which joints papers score is not known (unverified, from memory: SMPL's 24).
"""
metrics_surreal3d = [
    dict(type='CameraSpaceMPJPE', mode=['mpjpe', 'pa-mpjpe'], groups='h36m17', prefix='target')]
