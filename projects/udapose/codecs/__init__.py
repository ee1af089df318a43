"""Codecs of 3D keypoints, and the camera."""
from .camera_geometry import apply_matrix, backproject, project
from .root_relative_heatmap_3d import RootRelativeHeatmap3D

__all__ = ['RootRelativeHeatmap3D', 'apply_matrix', 'backproject', 'project']
