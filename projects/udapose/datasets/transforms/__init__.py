"""Transforms that MMPose lacks for training on two domains."""
from .affine import RecordedTopdownAffine, flip_matrix
from .animal_augment import AnimalSourceAugmentation, WholeImageAffine
from .boxes import QuickRandomBBoxTransform, WholeImageBBox
from .loading import LoadPoseImage
from .masks import LoadForegroundMask, check_masks
from .packing_3d import PackPose3DInputs
from .photometric import ColorJitter, CutoutPatches
from .reconstruction import PackReconstructionInputs
from .segmentation_augment import SegmentationGuidedAugmentation
from .square_crop import RandomSquareCrop
from .views import BRANCHES, ForkViews, PackBranches

__all__ = [
    'AnimalSourceAugmentation', 'BRANCHES', 'ColorJitter', 'CutoutPatches', 'ForkViews',
    'LoadForegroundMask', 'LoadPoseImage', 'PackBranches', 'PackPose3DInputs',
    'PackReconstructionInputs', 'QuickRandomBBoxTransform', 'RandomSquareCrop',
    'RecordedTopdownAffine', 'SegmentationGuidedAugmentation', 'WholeImageAffine',
    'WholeImageBBox', 'check_masks', 'flip_matrix'
]
