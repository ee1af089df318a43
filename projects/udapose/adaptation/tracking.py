"""Who is who from frame to frame, by overlap of boxes."""
from __future__ import annotations

import numpy as np


class Tracker:
    """Numbers for people that stay the same from frame to frame, by overlap of their boxes.

    Args:
        threshold (float): Least intersection over union of one person in neighbouring frames.
        patience (int): Frames for which a lost person is remembered.
    """

    def __init__(self, threshold: float = 0.3, patience: int = 10) -> None:
        self.threshold, self.patience = threshold, patience
        self._next, self._known = 0, {}

    def update(self, boxes: np.ndarray) -> np.ndarray:
        """Numbers of the people in the next frame.

        Args:
            boxes (np.ndarray): (P, 4) xyxy.

        Returns:
            np.ndarray: (P,) int.
        """
        keys = list(self._known)
        overlap = iou(boxes, np.array([self._known[k][0] for k in keys]).reshape(-1, 4))
        numbers = np.full(len(boxes), -1)
        while overlap.size and overlap.max() >= self.threshold:  # the best pairs first
            i, j = np.unravel_index(overlap.argmax(), overlap.shape)
            numbers[i] = keys[j]
            overlap[i], overlap[:, j] = 0, 0
        for i in np.flatnonzero(numbers < 0):
            numbers[i], self._next = self._next, self._next + 1
        known = {k: (box, age + 1) for k, (box, age) in self._known.items()
                 if age < self.patience}
        known.update({int(n): (box, 0) for n, box in zip(numbers, boxes, strict=True)})
        self._known = known
        return numbers


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of (P, 4) and (Q, 4) boxes xyxy: (P, Q)."""
    if not len(a) or not len(b):
        return np.zeros((len(a), len(b)))
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(-1)
    area_a, area_b = ((x[:, 2:] - x[:, :2]).prod(-1) for x in (a, b))
    return common / np.maximum(area_a[:, None] + area_b[None] - common, 1e-9)
