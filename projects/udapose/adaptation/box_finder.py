"""What finds the people of a frame; the whole image as the simplest."""
from __future__ import annotations

from collections import Counter

import numpy as np

from .tracking import iou
from .video import Frame, Media

#: What else ``--boxes`` may be, for messages.
REMEDY = ('give --boxes whole (one person fills the image), --boxes FILE (boxes of your own '
          'detector), or --boxes motion (a still camera)')
#: A box lower than this share of the image is too small to see joints in.
_TINY = 0.05


class Boxes:
    """The whole image; the parent of the others.

    Attributes:
        counts (Counter): What was left out or is doubtful, in words.
        of_original (bool): The boxes are in pixels of the original, not of the frame as it is.
    """

    of_original = False

    def __init__(self) -> None:
        self.counts: Counter = Counter()

    def prepare(self, media: Media) -> None:
        """Look at a video before its frames are asked for."""

    def boxes(self, frame: Frame, scale: float = 1.) -> tuple[np.ndarray, np.ndarray]:
        """Find the people of a frame.

        Args:
            frame (Frame): The frame.
            scale (float): Size of the frame over that of the original, to which a file's boxes
                refer. Defaults to 1.

        Returns:
            tuple[np.ndarray, np.ndarray]: (P, 4) float32 xyxy in pixels, clipped to the image;
            (P,) scores in [0, 1].
        """
        boxes, scores = self._find(frame)
        height, width = frame.image.shape[:2]
        boxes = np.clip(
            np.asarray(boxes, np.float32).reshape(-1, 4) * (scale if self.of_original else 1.), 0,
            np.array([width, height, width, height], np.float32))
        scores = np.asarray(scores, np.float32).reshape(-1)
        sides = boxes[:, 2:] - boxes[:, :2]
        empty = (sides < 1).any(1)
        tiny = ~empty & (sides.max(1, initial=0) < _TINY * height)
        self.counts['boxes outside of the image or without area left out'] += int(empty.sum())
        self.counts['tiny boxes left out'] += int(tiny.sum())
        boxes, scores = boxes[~(empty | tiny)], scores[~(empty | tiny)]
        overlaps = iou(boxes, boxes) - np.eye(len(boxes))
        self.counts['boxes that overlap another one by half'] += int(
            (overlaps > 0.5).any(1).sum()) if len(boxes) else 0
        return boxes, scores

    def _find(self, frame: Frame) -> tuple[np.ndarray, np.ndarray]:
        height, width = frame.image.shape[:2]
        return np.array([[0, 0, width, height]], np.float32), np.ones(1, np.float32)
