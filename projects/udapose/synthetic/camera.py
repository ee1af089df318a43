"""Pinhole camera; integer pixel coordinates are pixel centres, as in MMPose."""

from dataclasses import dataclass

import numpy as np


@dataclass
class Camera:
    """A pinhole camera without distortion (x right, y down, z forward).

    Attributes:
        K (ndarray): Intrinsics in pixels, shape (3, 3).
        R (ndarray): World-to-camera rotation, shape (3, 3).
        center (ndarray): Position in the world in metres, shape (3,).
    """
    K: np.ndarray
    R: np.ndarray
    center: np.ndarray

    def to_camera(self, points):
        """World points (N, 3) in metres to the camera frame (N, 3)."""
        return (points - self.center) @ self.R.T

    def project(self, points):
        """Camera-frame points (N, 3) to pixels (N, 2)."""
        focal = np.array([self.K[0, 0], self.K[1, 1]])
        return points[:, :2] / points[:, 2:] * focal + self.K[:2, 2]

    def scaled(self, factor):
        """The same view on an image whose pixels are ``factor`` times finer.

        Pixel ``u`` spans ``u - 0.5 .. u + 0.5``, hence ``u' = (u + 0.5) * factor - 0.5``.
        """
        K = self.K.copy()
        K[:2, :2] *= factor
        K[:2, 2] = (K[:2, 2] + 0.5) * factor - 0.5
        return Camera(K, self.R, self.center)

    def rays(self, size):
        """World directions of a square image's pixels, depth 1.

        Args:
            size (int): Width and height in pixels.

        Returns:
            ndarray: Directions, shape (size * size, 3), float32.
        """
        grid = np.arange(size, dtype=np.float32)
        x = (grid - np.float32(self.K[0, 2])) / np.float32(self.K[0, 0])
        y = (grid - np.float32(self.K[1, 2])) / np.float32(self.K[1, 1])
        R = self.R.astype(np.float32)
        rays = x[None, :, None] * R[0] + y[:, None, None] * R[1] + R[2]
        return rays.reshape(-1, 3)


def frame_points(points, fill, size, shift):
    """Intrinsics that make camera-frame points fill a square image.

    Args:
        points (ndarray): Camera-frame points, shape (N, 3).
        fill (float): Longer side of the points' box as a share of the image.
        size (int): Image size in pixels.
        shift (ndarray): Displacement of the box from the image centre in pixels, shape (2,).

    Returns:
        ndarray: Intrinsics, shape (3, 3).
    """
    flat = points[:, :2] / points[:, 2:]
    low, high = flat.min(0), flat.max(0)
    focal = fill * size / float((high - low).max())
    cx, cy = (size - 1) / 2 - focal * (low + high) / 2 + shift
    return np.array([[focal, 0, cx], [0, focal, cy], [0, 0, 1.0]])
