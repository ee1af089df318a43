"""PyAV in the form of OpenCV's ``VideoCapture``, for videos that OpenCV cannot decode."""
from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import cv2
import numpy as np

try:
    import av
except ImportError:  # optional: pip install av
    av = None


class AvCapture:
    """A video as PyAV reads it; turned ones come upright, damaged places are passed over.

    Args:
        path (Path): The file. If it cannot be decoded, :meth:`isOpened` is False.
    """

    def __init__(self, path: Path) -> None:
        self._file = self._frame = None
        try:
            self._file = av.open(str(path)) if av is not None else None
            self._stream = self._file.streams.video[0]
        except (AttributeError, IndexError, OSError, ValueError):  # none, no video, broken
            return
        self._stream.thread_type = 'AUTO'
        frames = self._decoded()
        self._frame = next(frames, None)
        self._frames = chain([self._frame] * self.isOpened(), frames)
        self._turns = round(getattr(self._frame, 'rotation', 0) / 90) % 4  # against the clock

    @staticmethod
    def available() -> bool:
        """Whether PyAV is installed."""
        return av is not None

    def isOpened(self) -> bool:  # noqa: N802
        return self._frame is not None

    def _decoded(self) -> Iterator:
        try:
            for packet in self._file.demux(self._stream):
                try:
                    yield from packet.decode()
                except av.error.FFmpegError:
                    continue
        except av.error.FFmpegError:  # the file was cut off
            return

    def grab(self) -> bool:
        frame = next(self._frames, None)
        self._frame = frame or self._frame
        return frame is not None

    def retrieve(self) -> tuple[bool, np.ndarray]:
        image = self._frame.to_ndarray(format='bgr24')
        return True, np.ascontiguousarray(np.rot90(image, self._turns))

    def get(self, what: int) -> float:
        stream, frame = self._stream, self._frame
        if what == cv2.CAP_PROP_POS_MSEC:
            return 1000 * float((frame.time or 0) - (stream.start_time or 0) * stream.time_base)
        rate = float(stream.average_rate or 0)
        seconds = float((stream.duration or 0) * stream.time_base)
        sides = (frame.width, frame.height)[::-1 if self._turns % 2 else 1]
        return {cv2.CAP_PROP_FPS: rate, cv2.CAP_PROP_FRAME_WIDTH: sides[0],
                cv2.CAP_PROP_FRAME_HEIGHT: sides[1],
                cv2.CAP_PROP_FRAME_COUNT: stream.frames or int(seconds * rate)}.get(what, 0)

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
