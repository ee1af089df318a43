"""Lenses with distortion, and the pinhole camera that replaces them around a direction."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def distort(rays: np.ndarray, coefficients: Sequence[float]) -> np.ndarray:
    """Radial and tangential distortion, OpenCV's model of five coefficients.

    Args:
        rays (np.ndarray): (..., 2), X / Z and Y / Z.
        coefficients (Sequence[float]): k1, k2, p1, p2, k3.

    Returns:
        np.ndarray: (..., 2), what the intrinsics map to pixels.
    """
    k1, k2, p1, p2, k3 = coefficients
    x, y = rays[..., 0], rays[..., 1]
    r2 = x * x + y * y
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    return np.stack([x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
                     y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y], -1)


def largest_radius(coefficients: np.ndarray) -> float:
    """Up to which radius the distortion grows.

    Beyond it the polynomial folds back, and points far outside of the image would appear in it.

    Args:
        coefficients (np.ndarray): (5,) k1, k2, p1, p2, k3.

    Returns:
        float: Radius of X / Z, Y / Z; at most 2 (63 degrees off the axis).
    """
    radius = np.linspace(0, 2, 2001)
    bent = distort(np.stack([radius, 0 * radius], -1), [*coefficients[:2], 0, 0, coefficients[4]])
    folds = np.flatnonzero(np.diff(bent[:, 0]) <= 0)
    return float(radius[folds[0]]) if len(folds) else 2.


def local_intrinsics(matrix: np.ndarray, coefficients: np.ndarray, rays: np.ndarray) -> np.ndarray:
    """Pinhole cameras that agree with a distorted one around given directions.

    The first-order expansion of the lens. Its upper left part need not be triangular.

    Args:
        matrix (np.ndarray): (3, 3) intrinsics behind the lens, pixels.
        coefficients (np.ndarray): (5,) k1, k2, p1, p2, k3.
        rays (np.ndarray): (N, 2), X / Z and Y / Z.

    Returns:
        np.ndarray: (N, 3, 3) intrinsics, pixels.
    """
    step = 1e-5
    offsets = np.array([[0, 0], [step, 0], [-step, 0], [0, step], [0, -step]])
    bent = distort(rays[:, None] + offsets, coefficients)
    slopes = np.stack([bent[:, 1] - bent[:, 2], bent[:, 3] - bent[:, 4]], -1) / (2 * step)
    affine = np.tile(np.eye(3), (len(rays), 1, 1))
    affine[:, :2, :2] = slopes
    affine[:, :2, 2] = bent[:, 0] - (slopes @ rays[..., None])[..., 0]
    return matrix @ affine
