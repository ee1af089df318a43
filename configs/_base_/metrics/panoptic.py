"""CMU Panoptic hands: root-aligned and Procrustes-aligned errors in mm, AUC over 0 to 50 mm.

No protocol of this set is known to be common; these are the usual measures of hands.
"""
metrics_panoptic = [
    dict(type='CameraSpaceEPE', dimensions='3d', groups='hands', prefix='target'),
    dict(type='CameraSpaceMPJPE', mode=['mpjpe', 'pa-mpjpe'], prefix='target'),
    dict(type='CameraSpaceAUC', prefix='target'),
    dict(type='CameraSpaceAUC', align='procrustes', prefix='target')]
