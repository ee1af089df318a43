"""Pictures of poses."""
from .pose3d import draw_skeleton_3d, view_points
from .skeleton2d import draw_pose, draw_text, person_color

__all__ = ['draw_pose', 'draw_skeleton_3d', 'draw_text', 'person_color', 'view_points']
