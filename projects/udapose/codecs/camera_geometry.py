"""The pinhole camera, for NumPy arrays and tensors alike.

Pixels are MMPose's: integer coordinates are pixel centres. Cameras look along +z, x points right,
y down, and have no lens distortion.
"""
from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def project(points: np.ndarray | Tensor, intrinsics: np.ndarray | Tensor) -> np.ndarray | Tensor:
    """Camera space to pixels.

    Args:
        points (np.ndarray | Tensor): (..., 3), camera frame, any unit of length, z > 0.
        intrinsics (np.ndarray | Tensor): (..., 3, 3) in pixels, broadcast over all leading axes of
            ``points`` but the last (the joints).

    Returns:
        np.ndarray | Tensor: (..., 2) pixels.
    """
    rays = points @ intrinsics.swapaxes(-1, -2)
    return rays[..., :2] / rays[..., 2:]


def backproject(pixels: np.ndarray | Tensor, depths: np.ndarray | Tensor,
                intrinsics: np.ndarray | Tensor) -> np.ndarray | Tensor:
    """Pixels and depths to camera space: the inverse of :func:`project`.

    Args:
        pixels (np.ndarray | Tensor): (..., K, 2).
        depths (np.ndarray | Tensor): (..., K), distance along the optical axis (z, not along the
            ray); its unit is the result's.
        intrinsics (np.ndarray | Tensor): (..., 3, 3) in pixels.

    Returns:
        np.ndarray | Tensor: (..., K, 3), camera frame.
    """
    library = torch if isinstance(pixels, Tensor) else np
    rays = apply_matrix(library.linalg.inv(intrinsics), pixels, divide=False)
    return rays / rays[..., 2:] * depths[..., None]


def apply_matrix(matrix: np.ndarray | Tensor, points: np.ndarray | Tensor,
                 divide: bool = True) -> np.ndarray | Tensor:
    """Map 2D points by a 3x3 matrix, such as ``input_matrix`` or its inverse.

    Args:
        matrix (np.ndarray | Tensor): (..., 3, 3).
        points (np.ndarray | Tensor): (..., K, 2).
        divide (bool): Divide by the third component. Defaults to ``True``.

    Returns:
        np.ndarray | Tensor: (..., K, 2), or (..., K, 3) without the division.
    """
    mapped = points @ matrix[..., :2].swapaxes(-1, -2) + matrix[..., None, :, 2]
    return mapped[..., :2] / mapped[..., 2:] if divide else mapped
