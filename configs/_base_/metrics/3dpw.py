"""3DPW: MPJPE with the pelvis at the origin and PA-MPJPE, on LSP's 14 joints, which alone align.

Published numbers regress the joints from SMPL's mesh; those of the sequence files have no top of
the head, so 13 are scored, and results are not comparable (docs/data_bodies_3d.md).
"""
metrics_3dpw = [
    dict(type='CameraSpaceMPJPE', mode=['mpjpe', 'pa-mpjpe'], joints='body17_lsp14',
         align_on='evaluated', prefix='target')]
