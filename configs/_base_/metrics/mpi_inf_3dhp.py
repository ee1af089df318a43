"""MPI-INF-3DHP: MPJPE and PA-MPJPE on 17 joints; PCK at 150 mm and AUC on 14 joints.

AUC is the mean of PCK over 0, 5, ..., 150 mm. The 14 joints and the range are those of the
benchmark (unverified, from memory).
"""
metrics_mpi_inf_3dhp = [
    dict(type='CameraSpaceMPJPE', mode=['mpjpe', 'pa-mpjpe'], groups='h36m17', prefix='target'),
    dict(type='CameraSpacePCK3D', threshold=150, joints='body17_lsp14', prefix='target'),
    dict(type='CameraSpaceAUC', low=0, high=150, steps=31, rule='mean', joints='body17_lsp14',
         prefix='target')]
