"""Take out what a metric is not meant to judge: position, scale, rotation."""
from __future__ import annotations

import torch
from torch import Tensor

from .arrays import accepts_arrays


@accepts_arrays
def root_align(points: Tensor, root_index: int | Tensor) -> Tensor:
    """Move each pose so that its root lies at the origin.

    Args:
        points (Tensor): (..., K, 3) in mm.
        root_index (int | Tensor): The root joint, one for all poses or (...) one per pose.

    Returns:
        Tensor: (..., K, 3) in mm.
    """
    if not isinstance(root_index, Tensor):
        return points - points[..., root_index:root_index + 1, :] if root_index >= 0 else \
            points - points[..., root_index, :][..., None, :]
    index = root_index.long()[..., None, None].expand(*points.shape[:-2], 1, 3)
    return points - points.gather(-2, index)


@accepts_arrays
def scale_align(predicted: Tensor, truth: Tensor, weights: Tensor | None = None) -> Tensor:
    """Scale each root-aligned prediction to the least squared distance from the truth.

    The factor is ``sum(w * p.t) / sum(w * p.p)`` (Rhodin et al., CVPR 2018, 'Learning
    monocular 3D human pose estimation from multi-view images': N-MPJPE). It is negative for a
    prediction that points away from the truth as a whole, as in the published definition.

    Args:
        predicted (Tensor): (..., K, 3), root-aligned.
        truth (Tensor): (..., K, 3), root-aligned.
        weights (Tensor, optional): (..., K), not negative; 0 leaves a joint out. It moves along
            all the same. Its coordinates have to be finite.

    Returns:
        Tensor: (..., K, 3). A prediction whose weighted joints are all at the root, and one
        without weighted joints, is returned as it is.
    """
    w = _weights(predicted, weights)[..., None]
    square = (w * predicted.square()).sum((-2, -1), keepdim=True)
    factor = (w * predicted * truth).sum((-2, -1), keepdim=True) / square
    return predicted * torch.where(square > 0, factor, 1)


@accepts_arrays
def procrustes_align(predicted: Tensor, truth: Tensor, weights: Tensor | None = None) -> Tensor:
    """Move each prediction by the similarity that brings it closest to the truth.

    The closed form for rotation (never a reflection), scale and translation minimises
    ``sum(w * |s R p + t - q|^2)`` (Umeyama, PAMI 1991); all poses of the batch at once. Meant for
    measuring: gradients are undefined where singular values coincide.

    Args:
        predicted (Tensor): (..., K, 3).
        truth (Tensor): (..., K, 3).
        weights (Tensor, optional): (..., K), not negative; 0 leaves a joint out of the fit. It is
            moved along all the same. Its coordinates have to be finite.

    Returns:
        Tensor: (..., K, 3). Degenerate poses: if the weighted predicted joints coincide (one
        joint, or a collapsed prediction) there is no scale and no rotation to find and the pose is
        only moved to the truth's centre; without any weight the prediction is returned as it is.
        Collinear and planar poses are aligned as well as any rotation does it.

    Raises:
        ValueError: Shapes that differ.
    """
    if predicted.shape != truth.shape or predicted.shape[-1] != 3:
        raise ValueError('predicted and true poses must both be (..., K, 3), got '
                         f'{tuple(predicted.shape)} and {tuple(truth.shape)}')
    w = _weights(predicted, weights)
    total = w.sum(-1, keepdim=True)
    some = total[..., None] > 0
    w = (w / torch.where(total > 0, total, 1))[..., None]
    center_p, center_t = ((w * x).sum(-2, keepdim=True) for x in (predicted, truth))
    p, t = predicted - center_p, truth - center_t
    left, stretch, right = torch.linalg.svd((w * p).mT @ t)  # of the sum of w p t^T
    # A rotation has determinant 1: turn the axis that costs least, the last one.
    sign = torch.linalg.det(left) * torch.linalg.det(right)
    turn = torch.stack((torch.ones_like(sign), torch.ones_like(sign),
                        torch.where(sign < 0, -1., 1.).to(sign)), -1)
    rotation = (left * turn[..., None, :]) @ right  # applied from the right: rows are points
    variance = (w * p.square()).sum((-2, -1))
    # Of coinciding joints, what is left after centring is rounding of the coordinates.
    noise = 8 * torch.finfo(p.dtype).eps * (w.sign() * predicted.abs()).amax((-2, -1))
    fits = (variance > noise.square())[..., None, None]
    scale = (stretch * turn).sum(-1) / torch.where(variance > 0, variance, 1)
    moved = torch.where(fits, scale[..., None, None] * p @ rotation, p) + center_t
    return torch.where(some, moved, predicted)


def _weights(points: Tensor, weights: Tensor | None) -> Tensor:
    if weights is None:
        return points.new_ones(points.shape[:-1])
    if weights.shape != points.shape[:-1]:
        raise ValueError(f'weights must be {tuple(points.shape[:-1])}, one per joint, '
                         f'got {tuple(weights.shape)}')
    return weights.to(points)
