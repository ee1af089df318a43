"""Pictures of 3D poses with OpenCV alone."""
from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

GROUND, SHADOW, REFERENCE = (205, 205, 205), (188, 188, 188), (150, 150, 150)
SHIFT = 4  # OpenCV draws in sixteenths of a pixel


def view_points(points: np.ndarray, azimuth: float, elevation: float) -> np.ndarray:
    """Points as a distant viewer sees them.

    Args:
        points (np.ndarray): (..., 3) camera frame: x right, y down, z forward.
        azimuth (float): Degrees by which the viewer walks around the vertical axis. 0: where the
            camera is. 90: to the right of the scene, so that what is near the camera appears on
            the left and what is far on the right.
        elevation (float): Degrees by which the viewer is raised and looks down.

    Returns:
        np.ndarray: (..., 3) right, down, away from the viewer, in the unit of the points.
    """
    a, e = np.radians([azimuth, elevation])
    around = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    above = np.array([[1, 0, 0], [0, np.cos(e), -np.sin(e)], [0, np.sin(e), np.cos(e)]])
    return np.asarray(points, float) @ (above @ around).T


def draw_skeleton_3d(keypoints_cam: np.ndarray, links: Sequence[Sequence[int]],
                     colors: Sequence[Sequence[int]], azimuth: float = 0., elevation: float = 12.,
                     size: int = 256, reference: np.ndarray | None = None,
                     center: np.ndarray | None = None,
                     radius: float | None = None) -> np.ndarray:
    """Draw a pose from a chosen side, without perspective, on a ground grid with its shadow.

    Limbs nearer to the viewer cover farther ones and are stronger in colour. The small axes in
    the corner are the camera's: x to its right, y down, z away from it.

    Args:
        keypoints_cam (np.ndarray): (K, 3) camera frame, mm. Limbs of a joint that is not finite
            are not drawn.
        links (Sequence): Pairs of joints, the metainfo's ``skeleton_links``.
        colors (Sequence): RGB 0..255 per link, the metainfo's ``skeleton_link_colors``.
        azimuth, elevation (float): Degrees, see :func:`view_points`.
        size (int): Side of the picture in pixels.
        reference (np.ndarray, optional): (K, 3), e.g. the ground truth: drawn thin and grey.
        center (np.ndarray, optional): (3,) what is in the middle. Defaults to the middle of the
            reference's, else of the pose's extent.
        radius (float, optional): Distance in mm from the middle to the picture's edge. By
            default all joints fit.

    Returns:
        np.ndarray: (size, size, 3) uint8, BGR.

    Raises:
        ValueError: Poses that are not (K, 3) or have no finite joint, colours or joints that do
            not fit the links.
    """
    pose = _checked(keypoints_cam, 'keypoints_cam')
    links = np.asarray(links, int).reshape(-1, 2)
    if len(colors) != len(links):
        raise ValueError(f'{len(links)} links but {len(colors)} colors: pass skeleton_links and '
                         'skeleton_link_colors of the same metainfo')
    poses = [pose] if reference is None else [pose, _checked(reference, 'reference')]
    if len(links) and not 0 <= links.min() <= links.max() < min(map(len, poses)):
        raise ValueError(f'links name joints {links.min()} to {links.max()}, the pose has '
                         f'{min(map(len, poses))}: are they of another metainfo?')
    base = poses[-1][np.isfinite(poses[-1]).all(-1)]
    center = (base.min(0) + base.max(0)) / 2 if center is None else np.asarray(center, float)
    shown = np.concatenate(poses) - center
    shown = shown[np.isfinite(shown).all(-1)]
    if radius is None:
        radius = 1.1 * max(np.linalg.norm(shown, axis=-1).max(), 1.)
    floor = (base - center)[:, 1].max() + 0.04 * radius  # a little below, as soles are below ankles
    canvas = np.full((size, size, 3), 255, np.uint8)

    def to_screen(points: np.ndarray) -> np.ndarray:
        seen = view_points(points, azimuth, elevation)
        seen[..., :2] = seen[..., :2] * (size / 2 / radius) + (size - 1) / 2
        return seen

    for line in to_screen(_grid(0.8 * radius, floor)):
        _line(canvas, line, GROUND, 1)
    for p in poses[:1]:
        shadow = p - center
        shadow[:, 1] = floor
        for limb in to_screen(shadow)[links]:
            _line(canvas, limb, SHADOW, max(size // 100, 1))
    limbs = []
    for p in reversed(poses):  # of equal depth the pose comes after its reference
        faint = reference is not None and p is poses[1]
        for limb, color in zip(to_screen(p - center)[links], colors, strict=True):
            if np.isfinite(limb).all():
                limbs.append((limb, REFERENCE if faint else tuple(map(int, color))[::-1], faint))
    for limb, color, faint in sorted(limbs, key=lambda x: -x[0][:, 2].mean()):
        if faint:
            _line(canvas, limb, color, max(size // 110, 1))
            continue
        away = np.clip((limb[:, 2].mean() / radius + 1) / 2, 0, 1)
        mixed = tuple(int(c + (255 - c) * 0.45 * away) for c in color)
        width = max(size // 60, 2)
        _line(canvas, limb, tuple(c // 3 for c in mixed), width + 2)  # a rim where limbs cross
        _line(canvas, limb, mixed, width)
    _axes(canvas, azimuth, elevation)
    return canvas


def _checked(pose: np.ndarray, name: str) -> np.ndarray:
    pose = np.array(pose, float)
    if pose.ndim != 2 or pose.shape[1] != 3:
        raise ValueError(f'{name} must be (K, 3) mm in the camera frame, got {pose.shape}: '
                         'pass one instance, keypoints_cam[0]')
    if not np.isfinite(pose).all(-1).any():
        raise ValueError(f'no joint of {name} is finite: there is nothing to draw')
    return pose


def _grid(extent: float, height: float, cells: int = 6) -> np.ndarray:
    """Lines (2 * (cells + 1), 2, 3) of a square on the plane y = height."""
    steps, edge = np.linspace(-extent, extent, cells + 1), np.full(cells + 1, extent)
    along = np.stack([np.stack([steps, edge * 0 + height, side * edge], -1)
                      for side in (-1, 1)], 1)
    return np.concatenate([along, along[..., ::-1] * [1, 0, 1] + [0, height, 0]])


def _line(canvas: np.ndarray, ends: np.ndarray, color: tuple, width: int) -> None:
    if not np.isfinite(ends).all():
        return
    limit = 30. * max(canvas.shape)  # far outside: OpenCV's integers would overflow
    (a, b) = np.round(np.clip(ends[:, :2], -limit, limit) * 2**SHIFT).astype(int).tolist()
    cv2.line(canvas, a, b, color, width, cv2.LINE_AA, SHIFT)


def _axes(canvas: np.ndarray, azimuth: float, elevation: float) -> None:
    size = len(canvas)
    arm, origin = 0.055 * size, np.array([0.88 * size, 0.07 * size])
    seen = view_points(np.eye(3), azimuth, elevation)
    for i in np.argsort(-seen[:, 2]):
        tip = origin + arm * seen[i, :2]
        gray = (110, 110, 110)
        _line(canvas, np.array([origin, tip]), gray, 1)
        if np.linalg.norm(seen[i, :2]) > 0.3:  # an axis seen along its length has no letter
            place = origin + 1.6 * arm * seen[i, :2] + [-0.012 * size, 0.012 * size]
            cv2.putText(canvas, 'xyz'[i], np.round(place).astype(int).tolist(),
                        cv2.FONT_HERSHEY_SIMPLEX, size / 700, gray, 1, cv2.LINE_AA)
