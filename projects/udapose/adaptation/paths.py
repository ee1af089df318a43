"""Which people follow each other in time."""
from __future__ import annotations

import numpy as np

from .people import People


def neighbours(people: People) -> np.ndarray:
    """(T, 3) indices of a person in three neighbouring frames of one clip and track.

    Frames farther apart than 1.5 times the clip's usual step are no neighbours.
    """
    rows, triples = np.lexsort((people.time, people.track, people.clip)), []
    rows = rows[people.clip[rows] >= 0]
    same = [tuple(x) for x in np.stack([people.clip[rows], people.track[rows]], 1)]
    steps = {}
    for i in range(1, len(rows)):
        if same[i] == same[i - 1]:
            steps.setdefault(same[i][0], []).append(
                people.time[rows[i]] - people.time[rows[i - 1]])
    usual = {clip: 1.5 * max(float(np.median(s)), 1e-9) for clip, s in steps.items()}
    for i in range(2, len(rows)):
        three = rows[i - 2:i + 1]
        if same[i] == same[i - 1] == same[i - 2] and \
                np.diff(people.time[three]).max() <= usual[same[i][0]]:
            triples.append(three)
    return np.array(triples, int).reshape(-1, 3)
