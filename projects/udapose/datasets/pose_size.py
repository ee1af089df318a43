"""Are 3D poses of a plausible size, that is: are they in millimetres?"""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .mask_skeleton import Skeleton

#: Extent of the labelled joints along the longest axis, mm: from a crouching child, or a fist, to
#: raised arms, or a spread hand, with much to spare. Anything else is between a mouse and a whale.
EXTENTS = dict(hand=(30., 400.), person=(200., 4000.), pose=(20., 20000.))
_UNITS = {'metres': 1000., 'centimetres': 10., 'micrometres': 0.001}
_PERSON = ('shoulder', 'hip', 'ankle')


def kind_of_pose(names: Sequence[str]) -> str:
    """What joints of these names belong to: a key of :data:`EXTENTS`."""
    names = [name.lower() for name in names]
    if Skeleton(names=names).is_hand:
        return 'hand'
    return 'person' if all(any(part in name for name in names) for part in _PERSON) else 'pose'


def median_extent(points: np.ndarray, visible: np.ndarray) -> tuple[float, int]:
    """Extent of the labelled joints along the longest axis, in the median instance.

    Args:
        points (np.ndarray): (N, K, 3).
        visible (np.ndarray): (N, K), > 0 = labelled. Instances with at least half of their joints
            labelled count; where there are none, those with at least two.

    Returns:
        tuple[float, int]: The extent, NaN without any such instance, and how many there are.
    """
    seen = (visible > 0) & np.isfinite(points).all(-1)
    number = seen.sum(1)
    chosen = number >= max(2, seen.shape[1] / 2)
    chosen = chosen if chosen.any() else number >= 2
    if not chosen.any():
        return float('nan'), 0
    points, seen = points[chosen], seen[chosen, :, None]
    span = np.where(seen, points, -np.inf).max(1) - np.where(seen, points, np.inf).min(1)
    return float(np.median(span.max(-1))), int(chosen.sum())


def implausible_size(points: np.ndarray, visible: np.ndarray, names: Sequence[str],
                     limits: Sequence[float] | None = None) -> str:
    """What is wrong with the size of poses.

    Args:
        points (np.ndarray): (N, K, 3), should be mm.
        visible (np.ndarray): (N, K), > 0 = labelled.
        names (Sequence[str]): Of the K joints.
        limits (Sequence[float], optional): Least and largest accepted extent, mm. Defaults to those
            of :data:`EXTENTS` for the joints' names.

    Returns:
        str: ``''`` if nothing is, else a sentence with the unit that the numbers seem to have.
    """
    kind = kind_of_pose(names)
    low, high = EXTENTS[kind] if limits is None else limits
    extent, number = median_extent(points, visible)
    if not number or low <= extent <= high:
        return ''
    units = [unit for unit, factor in _UNITS.items() if low <= extent * factor <= high]
    guess = f'; in {units[0]} it would be one: multiply by {_UNITS[units[0]]:g}' if units else ''
    return (f'the labelled joints of a {kind} span {extent:.4g} mm (median of {number}), which no '
            f'{kind} does (accepted: {low:g} to {high:g}){guess}. 3D keypoints must be in '
            'millimetres')
