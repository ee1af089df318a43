"""Images as sequences of patches, of any shape that the patch size divides."""
from __future__ import annotations

from math import isqrt

import torch
from torch import Tensor

#: Added to the variance of a patch before it divides, as in MAE.
EPSILON = 1e-6


def patchify(images: Tensor, patch_size: int) -> Tensor:
    """Cut images into patches, row by row.

    Args:
        images (Tensor): (N, C, H, W); ``patch_size`` divides H and W.
        patch_size (int): Side of a patch in pixels, ``p``.

    Returns:
        Tensor: (N, L, p * p * C) with ``L = H / p * W / p``; the channel varies fastest.
    """
    n, c, height, width = images.shape
    p = patch_size
    cut = images.reshape(n, c, height // p, p, width // p, p).permute(0, 2, 4, 3, 5, 1)
    return cut.reshape(n, (height // p) * (width // p), p * p * c)


def unpatchify(patches: Tensor, grid: tuple[int, int]) -> Tensor:
    """Undo :func:`patchify`.

    Args:
        patches (Tensor): (N, h * w, p * p * 3).
        grid (tuple[int, int]): Rows ``h`` and columns ``w`` of patches.

    Returns:
        Tensor: (N, 3, h * p, w * p).
    """
    (h, w), p = grid, isqrt(patches.shape[-1] // 3)
    cut = patches.reshape(len(patches), h, w, p, p, 3).permute(0, 5, 1, 3, 2, 4)
    return cut.reshape(len(patches), 3, h * p, w * p)


def patch_statistics(patches: Tensor) -> tuple[Tensor, Tensor]:
    """What the per-patch normalisation of MAE subtracts and divides by.

    Args:
        patches (Tensor): (N, L, D).

    Returns:
        tuple[Tensor, Tensor]: Mean and standard deviation over D (unbiased, with ``EPSILON``), each
        (N, L, 1).
    """
    variance, mean = torch.var_mean(patches, dim=-1, keepdim=True)
    return mean, (variance + EPSILON).sqrt()
