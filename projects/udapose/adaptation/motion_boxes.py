"""Boxes of what moves before a still camera."""
from __future__ import annotations

import cv2
import numpy as np

from .box_finder import Boxes
from .video import Frame, Media, resized


class MotionBoxes(Boxes):
    """What differs from the still background of a video; for a camera that does not move.

    The background is the scene that returns in several parts of the video. Needs no weights;
    shadows count as people, and where somebody is always there nobody may be found.
    """

    _FRAMES, _SIDE, _DIFFERENCE, _AREA = 120, 480, 25, 0.004

    def __init__(self) -> None:
        super().__init__()
        self._background: dict[str, np.ndarray] = {}

    def prepare(self, media: Media) -> None:
        """Learn the background of a video.

        Raises:
            ValueError: An image has no motion.
        """
        if not media.is_video:
            raise ValueError(f'--boxes motion needs videos, {media.name} is an image: give '
                             '--boxes whole, detector or FILE')
        step = max(media.frames // self._FRAMES, 1)
        wanted = None if not media.frames else range(0, media.frames, step)
        pictures = [self._small(frame.image) for _, frame in zip(
            range(self._FRAMES + 2), media.read(wanted=wanted), strict=False)]
        if pictures:
            self._background = {media.name: _empty_scene(np.stack(pictures))}

    def _small(self, image: np.ndarray) -> np.ndarray:
        scale = self._SIDE / max(image.shape[:2])
        return cv2.GaussianBlur(resized(image, scale), (5, 5), 0)

    def _find(self, frame: Frame) -> tuple[np.ndarray, np.ndarray]:
        background = self._background.get(frame.source)
        if background is None:
            raise ValueError(f'--boxes motion needs a video, {frame.source} is none: give --boxes '
                             'whole, detector or FILE')
        small = self._small(frame.image)
        difference = small.astype(np.int16) - background
        difference -= np.median(difference, (0, 1)).astype(np.int16)  # the exposure has changed
        moved = (np.abs(difference).max(2) > self._DIFFERENCE).astype(np.uint8)
        moved = cv2.morphologyEx(moved, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        moved = cv2.morphologyEx(moved, cv2.MORPH_CLOSE, np.ones((15, 9), np.uint8))
        _, _, stats, _ = cv2.connectedComponentsWithStats(moved)
        stats = stats[1:][stats[1:, cv2.CC_STAT_AREA] > self._AREA * moved.size]
        if not len(stats):
            self.counts['frames in which nothing moves'] += 1
        scale = max(frame.image.shape[:2]) / self._SIDE
        boxes = stats[:, :4].astype(np.float32)
        boxes[:, 2:] += boxes[:, :2]
        return boxes * scale, np.ones(len(boxes), np.float32)


def _empty_scene(pictures: np.ndarray, segments: int = 12) -> np.ndarray:
    """The background in (T, H, W, 3) pictures of a still camera, in order of time.

    The scene without people looks alike whenever it is seen, also much later; people do not. So it
    is the median of the picture that returns in the most parts of the video, and of those like it.
    Where no picture returns in three parts, somebody is always there: the median of all.
    """
    small = np.stack([resized(picture, 0.25) for picture in pictures]).astype(np.int16)
    alike = np.stack([(np.abs(small - one).max(-1) > 20).mean((1, 2)) < 0.01 for one in small])
    part = np.arange(len(pictures)) * segments // len(pictures)
    returns = np.stack([alike[:, part == n].any(1) for n in range(segments) if (part == n).any()])
    best = returns.sum(0).argmax()
    chosen = alike[best] if returns.sum(0)[best] >= 3 else np.ones(len(pictures), bool)
    return np.median(pictures[chosen], 0).astype(np.uint8)
