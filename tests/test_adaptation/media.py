"""Small videos and images for the tests of adaptation runs."""
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def picture(step: int, size=(160, 120), seed: int = 0, figure: bool = True) -> np.ndarray:
    """A still, structured background with a bright figure that walks to the right."""
    width, height = size
    image = np.random.default_rng(seed).integers(40, 90, (height // 8, width // 8, 3), np.uint8)
    image = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
    if not figure:
        return image
    x = int(10 + 3 * step) % (width - 30)
    cv2.rectangle(image, (x, 30), (x + 20, 100), (200, 220, 240), -1)
    cv2.circle(image, (x + 10, 22), 8, (180, 200, 230), -1)
    return image


def write_video(path: Path, frames: int = 40, size=(160, 120), fps: float = 10.,
                present=lambda step: True, seed: int = 0) -> Path:
    """An MJPEG video in an avi file, which every build of OpenCV writes and reads."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), fps, size)
    assert writer.isOpened()
    for step in range(frames):
        writer.write(picture(step, size, seed, present(step)))
    writer.release()
    return path
