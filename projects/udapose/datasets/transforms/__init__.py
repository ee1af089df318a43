"""Transforms that MMPose lacks for training on two domains."""
from .affine import RecordedTopdownAffine, flip_matrix
from .boxes import WholeImageBBox
from .loading import LoadPoseImage
from .packing_3d import PackPose3DInputs
from .photometric import ColorJitter, CutoutPatches
from .views import BRANCHES, ForkViews, PackBranches

__all__ = [
    'BRANCHES', 'ColorJitter', 'CutoutPatches', 'ForkViews', 'LoadPoseImage', 'PackBranches',
    'PackPose3DInputs',
    'RecordedTopdownAffine', 'WholeImageBBox', 'flip_matrix'
]
