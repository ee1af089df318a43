"""Readers of the public data sets of both papers' benchmarks."""
from . import human36m_3d, mpi_inf_3dhp, surreal_3d, three_dpw  # noqa: F401
from .base import PublicPoseDataset, mirrored
from .crops import split_by_shuffle, square_keypoint_box
from .human36m_uda import Human36mUDADataset
from .lsp import LSPDataset
from .surreal import SurrealUDADataset

__all__ = ['Human36mUDADataset', 'LSPDataset', 'PublicPoseDataset', 'SurrealUDADataset',
           'mirrored', 'split_by_shuffle', 'square_keypoint_box']
