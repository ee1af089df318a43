"""The boxes that the published protocols crop, and their random splits."""
from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np


def square_boxes(centre: np.ndarray, side: np.ndarray) -> np.ndarray:
    """(..., 4) xyxy squares around ``centre`` (..., 2) with ``side`` (...,), pixels."""
    half = np.asarray(side, np.float64)[..., None] / 2
    return np.concatenate([centre - half, centre + half], -1)


def square_keypoint_box(keypoints: np.ndarray, image_size: Sequence[int], factor: float = 1.5
                        ) -> np.ndarray:
    """The square around the keypoints that RegDA, UniFrame and arXiv 2404.14885 crop.

    Its side is ``factor`` times the longer side of the keypoints' extent, rounded, at most the
    image's shorter side; it is shifted into the image, never padded.

    Args:
        keypoints (np.ndarray): (..., K, 2) pixels; NaN is left out.
        image_size (Sequence[int]): (width, height) of the image, pixels.
        factor (float): Enlargement. Defaults to 1.5.

    Returns:
        np.ndarray: (..., 4) float32, xyxy pixels; left/top and right/bottom *edges*, so that the
        width is ``x2 - x1``.
    """
    size = np.asarray(image_size, np.float64)
    # of the joints that are known: one that is not must not cost the whole hand
    low, high = np.fmin.reduce(keypoints, -2), np.fmax.reduce(keypoints, -2)
    side = np.minimum(np.round(factor * (high - low).max(-1, keepdims=True)), size.min())
    start = np.clip(np.round((low + high) / 2 - side / 2), 0, size - side)
    return np.concatenate([start, start + side], -1).astype(np.float32)


def split_by_shuffle(items: Sequence, num_test: int = 3200, fraction: float = 0.2, seed: int = 42
                     ) -> tuple[list, list]:
    """The random split of the published benchmarks: shuffle, then cut off the test set.

    Args:
        items (Sequence): In the order of the files.
        num_test (int): Most items of the test set. Defaults to 3200.
        fraction (float): Largest part of the items that becomes the test set. Defaults to 0.2.
        seed (int): Of Python's generator. Defaults to 42.

    Returns:
        tuple[list, list]: Test and rest; the same as ``random.seed(seed); random.shuffle(items)``
        and then ``items[:n], items[n:]``.
    """
    items = list(items)
    random.Random(seed).shuffle(items)
    count = min(int(len(items) * fraction), num_test)
    return items[:count], items[count:]
