"""Readers of the public data sets of both papers' benchmarks."""
from . import human36m_3d, mpi_inf_3dhp, surreal_3d, three_dpw  # noqa: F401
from .base import PublicPoseDataset, mirrored
from .crops import split_by_shuffle, square_keypoint_box

__all__ = ['PublicPoseDataset', 'mirrored', 'split_by_shuffle', 'square_keypoint_box']
