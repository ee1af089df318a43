"""RHD: root-aligned end-point error in mm, and AUC over 0 to 50 and over 20 to 50 mm.

Papers use either range, so both are measured.
"""
metrics_rhd = [
    dict(type='CameraSpaceEPE', dimensions='3d', groups='hands', prefix='target'),
    dict(type='CameraSpaceMPJPE', mode=['mpjpe', 'pa-mpjpe'], prefix='target'),
    dict(type='CameraSpaceAUC', prefix='target'),
    dict(type='CameraSpaceAUC', low=20, high=50, steps=20, prefix='target')]
