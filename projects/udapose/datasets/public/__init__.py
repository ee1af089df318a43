"""Readers of the public data sets of both papers' benchmarks."""
from .base import PublicPoseDataset, mirrored
from .crops import split_by_shuffle, square_keypoint_box
from .hands import *  # noqa: F401,F403

__all__ = ['PublicPoseDataset', 'mirrored', 'split_by_shuffle', 'square_keypoint_box']
