"""Pseudo-labels: peaks of heatmaps, their confidence, and clean Gaussians re-rendered at them."""
from __future__ import annotations

import math

import torch
from torch import Tensor


def heatmap_peaks(heatmaps: Tensor, subpixel: bool = True) -> tuple[Tensor, Tensor]:
    """Positions and values of the maxima.

    With ``subpixel`` the position is refined along each axis by fitting a parabola to the
    logarithm of the peak and its two neighbours, which is exact for a sampled Gaussian.

    Args:
        heatmaps (Tensor): (B, K, H, W).
        subpixel (bool): Refine beyond the pixel grid. Defaults to True.

    Returns:
        tuple[Tensor, Tensor]: Positions (B, K, 2) as (x, y) heatmap pixels, values (B, K).
    """
    height, width = heatmaps.shape[-2:]
    values, index = heatmaps.flatten(2).max(-1)
    x, y = index % width, index // width
    points = torch.stack([x, y], -1).float()
    if subpixel:
        points = points + torch.stack([
            _parabola_offset(heatmaps, y, x, width, axis='x'),
            _parabola_offset(heatmaps, y, x, height, axis='y')], -1)
    return points, values


def _parabola_offset(heatmaps: Tensor, y: Tensor, x: Tensor, length: int, axis: str) -> Tensor:
    """Offset in [-0.5, 0.5] of the peak along one axis; 0 at the border, where it is unknown."""
    position = x if axis == 'x' else y
    flat, width = heatmaps.flatten(2).float(), heatmaps.shape[-1]

    def log_value(shift: int) -> Tensor:
        moved = (position + shift).clamp(0, length - 1)
        index = y * width + moved if axis == 'x' else moved * width + x
        return flat.gather(2, index.unsqueeze(-1)).squeeze(-1).clamp(min=1e-6).log()

    before, peak, after = log_value(-1), log_value(0), log_value(1)
    curvature = (2 * peak - before - after).clamp(min=1e-6)
    offset = ((after - before) / (2 * curvature)).clamp(-0.5, 0.5)
    return torch.where((position > 0) & (position < length - 1), offset, 0)


def render_gaussians(points: Tensor, size: tuple[int, int], sigma: float, rounded: bool = False,
                     truncated: bool = False) -> Tensor:
    """Unit-height Gaussians at given positions, in closed form.

    ``rounded`` and ``truncated`` reproduce MMPose's codecs to rounding: ``MSRAHeatmap`` (both),
    ``MSRAHeatmap(unbiased=True)`` (neither) and ``UDPHeatmap`` (truncated only).

    Truncated ones are copied by MMPose from a square patch, whose corner it finds by cutting off
    the fraction of ``pixel - 3 * sigma``. Where ``3 * sigma`` is whole that is exact. Otherwise the
    square reaches one pixel farther to the left (up), and the Gaussian in it is one pixel off: with
    a fraction below 0.5 to the left, except nearer than ``3 * sigma`` to the left (upper) border;
    from 0.5 on to the right, there only. This is reproduced: labels and pseudo-labels agree.

    Args:
        points (Tensor): (B, K, 2) as (x, y) heatmap pixels.
        size (tuple[int, int]): (height, width) of the heatmaps.
        sigma (float): Standard deviation in heatmap pixels.
        rounded (bool): Move the centre to the nearest pixel.
        truncated (bool): Zero outside the square of radius ``3 * sigma`` around that pixel.

    Returns:
        Tensor: (B, K, H, W), values in [0, 1].
    """
    profiles, radius = [], 3 * sigma
    for axis, length in ((1, size[0]), (0, size[1])):
        grid = torch.arange(length, device=points.device, dtype=torch.float32)
        centre = points[..., axis, None].float()
        pixel = (centre + 0.5).trunc()
        middle = pixel if rounded else centre
        if truncated:
            # pixel - radius without its fraction: rounded down, of negative numbers up
            start = pixel - torch.where(pixel >= radius, math.ceil(radius), math.floor(radius))
            middle = middle - pixel + start + math.floor(radius + 0.5)
        profile = torch.exp(-(grid - middle).square() / (2 * sigma**2))
        if truncated:
            profile = profile * ((grid >= start) & (grid <= pixel + math.floor(radius)))
        profiles.append(profile)
    return profiles[0].unsqueeze(-1) * profiles[1].unsqueeze(-2)


def confident(values: Tensor, quantile: float, per_joint: bool = False,
              minimum: float | Tensor = 0.) -> Tensor:
    """Select the most confident (sample, joint) entries.

    Args:
        values (Tensor): (B, K) confidences.
        quantile (float): Share in [0, 1] that is rejected (the paper's ``mask_ratio``): an entry
            is kept if it is strictly above this quantile. A share of less than one entry (of a
            joint, with ``per_joint``) rejects nothing.
        per_joint (bool): Take the quantile over the batch for each joint separately, so that
            hard joints are not left out altogether. Defaults to False (over batch and joints, as
            published: arXiv 2404.14885, official code).
        minimum (float | Tensor): Entries at or below this value, or their value of a tensor
            (B, K), are rejected in any case.

    Returns:
        Tensor: (B, K) of zeros and ones.
    """
    entries = values.float() if per_joint else values.float().reshape(-1, 1)
    # the k-th smallest instead of torch.quantile: published rule, and no interpolation
    k = min(int(quantile * len(entries)), len(entries))
    if k <= 0:
        keep = torch.ones_like(values, dtype=torch.bool)
    else:
        keep = values.float() > entries.kthvalue(k, dim=0).values
    return (keep & (values > minimum)).to(values.dtype)


def soft_peaks(heatmaps: Tensor, radius: float) -> Tensor:
    """Centres of mass around the maxima, differentiable.

    Args:
        heatmaps (Tensor): (B, K, H, W); negative values count as 0.
        radius (float): Half the side of the square around a maximum that counts, in pixels.

    Returns:
        Tensor: (B, K, 2) as (x, y), within the map.
    """
    peaks, _ = heatmap_peaks(heatmaps.detach(), subpixel=False)
    near = []
    for axis, length in ((0, heatmaps.shape[-1]), (1, heatmaps.shape[-2])):
        grid = torch.arange(length, device=heatmaps.device, dtype=torch.float32)
        near.append((grid, ((grid - peaks[..., axis, None]).abs() <= radius).float()))
    (x, near_x), (y, near_y) = near
    mass = heatmaps.float().clamp(min=0) + 1e-12  # an empty map: the square's centre
    mass = mass * near_x[..., None, :] * near_y[..., :, None]
    total = mass.sum((2, 3))
    return torch.stack([(mass.sum(2) * x).sum(-1) / total, (mass.sum(3) * y).sum(-1) / total], -1)


def profile_peaks(profiles: Tensor, subpixel: bool = True) -> tuple[Tensor, Tensor]:
    """Positions and values of the maxima of one-dimensional profiles.

    Args:
        profiles (Tensor): (B, K, N), positive.
        subpixel (bool): Refine by a parabola through the logarithms of the peak and its two
            neighbours, as :func:`heatmap_peaks` does. Defaults to True.

    Returns:
        tuple[Tensor, Tensor]: Positions and values, both (B, K).
    """
    peaks, values = heatmap_peaks(profiles.unsqueeze(2), subpixel)
    return peaks[..., 0], values
