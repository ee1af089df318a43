"""Intervals of paired differences from resampled videos, not frames: neighbours are alike."""
from __future__ import annotations

import numpy as np

from .people import People

#: Fewer groups than these give no interval that deserves the name; videos are cut into pieces.
FEWEST = 8


def groups(people: People) -> np.ndarray:
    """(N,) number of the group that a person belongs to; groups are nearly independent.

    A group is all people of one video or image. Where there are fewer than 8 sources, each video
    is cut into equal pieces of time, as many as make 8 in all (at least 2 a video): neighbouring
    pieces are not quite independent, so that intervals are then somewhat too narrow.
    """
    _, source = np.unique(np.asarray(people.sources, str), return_inverse=True)
    count = int(source.max()) + 1 if len(source) else 0
    if not count or count >= FEWEST:
        return source
    pieces, result, used = max(2, -(-FEWEST // count)), np.zeros(len(source), int), 0
    for number in range(count):
        own = source == number
        # pieces with equally many moments; people of one frame stay together
        times, moment = np.unique(
            np.round(people.time[own], 6) if len(people.time) else [], return_inverse=True)
        frames = np.asarray(people.files, str)[own]
        if len(times) < 2:  # no times: by the frames' names, which are in order
            times, moment = np.unique(frames, return_inverse=True)
        result[own] = used + moment * min(pieces, len(times)) // max(len(times), 1)
        used += pieces
    return np.unique(result, return_inverse=True)[1]


def resampled(group: np.ndarray, samples: int = 2000, seed: int = 0) -> np.ndarray:
    """(samples, N) float32 weights: how often a person's group was drawn, with replacement."""
    count = int(group.max()) + 1
    drawn = np.random.default_rng(seed).multinomial(
        count, np.full(count, 1 / count), size=samples)
    return drawn[:, group].astype(np.float32)


def interval(samples: np.ndarray, level: float = 0.9) -> tuple[float, float]:
    """Quantiles around the middle ``level`` of the finite samples; NaN if there are none."""
    finite = samples[np.isfinite(samples)]
    if not len(finite):
        return np.nan, np.nan
    tail = (1 - level) / 2
    return float(np.quantile(finite, tail)), float(np.quantile(finite, 1 - tail))
