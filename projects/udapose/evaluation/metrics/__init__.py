"""Metrics."""
from .camera_space_epe import CameraSpaceEPE
from .camera_space_mpjpe import CameraSpaceMPJPE
from .camera_space_pck import CameraSpaceAUC, CameraSpacePCK3D
from .grouped_pck import GroupedPCK

__all__ = ['CameraSpaceAUC', 'CameraSpaceEPE', 'CameraSpaceMPJPE', 'CameraSpacePCK3D', 'GroupedPCK']
