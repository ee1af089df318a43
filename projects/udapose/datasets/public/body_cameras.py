"""Cameras of people in 3D: lenses, units of length, and whether labels fit together."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...codecs.camera_geometry import project
from .lens import distort

# Extent of a person's joints (median over the data set), from crouching to arms raised.
_EXTENTS = dict(m=(0.2, 4.), cm=(20., 400.), mm=(400., 4000.))
_TO_MM = dict(m=1000., cm=10., mm=1.)
_GRID = np.linspace(-0.5, 0.5, 5)
_LEAST_EXTENT = 0.02


def pinhole_matrix(focal: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """(3, 3) float64 intrinsics of two focal lengths and a principal point, pixels."""
    matrix = np.eye(3)
    matrix[[0, 1], [0, 1]] = np.ravel(focal)
    matrix[:2, 2] = np.ravel(centre)
    return matrix


def local_pinholes(rays: np.ndarray, visible: np.ndarray, matrix: np.ndarray,
                   radial: Sequence[float], tangential: Sequence[float]) -> np.ndarray:
    """The pinhole camera that comes closest to a lens within each person's extent.

    Everything downstream back-projects by a 3x3 matrix, while the images are distorted. Over a
    person a lens is nearly affine: least squares over a grid that spans the joints.

    Args:
        rays (np.ndarray): (N, J, 2), x / z and y / z of the joints.
        visible (np.ndarray): (N, J), > 0 = counts for the extent.
        matrix (np.ndarray): (3, 3) of the camera without its lens.
        radial, tangential (Sequence[float]): k1, k2, k3 and p1, p2 of :func:`distort`, which are
            Human3.6M's. Checked on real labels: within 0.2 pixels.

    Returns:
        np.ndarray: (N, 3, 3) float64 upper triangular; the skew takes up part of the lens.
    """
    seen = visible[..., None] > 0
    low = np.where(seen, rays, np.inf).min(1)
    high = np.where(seen, rays, -np.inf).max(1)
    some = seen.any(1)  # of people without joints, who are left out later
    low, high = np.where(some, low, 0), np.where(some, high, 0)
    middle, extent = (low + high) / 2, np.maximum(high - low, _LEAST_EXTENT)
    steps = np.stack(np.meshgrid(_GRID, _GRID), -1).reshape(-1, 2) * extent[:, None]
    k, p = np.ravel(radial), np.ravel(tangential)
    bent = distort(middle[:, None] + steps, (*k[:2], *p, k[2]))
    # the grid's axes are orthogonal, so each coefficient is a quotient of its own
    energy = (steps ** 2).sum(1)
    by_x = (steps[..., 0] * bent[..., 0]).sum(1) / energy[:, 0]
    skew = (steps[..., 1] * bent[..., 0]).sum(1) / energy[:, 1]
    by_y = (steps[..., 1] * bent[..., 1]).sum(1) / energy[:, 1]
    lens = np.tile(np.eye(3), (len(rays), 1, 1))
    lens[:, 0, 0], lens[:, 0, 1], lens[:, 1, 1] = by_x, skew, by_y
    lens[:, :2, 2] = bent.mean(1) - (lens[:, :2, :2] @ middle[..., None])[..., 0]
    return matrix @ lens


def unit_of_length(points: np.ndarray, visible: np.ndarray, where: str) -> str:
    """Tell metres, centimetres and millimetres apart by the size of people.

    Args:
        points (np.ndarray): (N, J, 3).
        visible (np.ndarray): (N, J), > 0 = labelled.
        where (str): For the message.

    Returns:
        str: ``'m'``, ``'cm'`` or ``'mm'``.

    Raises:
        ValueError: No unit makes people of a person's size.
    """
    seen = (visible > 0) & np.isfinite(points).all(-1)
    span = np.where(seen[..., None], points, -np.inf).max(1) \
        - np.where(seen[..., None], points, np.inf).min(1)
    span = span.max(-1)[seen.sum(1) > 1]
    size = float(np.median(span)) if len(span) else float('nan')
    for unit, (low, high) in _EXTENTS.items():
        if low <= size < high:
            return unit
    raise ValueError(f'{where}: the joints of a person span {size:.4g} (median), which is no '
                     'person in metres, centimetres or millimetres: the 3D labels are normalised, '
                     'or not those of a person')


def to_millimetres(points: np.ndarray, unit: str) -> np.ndarray:
    """``points`` of ``unit`` (``'m'``, ``'cm'`` or ``'mm'``) in millimetres, float64."""
    return np.asarray(points, np.float64) * _TO_MM[unit]


def reprojection_errors(cam: np.ndarray, intrinsics: np.ndarray, pixels: np.ndarray,
                        visible: np.ndarray) -> np.ndarray:
    """Median distance of each person's projected joints to the labelled ones.

    Args:
        cam (np.ndarray): (N, J, 3) camera frame.
        intrinsics (np.ndarray): (N, 3, 3) or (3, 3) pixels.
        pixels (np.ndarray): (N, J, 2).
        visible (np.ndarray): (N, J), > 0 = labelled.

    Returns:
        np.ndarray: (N,) pixels; infinite for joints behind the camera, 0 without labelled joints.
    """
    front = cam[..., 2:] > 0
    distance = np.linalg.norm(project(np.where(front, cam, 1), intrinsics) - pixels, axis=-1)
    distance = np.where(front[..., 0] & np.isfinite(distance), distance, np.inf)
    distance = np.sort(np.where(visible > 0, distance, np.inf), -1)
    number = (visible > 0).sum(-1)
    middle = np.take_along_axis(distance, np.maximum(number - 1, 0)[:, None] // 2, -1)[:, 0]
    return np.where(number > 0, middle, 0)


def check_reprojection(errors: np.ndarray, limit: float, names: Sequence[str], where: str,
                       remedy: str) -> np.ndarray:
    """Which people's 3D joints project onto their pixels.

    Args:
        errors (np.ndarray): (N,) of :func:`reprojection_errors`.
        limit (float): Largest accepted error, pixels.
        names (Sequence[str]): (N,) of the images, for the message.
        where, remedy (str): Parts of the message.

    Returns:
        np.ndarray: (N,) bool.

    Raises:
        ValueError: Most of them do not, so that the files do not belong together.
    """
    good = errors <= limit
    if len(good) and good.mean() < 0.5:
        first = int(np.argmax(~good))
        raise ValueError(
            f'{where}: the 3D joints of {int((~good).sum())} of {len(good)} people do not project '
            f'onto their 2D joints, for example of {names[first]} (median {errors[first]:.1f} '
            f'pixels, accepted {limit:g}): {remedy}')
    return good
