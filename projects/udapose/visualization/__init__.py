"""Pictures of poses."""
from .pose3d import draw_skeleton_3d, view_points

__all__ = ['draw_skeleton_3d', 'view_points']
