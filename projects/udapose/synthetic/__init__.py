"""The embedded data set: synthetic people and hands in two domains.

Needs NumPy and OpenCV only. See ``docs/synthetic_data.md``.
"""

from .generator import GENERATOR_VERSION, Parameters, generate, make_sample
from .keypoints import HANDS, KEYPOINT_SETS, LSP14_FROM_PEOPLE, PEOPLE, KeypointSet
from .output_folder import SyntheticDataError
from .sample import Sample

__all__ = [
    'GENERATOR_VERSION', 'HANDS', 'KEYPOINT_SETS', 'LSP14_FROM_PEOPLE', 'PEOPLE', 'KeypointSet',
    'Parameters', 'Sample', 'SyntheticDataError', 'generate', 'make_sample'
]
