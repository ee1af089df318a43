"""What a body (a hand, an animal) looks like: lengths of bones, and what cannot be."""
from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .people import People, Predictions

#: A bone this many times longer than the start model's longest sure ones is implausible.
TOO_LONG = 1.5
#: A joint this far outside of the box, in box sides, is implausible.
OUTSIDE = 0.25
#: A pose this small in relation to the start model's is a point.
TOO_SMALL = 0.15


def bones(meta: Mapping, joints: int) -> np.ndarray:
    """(B, 2) pairs of joints of ``skeleton_links``; (0, 2) if there are none.

    Raises:
        ValueError: A link names a joint that the model does not predict.
    """
    links = np.array(meta.get('skeleton_links') or [], int).reshape(-1, 2)
    if len(links) and links.max() >= joints:
        raise ValueError(f'skeleton_links names joint {links.max()}, but the model predicts '
                         f'{joints}: the config\'s dataset_info is of another joint set')
    return links


def symmetric_bones(links: np.ndarray, meta: Mapping) -> np.ndarray:
    """(P, 2) indices of bones that are each other's mirror image."""
    flip = list(meta.get('flip_indices') or [])
    if not flip:
        return np.zeros((0, 2), int)
    index = {frozenset(map(int, link)): i for i, link in enumerate(links)}
    mirrored = [index.get(frozenset(int(flip[j]) for j in link)) for link in links]
    return np.array([(i, j) for i, j in enumerate(mirrored) if j is not None and i < j],
                    int).reshape(-1, 2)


def lengths(points: np.ndarray, links: np.ndarray) -> np.ndarray:
    """(N, B) in pixels."""
    return np.linalg.norm(points[:, links[:, 0]] - points[:, links[:, 1]], axis=-1)


def variation(length: np.ndarray, sides: np.ndarray, people: People) -> np.ndarray:
    """(N,) mean deviation of the bones' proportions from the usual ones.

    A proportion is the bone's length over the mean length of the pose's bones; the deviation is
    the absolute difference of logarithms. Usual is the median of the track, if it has three
    frames at least; people without such a track are left out (NaN). Without any such track it is
    the median of all people.
    """
    mean = np.maximum(length.mean(1, keepdims=True), 0.01 * sides[:, None])
    proportion = np.log(length / mean + 0.1)
    result = np.full(len(length), np.nan)
    keys = np.stack([people.clip, people.track], 1)
    tracks = [key for key in np.unique(keys[people.clip >= 0], axis=0)
              if (keys == key).all(1).sum() >= 3]
    members = [(keys == key).all(1) for key in tracks] or [np.ones(len(length), bool)]
    for chosen in members:
        usual = np.median(proportion[chosen], 0)
        result[chosen] = np.abs(proportion[chosen] - usual).mean(1)
    return result


def asymmetry(length: np.ndarray, sides: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """(N,) mean absolute logarithm of left over right; bones below 2 % of the side count as that.
    """
    log = np.log(np.maximum(length, 0.02 * sides[:, None]))
    return np.abs(log[:, pairs[:, 0]] - log[:, pairs[:, 1]]).mean(1)


def limits(start: Predictions, sure: np.ndarray, links: np.ndarray, sides: np.ndarray
           ) -> tuple[np.ndarray, float]:
    """What poses may be at most and at least, from the start model's sure joints.

    Returns:
        tuple[np.ndarray, float]: (B,) longest bones and the smallest extent of a pose, in box
        sides; infinite where the start model is sure of too few (less than 10).
    """
    length = lengths(start.points, links) / sides[:, None]
    both = sure[:, links[:, 0]] & sure[:, links[:, 1]]
    longest = np.array([TOO_LONG * np.quantile(length[both[:, b], b], 0.95)
                        if both[:, b].sum() >= 10 else np.inf for b in range(len(links))])
    return longest, TOO_SMALL * float(np.median(extent(start.points, sides)))


def extent(points: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """(N,) longer side of the pose's own box, in sides of the person's box."""
    return np.ptp(points, axis=1).max(-1) / sides


def implausible(points: np.ndarray, length: np.ndarray, limit: tuple[np.ndarray, float],
                people: People, sides: np.ndarray) -> np.ndarray:
    """(N,) bool: a bone too long, a joint far outside, or a pose shrunk to a point."""
    margin = OUTSIDE * sides[:, None]
    low, high = people.boxes[:, :2] - margin, people.boxes[:, 2:] + margin
    outside = ((points < low[:, None]) | (points > high[:, None])).any((1, 2))
    long = (length / sides[:, None] > limit[0]).any(1)
    return outside | long | (extent(points, sides) < limit[1])
