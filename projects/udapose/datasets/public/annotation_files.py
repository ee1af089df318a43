"""Annotation files: pickles, MATLAB files, and the archives of MMPose's converters."""
from __future__ import annotations

import pickle
import zipfile
from typing import Any

import numpy as np

from .body_cameras import unit_of_length

_SHAPES = dict(imgname=(), center=(2, ), scale=(), part=(17, 3), S=(17, 4))


def read_pickle(path: str) -> Any:
    """Read a pickle, those of Python 2 included.

    A pickle can run code when it is read: only use files from a data set's own site.

    Args:
        path (str): The file.

    Returns:
        Any: Its content; text of Python 2 is decoded as Latin-1, as NumPy's arrays in it need.

    Raises:
        ValueError: The file is damaged or no pickle.
    """
    try:
        with open(path, 'rb') as file:
            return pickle.load(file, encoding='latin1')
    except (pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError, KeyError,
            TypeError, UnicodeDecodeError, ValueError) as error:
        raise ValueError(f'{path} cannot be read as a pickle ({type(error).__name__}: {error}): it '
                         'is damaged or half copied; extract it again') from error


def read_mat(path: str, key: str) -> np.ndarray:
    """Read a variable of a MATLAB file (before 7.3).

    Args:
        path (str): The file.
        key (str): The variable.

    Returns:
        np.ndarray: As SciPy gives it: structs and cells are arrays of objects.

    Raises:
        ValueError: The file is damaged, no MATLAB file, or has no such variable.
    """
    from scipy.io import loadmat
    try:
        content = loadmat(path)
    except Exception as error:  # SciPy raises many kinds on what is no MATLAB file
        raise ValueError(f'{path} cannot be read as a MATLAB file ({type(error).__name__}: '
                         f'{error}): it is damaged or half copied; extract it again') from None
    if key not in content:
        raise ValueError(f'{path} has no variable {key!r}: is it of another data set?')
    return content[key]


def read_mocap(path: str) -> dict[str, np.ndarray]:
    """Read the annotations that MMPose's converters of motion capture data write.

    Args:
        path (str): The npz file.

    Returns:
        dict[str, np.ndarray]: ``imgname`` (N,) str; ``center`` (N, 2) pixels; ``scale`` (N,), box
        side / 200; ``part`` (N, 17, 3) pixels and flag; ``S`` (N, 17, 4) camera frame in metres
        and flag.

    Raises:
        ValueError: Damaged, other keys, lists of different lengths, not in metres.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            missing = [key for key in _SHAPES if key not in archive]
            data = {key: archive[key] for key in _SHAPES if key in archive}
    except (zipfile.BadZipFile, EOFError, OSError, ValueError) as error:
        raise ValueError(f'{path} cannot be read ({type(error).__name__}: {error}): it is damaged '
                         "or not an npz of MMPose's converter; write it again") from error
    if missing:
        raise ValueError(f"{path} has no {missing}, but {sorted(data)}: it is not an npz of "
                         "MMPose's converter for 3D bodies")
    shapes = {key: value.shape for key, value in data.items()}
    if len({shape[:1] for shape in shapes.values()}) > 1 \
            or any(shapes[key][1:] != shape for key, shape in _SHAPES.items()):
        raise ValueError(f'{path} has lists of different lengths or with another number of joints '
                         f'than 17: {shapes}. Write it again by one run of the converter')
    if len(data['S']):
        unit = unit_of_length(data['S'][..., :3], data['S'][..., 3] > -1, path)
        if unit != 'm':
            raise ValueError(f'{path}: S seems to be in {unit}, but MMPose stores metres: was the '
                             'file written by another converter?')
    return data
