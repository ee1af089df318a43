"""Pinhole projection and back-projection."""
from __future__ import annotations

import torch
from torch import Tensor

from .arrays import accepts_arrays


@accepts_arrays
def project(points: Tensor, intrinsics: Tensor) -> Tensor:
    """Project points of the camera frame onto the image.

    Args:
        points (Tensor): (..., K, 3) x right, y down, z forward, in any unit of length.
        intrinsics (Tensor): (..., 3, 3) upper triangular with a last row of (0, 0, 1), in pixels;
            the leading dimensions broadcast. Skew is allowed.

    Returns:
        Tensor: (..., K, 2) pixels, integer = pixel centre if the intrinsics follow that
        convention, as all of udapose does. NaN for points not in front of the camera (z <= 0),
        which have no picture: without reading anything back from the device, this is the only way
        not to return a wrong place.

    Raises:
        ValueError: Shapes that do not fit.
    """
    _check(points, 3, intrinsics, 'points')
    front = points[..., 2] > 0
    depth = torch.where(front, points[..., 2], 1)
    x, y = points[..., 0] / depth, points[..., 1] / depth
    k = intrinsics.to(points.dtype)[..., None, :, :]
    pixels = torch.stack((k[..., 0, 0] * x + k[..., 0, 1] * y + k[..., 0, 2],
                          k[..., 1, 1] * y + k[..., 1, 2]), -1)
    return torch.where(front[..., None], pixels, torch.nan)


@accepts_arrays
def back_project(pixels: Tensor, depth: Tensor, intrinsics: Tensor) -> Tensor:
    """The point of the camera frame that is seen at a pixel and lies at a depth.

    The inverse of :func:`project`.

    Args:
        pixels (Tensor): (..., K, 2).
        depth (Tensor): (..., K) z of the camera frame (not the distance), usually in mm; the
            result is in the same unit.
        intrinsics (Tensor): (..., 3, 3), see :func:`project`.

    Returns:
        Tensor: (..., K, 3).

    Raises:
        ValueError: Shapes that do not fit.
    """
    _check(pixels, 2, intrinsics, 'pixels')
    if depth.shape[-1] != pixels.shape[-2]:
        raise ValueError(f'{pixels.shape[-2]} pixels but {depth.shape[-1]} depths per pose: '
                         'depth must be (..., K)')
    k = intrinsics.to(pixels.dtype)[..., None, :, :]
    y = (pixels[..., 1] - k[..., 1, 2]) / k[..., 1, 1]
    x = (pixels[..., 0] - k[..., 0, 2] - k[..., 0, 1] * y) / k[..., 0, 0]
    return torch.stack((x, y, torch.ones_like(x)), -1) * depth[..., None]


def _check(points: Tensor, width: int, intrinsics: Tensor, name: str) -> None:
    if points.dim() < 2 or points.shape[-1] != width:
        raise ValueError(f'{name} must be (..., K, {width}), got {tuple(points.shape)}')
    if intrinsics.shape[-2:] != (3, 3):
        raise ValueError('intrinsics must be (..., 3, 3) with focal lengths and principal point in '
                         f'pixels, got {tuple(intrinsics.shape)}')
