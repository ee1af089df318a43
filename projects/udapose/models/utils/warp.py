"""Batched affine warps of images, feature maps and heatmaps.

All matrices are 3x3, act on column vectors ``(x, y, 1)`` and follow MMPose's pixel convention: an
integer coordinate is the *centre* of a pixel.
"""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def heatmap_matrices(input_matrices: Tensor, scale_factor: Tensor) -> Tensor:
    """Bring input-pixel transformations to heatmap scale.

    A codec maps heatmap to input pixels with ``x_in = scale_factor * x_hm`` (``scale_factor`` is
    ``input_size / heatmap_size`` for ``MSRAHeatmap``, ``(input_size - 1) / (heatmap_size - 1)``
    for ``UDPHeatmap``), so the pivot of the scaled matrix is exactly the one of the labels.

    Args:
        input_matrices (Tensor): (B, 3, 3), from input pixels to input pixels.
        scale_factor (Tensor): (2,), the codec's ``scale_factor`` as (x, y).

    Returns:
        Tensor: (B, 3, 3), from heatmap pixels to heatmap pixels.
    """
    scale = torch.cat([scale_factor, scale_factor.new_ones(1)])
    scale = scale.to(input_matrices, non_blocking=True)
    return input_matrices * scale / scale[:, None]


def transform_points(points: Tensor, matrices: Tensor) -> Tensor:
    """Apply one matrix per sample to its points.

    Args:
        points (Tensor): (B, K, 2).
        matrices (Tensor): (B, 3, 3).

    Returns:
        Tensor: (B, K, 2).
    """
    # not a matrix product, which autocast would round to 8 bits: a quarter of a pixel at x = 64
    linear = (points[..., None, :] * matrices[:, None, :2, :2]).sum(-1)
    return linear + matrices[:, None, :2, 2]


def warp_affine(maps: Tensor, matrices: Tensor, size: tuple[int, int] | None = None,
                padding_mode: str = 'zeros') -> Tensor:
    """Warp a batch of maps with one bilinear resampling.

    Args:
        maps (Tensor): (B, C, H, W).
        matrices (Tensor): (B, 3, 3), from pixels of ``maps`` to pixels of the output.
        size (tuple[int, int], optional): (height, width) of the output. Defaults to the maps'.
        padding_mode (str): ``'zeros'``, ``'border'`` or ``'reflection'``, see
            :func:`torch.nn.functional.grid_sample`.

    Returns:
        Tensor: (B, C, H', W').
    """
    height, width = size or maps.shape[-2:]
    source = _source_coordinates(matrices, height, width).to(maps.dtype)
    # Python numbers: a tensor made of them would stop the host until a GPU has it
    grid = torch.stack([2 * source[..., 0] / max(maps.shape[-1] - 1, 1) - 1,
                        2 * source[..., 1] / max(maps.shape[-2] - 1, 1) - 1], -1)
    return F.grid_sample(maps, grid, mode='bilinear', padding_mode=padding_mode,
                         align_corners=True)


def covered_mask(matrices: Tensor, source_size: tuple[int, int],
                 size: tuple[int, int] | None = None) -> Tensor:
    """Output pixels whose origin lies inside the source map (half a pixel of margin).

    Args:
        matrices (Tensor): (B, 3, 3), from source pixels to output pixels.
        source_size (tuple[int, int]): (height, width) of the source map.
        size (tuple[int, int], optional): (height, width) of the output. Defaults to the source's.

    Returns:
        Tensor: (B, 1, H', W') of zeros and ones.
    """
    source = _source_coordinates(matrices, *(size or source_size))
    return inside(source, source_size).unsqueeze(1).to(matrices.dtype)


def inside(points: Tensor, size: tuple[int, int]) -> Tensor:
    """Which points lie within a map, whose outermost pixels reach half a pixel further.

    Args:
        points (Tensor): (..., 2) as (x, y) pixels.
        size (tuple[int, int]): (height, width).

    Returns:
        Tensor: (...) bool.
    """
    x, y = points.unbind(-1)
    return (x >= -0.5) & (x <= size[1] - 0.5) & (y >= -0.5) & (y <= size[0] - 0.5)


def invert(matrices: Tensor) -> Tensor:
    """Inverse of regular (..., 3, 3) matrices; unlike ``torch.linalg.inv`` it does not read back
    from a GPU whether there is one."""
    return torch.linalg.inv_ex(matrices).inverse


def swap_channels(maps: Tensor, flip_indices: Tensor, swap: Tensor) -> Tensor:
    """Exchange left and right joints of the samples whose two views differ by a flip.

    Args:
        maps (Tensor): (B, K, ...), a channel per joint.
        flip_indices (Tensor): (K,) joint index after a horizontal flip.
        swap (Tensor): (B,) bool.
    """
    return torch.where(swap.view(-1, *[1] * (maps.ndim - 1)), maps[:, flip_indices], maps)


def _source_coordinates(matrices: Tensor, height: int, width: int) -> Tensor:
    """(B, H, W, 2): where each output pixel comes from. Inverted in float32 under AMP too."""
    inverse = invert(matrices.float())
    y, x = torch.meshgrid(torch.arange(height, device=matrices.device, dtype=torch.float32),
                          torch.arange(width, device=matrices.device, dtype=torch.float32),
                          indexing='ij')
    points = torch.stack([x, y], -1).view(1, -1, 2).expand(len(matrices), -1, -1)
    return transform_points(points, inverse).view(-1, height, width, 2)
