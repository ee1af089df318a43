"""Geometry and measures of 3D poses: batched, for tensors and arrays alike."""
from .alignment import procrustes_align, root_align, scale_align
from .camera import back_project, project
from .errors import area_under_curve, joint_errors, mean_of_joints, pck_per_joint

__all__ = ['area_under_curve', 'back_project', 'joint_errors', 'mean_of_joints', 'pck_per_joint',
           'procrustes_align', 'project', 'root_align', 'scale_align']
