"""One video of two models: before on the left, after on the right."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np

from ..adaptation.prediction_files import Poses, read_frames
from ..adaptation.video import Media
from .skeleton2d import draw_pose, draw_text
from .video_file import VideoFile


def side_by_side(before: str | Path, after: str | Path, video: str | Path, out: str | Path,
                 meta: Mapping, labels: tuple[str, str] = ('before', 'after'),
                 height: int = 720, threshold: float = 0.3) -> int:
    """Draw the predictions of two models into two copies of a video, beside each other.

    Frames that neither file holds (``--every``) are left out. Nothing is kept in memory but one
    frame, if the files are `udapose predict`'s own.

    Args:
        before, after (str | Path): JSON files in the form of MMPose's inferencer.
        video (str | Path): What they are of.
        out (str | Path): ``.mp4`` to write.
        meta (Mapping): MMPose's ``dataset_meta``, for skeleton and colours.
        labels (tuple[str, str]): Written into the pictures.
        height (int): Of the result at most, in pixels. Defaults to 720.
        threshold (float): Confidence from which a joint is sure.

    Returns:
        int: Frames written.

    Raises:
        ValueError: A JSON file has another form; no frame of the video is in them.
    """
    media = Media(video)
    films = [_Poses(read_frames(path)) for path in (before, after)]
    step = films[0].step()
    with VideoFile(out, media.fps / step) as film:
        for frame in media.read():
            found = [poses.of(frame.index) for poses in films]
            if found[0] is None and found[1] is None:
                if all(poses.ended for poses in films):
                    break
                continue
            film.write(np.concatenate([
                _picture(frame.image, poses, meta, label, height, threshold)
                for poses, label in zip(found, labels, strict=True)], 1))
        film.finish()
    if not film.frames:
        raise ValueError(f'no frame of {video} {media.problem or "is in the two files"}')
    return film.frames


class _Poses:
    """Frames of a file in step with those of a video."""

    def __init__(self, frames: Iterator[tuple[int, Poses]]) -> None:
        self._frames = frames
        self._waiting = [entry for entry in (next(frames, None), next(frames, None)) if entry]

    @property
    def ended(self) -> bool:
        return not self._waiting

    def step(self) -> int:
        """From the first frame to the second."""
        return max(self._waiting[1][0] - self._waiting[0][0], 1) if len(self._waiting) > 1 else 1

    def of(self, index: int) -> Poses | None:
        while self._waiting and self._waiting[0][0] < index:
            self._next()
        if not self._waiting or self._waiting[0][0] != index:
            return None
        poses = self._waiting[0][1]
        self._next()
        return poses

    def _next(self) -> None:
        self._waiting.pop(0)
        entry = next(self._frames, None)
        if entry is not None:
            self._waiting.append(entry)


def _picture(image, poses, meta, label, height, threshold) -> np.ndarray:
    scale = min(1., height / image.shape[0], 1280 / image.shape[1])
    size = [max(round(n * scale / 2) * 2, 2) for n in (image.shape[1], image.shape[0])]
    picture = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if scale < 1 else image.copy()
    for i in range(0 if poses is None else len(poses)):
        draw_pose(picture, poses.points[i] * scale, poses.confidence[i], meta,
                  threshold=threshold)
    return draw_text(picture, label, (8, 8), scale=max(0.5, picture.shape[0] / 600))
