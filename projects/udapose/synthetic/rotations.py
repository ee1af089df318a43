"""Rotation matrices for posing: small scalar helpers, in degrees and float64."""

import math

import numpy as np

AXIS_X, AXIS_Y, AXIS_Z = np.eye(3)


def axis_rotation(axis, degrees):
    """Rotation about an axis through the origin (Rodrigues' formula).

    Args:
        axis (array): Direction, shape (3,); any positive length.
        degrees (float): Angle, counter-clockwise seen against the axis.

    Returns:
        ndarray: Rotation matrix, shape (3, 3).
    """
    x, y, z = (float(a) for a in axis)
    length = math.sqrt(x * x + y * y + z * z)
    x, y, z = x / length, y / length, z / length
    angle = math.radians(degrees)
    c, s = math.cos(angle), math.sin(angle)
    k = 1 - c
    return np.array([[c + x * x * k, x * y * k - z * s, x * z * k + y * s],
                     [y * x * k + z * s, c + y * y * k, y * z * k - x * s],
                     [z * x * k - y * s, z * y * k + x * s, c + z * z * k]])


def aligning_rotation(start, end):
    """Smallest rotation that turns the direction ``start`` into ``end``.

    Args:
        start (array): Direction, shape (3,).
        end (array): Direction, shape (3,); not opposite to ``start``.

    Returns:
        ndarray: Rotation matrix, shape (3, 3).
    """
    axis = np.cross(start, end)
    sine = float(np.sqrt(axis @ axis))
    if sine < 1e-9:
        return np.eye(3)
    return axis_rotation(axis, math.degrees(math.atan2(sine, float(np.dot(start, end)))))


def fractional_rotation(rotation, fraction):
    """The same axis, only ``fraction`` of the angle.

    Args:
        rotation (ndarray): Rotation matrix, shape (3, 3).
        fraction (float): Multiplier of the angle.

    Returns:
        ndarray: Rotation matrix, shape (3, 3).
    """
    cosine = min(1.0, max(-1.0, (float(np.trace(rotation)) - 1) / 2))
    axis = np.array([rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0],
                     rotation[1, 0] - rotation[0, 1]])
    if float(axis @ axis) < 1e-18:
        return np.eye(3)
    return axis_rotation(axis, math.degrees(math.acos(cosine)) * fraction)
