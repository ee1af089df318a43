"""Videos with drawings: written frame by frame, and whole or not at all."""
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


class VideoFile:
    """An ``.mp4`` (MPEG-4 part 2, what every OpenCV can write); a context manager.

    It is written as ``NAME.part.mp4`` and gets its name in :meth:`finish`; left without that, as
    after an error, the part stays where it is. The first frame gives the size.

    Args:
        path (str | Path): Ends in ``.mp4``.
        fps (float): Frames per second; 25 if 0.

    Attributes:
        frames (int): Written so far.

    Example:
        >>> with VideoFile('out/clip.mp4', 25) as video:
        ...     for image in images:
        ...         video.write(image)
        ...     video.finish()
    """

    def __init__(self, path: str | Path, fps: float) -> None:
        self.path, self.fps, self.frames = Path(path), fps or 25., 0
        self.part = self.path.with_suffix('.part.mp4')
        self._writer, self._size = None, (0, 0)

    def write(self, image: np.ndarray) -> None:
        """Append a frame; one of another size is fitted into the first one's, with black bars.

        Args:
            image (np.ndarray): (H, W, 3) uint8 BGR.

        Raises:
            OSError: The video cannot be written here.
        """
        size = image.shape[1], image.shape[0]
        if self._writer is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._size = size
            self._writer = cv2.VideoWriter(
                str(self.part), cv2.VideoWriter_fourcc(*'mp4v'), self.fps, size)
            if not self._writer.isOpened():
                raise OSError(f'OpenCV cannot write {self.part} with {size[0]}x{size[1]} pixels: '
                              'check the folder and the disk, or write no video (--no-video)')
        self._writer.write(image if size == self._size else fit(image, *self._size))
        self.frames += 1

    def finish(self) -> None:
        """Give the file its name.

        Raises:
            OSError: Nothing has arrived on the disk, which is full as a rule.
        """
        self._release()
        if not self.frames:
            return
        film = cv2.VideoCapture(str(self.part))  # OpenCV does not say that it could not write
        if not film.grab():
            raise OSError(f'{self.part} was not written to its end: is the disk full?')
        film.release()
        self.part.replace(self.path)

    def _release(self) -> None:
        if self._writer is not None:
            self._writer.release()
            self._writer = None

    def __enter__(self) -> VideoFile:
        return self

    def __exit__(self, *error) -> None:
        self._release()


def fit(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """The image as large as it fits into (height, width), in the middle, on black."""
    scale = min(width / image.shape[1], height / image.shape[0])
    small = cv2.resize(image, (max(round(image.shape[1] * scale), 1),
                               max(round(image.shape[0] * scale), 1)),
                       interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    canvas = np.zeros((height, width, 3), np.uint8)
    y, x = (height - small.shape[0]) // 2, (width - small.shape[1]) // 2
    canvas[y:y + small.shape[0], x:x + small.shape[1]] = small
    return canvas
