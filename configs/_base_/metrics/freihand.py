"""FreiHAND: errors and AUC over 0 to 50 mm, in the camera's frame and Procrustes-aligned.

Those two are the official ones; root-aligned ones are added, because ``Absolute-`` says something
only of models that predict the root's depth (``head.test_cfg.root_depth`` and the true depth do
not). In mm and percent.
"""
metrics_freihand = [
    dict(type='CameraSpaceMPJPE', mode=['mpjpe', 'pa-mpjpe'], groups='hands', prefix='target'),
    dict(type='CameraSpaceMPJPE', mode='mpjpe', root_aligned=False, prefix='target'),
    dict(type='CameraSpaceAUC', prefix='target'),
    dict(type='CameraSpaceAUC', align='none', prefix='target'),
    dict(type='CameraSpaceAUC', align='procrustes', prefix='target')]
