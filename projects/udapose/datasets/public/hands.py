"""Hands, 2D and 3D."""
from .freihand import FreiHANDDataset
from .hand_3d_studio import Hand3DStudioDataset
from .rhd import RHDDataset

__all__ = ['FreiHANDDataset', 'Hand3DStudioDataset', 'RHDDataset']
