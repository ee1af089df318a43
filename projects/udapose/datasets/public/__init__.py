"""Readers of the public data sets of both papers' benchmarks."""
from .animal_pose_uda import AnimalPoseUDADataset
from .base import PublicPoseDataset, mirrored
from .crops import split_by_shuffle, square_keypoint_box
from .freihand import FreiHANDDataset
from .ganerated import GANeratedHandsDataset
from .hand_3d_studio import Hand3DStudioDataset
from .human36m_3d import Human36m3DDataset
from .human36m_uda import Human36mUDADataset
from .lsp import LSPDataset
from .mpi_inf_3dhp import MPIINF3DHPDataset
from .panoptic_hands import PanopticHandsDataset
from .rhd import RHDDataset
from .rhd_coco import RHDCocoDataset
from .stb import STBDataset
from .surreal import SurrealUDADataset
from .surreal_3d import Surreal3DDataset
from .synthetic_animal import SyntheticAnimal14Dataset, SyntheticAnimalDataset
from .three_dpw import ThreeDPWDataset
from .tigdog import TigDogDataset

__all__ = [
    'AnimalPoseUDADataset', 'FreiHANDDataset', 'GANeratedHandsDataset', 'Hand3DStudioDataset',
    'Human36m3DDataset', 'Human36mUDADataset', 'LSPDataset', 'MPIINF3DHPDataset',
    'PanopticHandsDataset', 'PublicPoseDataset', 'RHDCocoDataset', 'RHDDataset', 'STBDataset',
    'Surreal3DDataset', 'SurrealUDADataset', 'SyntheticAnimal14Dataset', 'SyntheticAnimalDataset',
    'ThreeDPWDataset', 'TigDogDataset', 'mirrored', 'split_by_shuffle', 'square_keypoint_box'
]
