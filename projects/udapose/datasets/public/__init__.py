"""Readers of the public data sets of both papers' benchmarks."""
from .animal_pose_uda import AnimalPoseUDADataset
from .base import PublicPoseDataset, mirrored
from .crops import split_by_shuffle, square_keypoint_box
from .synthetic_animal import SyntheticAnimal14Dataset, SyntheticAnimalDataset
from .tigdog import TigDogDataset

__all__ = [
    'AnimalPoseUDADataset',
    'PublicPoseDataset',
    'SyntheticAnimal14Dataset',
    'SyntheticAnimalDataset',
    'TigDogDataset',
    'mirrored',
    'split_by_shuffle',
    'square_keypoint_box',
]
