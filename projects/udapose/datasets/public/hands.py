"""Hands, 2D and 3D."""
from .freihand import FreiHANDDataset
from .ganerated import GANeratedHandsDataset
from .hand_3d_studio import Hand3DStudioDataset
from .panoptic_hands import PanopticHandsDataset
from .rhd import RHDDataset
from .rhd_coco import RHDCocoDataset
from .stb import STBDataset

__all__ = ['FreiHANDDataset', 'GANeratedHandsDataset', 'Hand3DStudioDataset',
           'PanopticHandsDataset', 'RHDCocoDataset', 'RHDDataset', 'STBDataset']
