"""Frames of videos and images, one at a time."""
from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..dark_images import tell_dark
from .av_capture import AvCapture

VIDEO_SUFFIXES = ('.mp4', '.mov', '.avi', '.mkv', '.webm', '.m4v', '.mpg', '.mpeg', '.wmv',
                  '.mts', '.m2ts', '.ts', '.3gp', '.flv', '.ogv')
#: Grabs after a failed one: a damaged place in the middle must not end a video.
_RETRIES = 30


@dataclass(frozen=True)
class Frame:
    """One picture.

    Attributes:
        image (np.ndarray): (H, W, 3) uint8 BGR.
        index (int): Number in the video, from 0; 0 of an image.
        time (float): Seconds from the video's start.
        source (str): The file as the user named it.
    """
    image: np.ndarray
    index: int
    time: float
    source: str


class Media:
    """A video or an image file; iterating gives its frames, decoded when they are asked for.

    Videos are read by OpenCV, and where it cannot by PyAV (``pip install av``), if that is there.
    Turned videos (the rotation flag of phones) and photographs (EXIF) come upright. A video that
    ends early, as a recording that was cut off, gives the frames that it has; :attr:`problem` then
    says what is missing.

    Args:
        path (str | Path): The file.
        name (str, optional): How messages and files call it. Defaults to ``path``.

    Attributes:
        name (str): See above.
        is_video (bool): Whether it has more than one frame.
        frames (int): Of a video as its header claims, 0 if it does not say.
        fps (float): Frames per second, 0 if unknown.
        size (tuple[int, int]): Width and height; (0, 0) of an image that was not read.
        problem (str): What is wrong with the file; empty as far as is known.
    """

    def __init__(self, path: str | Path, name: str | None = None) -> None:
        self.path, self.name = Path(path), str(name if name is not None else path)
        self.is_video = self.path.suffix.lower() in VIDEO_SUFFIXES
        self.frames, self.fps, self.size, self.problem = 1, 0., (0, 0), ''
        self._by_av = False
        if self.is_video:
            capture = self._open()
            if capture is None:
                self.frames = 0
                return
            self.frames = max(int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0)
            fps = float(capture.get(cv2.CAP_PROP_FPS))
            self.fps = fps if 0 < fps < 1000 else 0.
            self.size = (int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
                         int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)))
            capture.release()

    def __iter__(self) -> Iterator[Frame]:
        return self.read()

    def read(self, every: int = 1, wanted: Sequence[int] | None = None) -> Iterator[Frame]:
        """Frames in order.

        Args:
            every (int): Every so many frames. Defaults to 1.
            wanted (Sequence[int], optional): Only the frames with these numbers; others are passed
                over quickly.

        Yields:
            Frame: In order.
        """
        if not self.is_video:
            image = read_image(self.path)
            if image is None:
                self.problem = self.problem or 'cannot be read'
            else:
                self.size = (image.shape[1], image.shape[0])
                yield Frame(image, 0, 0., self.name)
            return
        chosen = None if wanted is None else set(wanted)
        last = None if not chosen else max(chosen)
        capture = self._open() if chosen is None or chosen else None
        if capture is None:
            return
        index, lost, time, more = 0, 0, 0., _grab(capture)
        if not more and not self._by_av:  # a codec that OpenCV lacks, say AV1
            capture.release()
            self._by_av = True
            capture = self._open()
            if capture is None:
                return
            more = _grab(capture)
        try:
            while more:
                at = float(capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000
                # some containers have no time stamps
                time = at if at > 0 else index / (self.fps or 25.)
                if index in chosen if chosen is not None else index % every == 0:
                    good, image = capture.retrieve()
                    if good and image is not None:
                        yield Frame(image, index, time, self.name)
                    else:
                        lost += 1
                index += 1
                more = (last is None or index <= last) and _grab(capture)
        finally:
            capture.release()
        if last is None and index < self.frames - max(2, self.frames // 200):
            self.problem = f'ends after {index} of {self.frames} frames'
        if lost:
            self.problem = '; '.join(filter(None, [self.problem, f'{lost} frames are damaged']))
        if index == 0:
            self.problem = 'has no frame that can be read'

    def _open(self) -> cv2.VideoCapture | AvCapture | None:
        if not self.path.is_file() or not os.path.getsize(self.path):
            self.problem = 'is empty' if self.path.is_file() else 'does not exist'
            return None
        if not os.access(self.path, os.R_OK):
            self.problem = 'may not be read: no permission'
            return None
        if not self._by_av:
            capture = cv2.VideoCapture(str(self.path))
            if capture.isOpened():
                # some versions do not unless they are told
                capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
                return capture
        capture = AvCapture(self.path)
        if capture.isOpened():
            return capture
        self.problem = 'has no frame that can be read' if self._by_av else \
            'is no video that can be read'
        if not AvCapture.available():
            self.problem += ' by OpenCV; `pip install av` reads more kinds'
        return None


def _grab(capture: cv2.VideoCapture | AvCapture) -> bool:
    return any(capture.grab() for _ in range(_RETRIES))


def read_image(path: str | Path) -> np.ndarray | None:
    """(H, W, 3) uint8 BGR, upright, of any image file and name; None if it cannot be read."""
    try:
        content = np.fromfile(path, np.uint8)  # imread fails on some names under Windows
    except OSError:
        return None
    try:
        image = cv2.imdecode(content, cv2.IMREAD_COLOR) if len(content) else None
    except cv2.error:  # a header that claims more pixels than there may be
        return None
    if image is not None:
        tell_dark(content, image, path)
    return image


def resized(image: np.ndarray, scale: float) -> np.ndarray:
    """An image whose sides are ``scale`` times as long, and at least a pixel."""
    if scale == 1:
        return image
    height, width = image.shape[:2]
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)
