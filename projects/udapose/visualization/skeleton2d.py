"""Poses drawn on photographs with OpenCV: thin anti-aliased lines that scale with the person."""
from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

#: Colours (BGR) of people by their number.
PEOPLE = ((80, 175, 250), (105, 205, 75), (240, 140, 90), (205, 120, 230), (60, 215, 225),
          (200, 200, 70), (130, 110, 245), (175, 175, 175))
_UNSURE = (150, 150, 150)
_SHIFT = 4  # fractional bits of OpenCV's coordinates
_FAR = 2**20  # pixels; a diverged model's points would overflow


def draw_pose(image: np.ndarray, points: np.ndarray, confidence: np.ndarray | None = None,
              meta: Mapping | None = None, box: np.ndarray | None = None, label: str = '',
              threshold: float = 0.3, color: tuple[int, int, int] | None = None) -> np.ndarray:
    """Draw one person into an image, in place.

    A sure joint is a dot, an unsure one a grey ring; a limb between sure joints is a line in its
    colour, any other one a thin grey line.

    Args:
        image (np.ndarray): (H, W, 3) uint8 BGR, contiguous.
        points (np.ndarray): (K, 2) pixels. Points that are not finite are left out.
        confidence (np.ndarray, optional): (K,); by default all joints are sure.
        meta (Mapping, optional): MMPose's ``dataset_meta``: ``skeleton_links``,
            ``skeleton_link_colors``, ``keypoint_colors`` (RGB). Without it only dots are drawn.
        box (np.ndarray, optional): (4,) xyxy in pixels, drawn and taken for the person's size.
        label (str): Written at the box, or at the highest joint.
        threshold (float): Confidence from which a joint is sure. Defaults to 0.3.
        color (tuple, optional): BGR of everything instead of the colours of ``meta``.

    Returns:
        np.ndarray: The image.

    Example:
        >>> picture = draw_pose(image.copy(), points, confidence, predictor.meta)
    """
    points = np.asarray(points, np.float64).reshape(-1, 2)
    seen = np.isfinite(points).all(1) & (np.abs(points) < _FAR).all(1)
    sure = seen if confidence is None else seen & (np.asarray(confidence) >= threshold)
    width = line_width(points[seen], box)
    meta = meta or {}
    frame_color = color or PEOPLE[0]
    if box is not None:
        _rectangle(image, np.asarray(box, np.float64), frame_color, max(width // 2, 1))
    links = meta.get('skeleton_links') or ()
    colors = _bgr(meta.get('skeleton_link_colors'), len(links), color)
    for unsure in (True, False):  # sure ones on top
        for (a, b), tone in zip(links, colors, strict=True):
            if seen[a] and seen[b] and unsure != bool(sure[a] and sure[b]):
                cv2.line(image, _fixed(points[a]), _fixed(points[b]),
                         _UNSURE if unsure else tone, max(width // 3, 1) if unsure else width,
                         cv2.LINE_AA, _SHIFT)
    radius = round((0.9 * width + 0.8) * 2**_SHIFT)
    for point, good, tone in zip(points[seen], sure[seen], _chosen(
            _bgr(meta.get('keypoint_colors'), len(points), color), seen), strict=True):
        cv2.circle(image, _fixed(point), radius, tone if good else _UNSURE,
                   cv2.FILLED if good else 1, cv2.LINE_AA, _SHIFT)
    if label:
        top = np.asarray(box[:2]) if box is not None else \
            points[seen][points[seen, 1].argmin()] if seen.any() else np.zeros(2)
        draw_text(image, label, top - (0, 4), frame_color, max(0.35, width / 6))
    return image


def line_width(points: np.ndarray, box: np.ndarray | None = None) -> int:
    """Pixels for lines on a person of this size: about 1 in 120."""
    corners = np.asarray(box, np.float64).reshape(2, 2) if box is not None else points
    size = float(np.ptp(corners, axis=0).max()) if len(corners) else 0.
    return int(np.clip(round(size / 120), 1, 8)) if np.isfinite(size) else 1


def draw_text(image: np.ndarray, text: str, position, color=(255, 255, 255),
              scale: float = 0.5) -> np.ndarray:
    """Write ASCII with a dark edge, readable on anything; in place.

    Args:
        image (np.ndarray): (H, W, 3) uint8.
        text (str): Characters that OpenCV's fonts lack become ``?``.
        position: (2,) left end of the base line, moved into the image if necessary.
        color (tuple): BGR.
        scale (float): 1 is about 22 pixels high.
    """
    text = text.encode('ascii', 'replace').decode()
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    x = int(np.clip(position[0], 2, max(image.shape[1] - width - 2, 2)))
    y = int(np.clip(position[1], height + 2, max(image.shape[0] - 4, height + 2)))
    thick = max(round(scale * 1.6), 1)
    for tone, line in (((20, 20, 20), thick + 2), (color, thick)):
        cv2.putText(image, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, tone, line, cv2.LINE_AA)
    return image


def person_color(number: int | None) -> tuple[int, int, int]:
    """A colour (BGR) for a person's number, always the same."""
    return PEOPLE[0 if number is None or number < 0 else number % len(PEOPLE)]


def _rectangle(image, box, color, width) -> None:
    if np.isfinite(box).all() and (np.abs(box) < _FAR).all():
        cv2.rectangle(image, _fixed(box[:2]), _fixed(box[2:]), color, width, cv2.LINE_AA, _SHIFT)


def _fixed(point) -> tuple[int, int]:
    x, y = np.round(np.asarray(point) * 2**_SHIFT).astype(int)
    return int(x), int(y)


def _bgr(rgb, count: int, color) -> list[tuple[int, int, int]]:
    if color is not None:
        return [color] * count
    rgb = np.zeros((0, 3)) if rgb is None else np.asarray(rgb).reshape(-1, 3)
    if len(rgb) != count:
        return [PEOPLE[0]] * count
    return [(int(b), int(g), int(r)) for r, g, b in rgb]


def _chosen(colors: list, mask: np.ndarray) -> list:
    return [color for color, keep in zip(colors, mask, strict=True) if keep]
