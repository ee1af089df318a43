"""STB: root-aligned end-point error in mm, and AUC over 20 to 50 mm at 20 thresholds.

The range is that of Zimmermann and Brox's plots, the number of thresholds that of a public fork of
their evaluation. The area is divided by the range's width (unverified, from memory).
"""
metrics_stb = [
    dict(type='CameraSpaceEPE', dimensions='3d', groups='hands', prefix='target'),
    dict(type='CameraSpaceMPJPE', mode=['mpjpe', 'pa-mpjpe'], prefix='target'),
    dict(type='CameraSpaceAUC', low=20, high=50, steps=20, prefix='target')]
