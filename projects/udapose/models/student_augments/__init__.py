"""Augmentations of the student's view on the device, behind the teacher's prediction."""
from .block_mask import RandomBlockMask
from .keypoint_occlusion import AdaptiveKeypointOcclusion

__all__ = ['AdaptiveKeypointOcclusion', 'RandomBlockMask']
