"""Transforms that MMPose lacks for training on two domains."""
from .affine import RecordedTopdownAffine, flip_matrix
from .boxes import WholeImageBBox
from .loading import LoadPoseImage
from .photometric import ColorJitter, CutoutPatches
from .reconstruction import PackReconstructionInputs
from .views import BRANCHES, ForkViews, PackBranches

__all__ = [
    'BRANCHES', 'ColorJitter', 'CutoutPatches', 'ForkViews', 'LoadPoseImage', 'PackBranches',
    'PackReconstructionInputs', 'RecordedTopdownAffine', 'WholeImageBBox', 'flip_matrix'
]
