"""From confidences whose correctness is known to thresholds."""
from __future__ import annotations

import numpy as np


def precision_thresholds(confidence: np.ndarray, correct: np.ndarray, known: np.ndarray,
                         precision: float, flip_indices: list[int] | None = None,
                         least: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """Per joint the lowest confidence above which predictions are correct often enough.

    The entries above a threshold are those with a greater confidence; of all thresholds for which
    the share of correct ones reaches ``precision``, the one that keeps most is taken. Left and
    right joints are pooled. A joint that reaches the precision nowhere keeps the share ``least`` of
    its entries, the most confident ones.

    Args:
        confidence (np.ndarray): (N, J).
        correct (np.ndarray): (N, J) bool.
        known (np.ndarray): (N, J) bool: labelled.
        precision (float): Wanted share of correct predictions, in (0, 1].
        flip_indices (list[int], optional): Partner of each joint.
        least (float): See above, in (0, 1].

    Returns:
        tuple[np.ndarray, np.ndarray]: (J,) thresholds, for a comparison with ``>``; (J,) shares of
        labelled entries that are above. Infinity and 0 for a joint that is never labelled.
    """
    count = confidence.shape[1]
    partners = list(range(count)) if flip_indices is None else list(flip_indices)
    thresholds, shares = np.full(count, np.inf), np.zeros(count)
    for joint in range(count):
        columns = sorted({joint, partners[joint]})
        chosen = known[:, columns]
        values, right = confidence[:, columns][chosen], correct[:, columns][chosen]
        if len(values) == 0:
            continue
        order = np.argsort(-values, kind='stable')
        values, right = values[order], right[order]
        kept = np.arange(1, len(values) + 1)
        # equal confidences are kept together or not at all
        ends = np.append(values[1:] < values[:-1], True)
        good = np.nonzero(ends & (np.cumsum(right) >= precision * kept - 1e-9))[0]
        if len(good):
            last = good[-1]
        else:
            last = np.nonzero(ends & (kept >= least * len(values)))[0][0]
        below = values[last + 1] if last + 1 < len(values) else min(0., values[last] - 1)
        thresholds[joint] = (values[last] + below) / 2 if last + 1 < len(values) else below
        shares[joint] = (last + 1) / len(values)
    return thresholds, shares
