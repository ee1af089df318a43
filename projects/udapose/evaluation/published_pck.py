"""The PCK of the published benchmarks, its odd rules included.

The rules are those of the official code of UniFrame (ECCV 2022) and of arXiv 2404.14885, described
in docs/published_pck.md. Everything happens in cells of the heatmap.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Moves MMPose's decoding without DARK from the cell of the maximum.
_STEP = 0.25
_TOLERANCE = 0.02
# Keeps ties where float64 has them: coordinates and boxes are float32.
_TIE = 1e-4


@dataclass(frozen=True)
class PublishedProtocol:
    """How the published code evaluates a family of data sets.

    Attributes:
        batch_size (int): Of its evaluation, over which the score is a weighted mean.
        rounding (float): Added to a coordinate in cells before the fraction is cut off.
        first (int): Least cell of a joint's centre; a joint before it has an empty target map.
        last (int): The same after: the largest cell is ``side - 1 - last``.
    """

    batch_size: int
    rounding: float
    first: int
    last: int


#: ``'body'``: bodies and hands. ``'animal'``: sigma is 1, the centre is not rounded but cut off,
#: and the window of 3 sigma must lie inside, with one more cell to spare on the right and below.
PUBLISHED_PROTOCOLS = dict(body=PublishedProtocol(32, 0.5, 0, 0),
                           animal=PublishedProtocol(1, 0., 3, 4))


def target_cells(points: np.ndarray, labeled: np.ndarray, heatmap_size: tuple[int, int],
                 protocol: PublishedProtocol) -> np.ndarray:
    """Arg-max cells of the target maps that the published code would draw.

    Args:
        points (np.ndarray): (..., J, 2) positions in cells, not rounded (input pixels / stride).
        labeled (np.ndarray): (..., J) bool; False draws nothing.
        heatmap_size (tuple[int, int]): (width, height) of the map, cells.
        protocol (PublishedProtocol): Where centres may lie, and how they are rounded.

    Returns:
        np.ndarray: (..., J, 2) int64; (0, 0) for an empty map.
    """
    cells = np.floor(np.nan_to_num(points, nan=-1e6, posinf=1e6, neginf=-1e6)
                     + protocol.rounding + _TIE).astype(np.int64)
    inside = ((cells >= protocol.first)
              & (cells <= np.asarray(heatmap_size) - 1 - protocol.last)).all(-1)
    return np.where((inside & labeled)[..., None], cells, 0)


def heatmap_cells(heatmaps: np.ndarray) -> np.ndarray:
    """Arg-max cells of predicted maps.

    Args:
        heatmaps (np.ndarray): (..., h, w), any scale.

    Returns:
        np.ndarray: (..., 2) int64 (x, y), the first maximum in row order; (0, 0) where no value is
        above 0.
    """
    flat = heatmaps.reshape(*heatmaps.shape[:-2], -1)
    index = flat.argmax(-1)
    cells = np.stack([index % heatmaps.shape[-1], index // heatmaps.shape[-1]], -1)
    return np.where((flat.max(-1) > 0)[..., None], cells, 0)


def decoded_cells(points: np.ndarray) -> np.ndarray:
    """Arg-max cells from MMPose's decoded predictions.

    ``MSRAHeatmap(unbiased=False)`` moves a prediction by a quarter of a cell or not at all, so the
    nearest cell is the arg-max. It puts maps without a positive value to (-1, -1).

    Args:
        points (np.ndarray): (..., 2) predictions in cells.

    Returns:
        np.ndarray: (..., 2) int64; (0, 0) for maps without a positive value.

    Raises:
        ValueError: The predictions are not such ones, so that the cell cannot be told.
    """
    cells = np.round(points)
    moved = np.abs(points - cells)
    if (np.minimum(moved, np.abs(moved - _STEP)) > _TOLERANCE).any():
        raise ValueError(
            "GroupedPCK(mode='published') needs the cells of the predicted maxima, but these "
            'predictions were refined further (DARK, UDP, regression or SimCC), or the heatmap '
            'has another size: set test_cfg.output_heatmaps=True of the pose estimator '
            '(model.test_cfg, or model.pose_estimator.test_cfg), use the codec '
            "MSRAHeatmap(unbiased=False), or tell GroupedPCK's heatmap_size")
    return np.where((cells < 0).all(-1, keepdims=True), 0, cells).astype(np.int64)


def published_accuracy(predicted: np.ndarray, target: np.ndarray, batch_size: int,
                       distance: float) -> tuple[np.ndarray, np.ndarray]:
    """Per joint the mean over batches, weighted by the batch's size.

    Args:
        predicted (np.ndarray): (N, J, 2) cells, in the order of the data set.
        target (np.ndarray): (N, J, 2) cells. A joint counts if both are above 1: empty maps are
            left out, and so are real joints in the first two columns and rows.
        batch_size (int): Size of the batches; the last one may be smaller.
        distance (float): In cells; a correct joint is *nearer*.

    Returns:
        tuple:
        - accuracy (np.ndarray): (J,) in [0, 1]; a batch in which the joint never counts is left
          out; 0 if it counts in none.
        - counts (np.ndarray): (J,) int, how often the joint counts.
    """
    counted = (target > 1).all(-1)
    correct = counted & (np.linalg.norm(predicted - target, axis=-1) < distance)
    starts = np.arange(0, len(target), batch_size)
    sizes = np.diff([*starts, len(target)])[:, None]
    hits, valid = (np.add.reduceat(x.astype(np.int64), starts) for x in (correct, counted))
    weights = sizes * (valid > 0)
    accuracy = (weights * hits / np.maximum(valid, 1)).sum(0) / np.maximum(weights.sum(0), 1)
    return accuracy, counted.sum(0)
