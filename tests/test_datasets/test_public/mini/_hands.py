"""Hands for the miniature data sets: joints in millimetres and pictures with a dot at each."""
from __future__ import annotations

import cv2
import numpy as np

from udapose.codecs.camera_geometry import project


def left_hand() -> np.ndarray:
    """A left hand's 21 joints, mm, as a camera in front of its palm sees it: (21, 3).

    Fingers up (-y), the thumb to the viewer's left: for a left hand's back that is reversed, but
    all hands of one side look alike, which is what tests compare.
    """
    joints = np.zeros((21, 3))
    for finger, degrees in enumerate((-50, -15, 0, 15, 30)):
        direction = np.array([np.sin(np.radians(degrees)), -np.cos(np.radians(degrees)), 0])
        at = np.cumsum((40, 35, 30, 25) if finger == 0 else (90, 38, 25, 20))
        joints[1 + 4 * finger:5 + 4 * finger] = at[:, None] * direction
        joints[1 + 4 * finger:5 + 4 * finger, 2] = -8. * np.arange(4) ** 1.5
    return joints


def posed(rng: np.random.Generator, num: int, matrix: np.ndarray, size: tuple[int, int],
          part: float = 0.5, joints: np.ndarray | None = None) -> np.ndarray:
    """Turned left hands that lie within an image of ``size``: (num, 21, 3) mm, camera frame.

    ``part``: their extent, as part of the image's shorter side.
    """
    joints = left_hand() if joints is None else joints
    out = np.zeros((num, 21, 3))
    for i in range(num):
        turn = cv2.Rodrigues(rng.uniform(-0.4, 0.4, 3))[0]
        depth = matrix[0, 0] * 190 / (part * min(size))
        centre = np.array(size) * rng.uniform(0.42, 0.58, 2)
        ray = np.linalg.inv(matrix) @ (*centre, 1)
        hand = (joints - joints.mean(0)) @ turn.T
        out[i] = hand + ray * depth
    assert (project(out, matrix) > 2).all() and (project(out, matrix) < np.array(size) - 3).all()
    return out


def mirrored_hand() -> np.ndarray:
    """A right hand: (21, 3) mm."""
    return left_hand() * (-1, 1, 1)


def picture(rng: np.random.Generator, points: np.ndarray, size: tuple[int, int],
            radius: int = 2) -> np.ndarray:
    """Smooth random colours with a dot at each point, brighter from wrist to little finger."""
    image = cv2.resize(rng.uniform(30, 120, (4, 4, 3)).astype(np.float32), size)
    image = image.astype(np.uint8)
    for j, point in enumerate(np.round(points).astype(int)):
        cv2.circle(image, tuple(map(int, point)), radius, (0, 255 - 6 * (j % 21), 255), -1)
    return image
