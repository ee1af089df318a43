"""Heads."""
from .camera_space import add_camera_space
from .coordinate_head_3d import soft_argmax
from .depth_map_heatmap_head import DepthMapHeatmapHead
from .volumetric_heatmap_head import VolumetricHeatmapHead

__all__ = ['DepthMapHeatmapHead', 'VolumetricHeatmapHead', 'add_camera_space', 'soft_argmax']
