"""What the animal data sets share: species, hourglass crops, and the published split files."""
from __future__ import annotations

import os.path as osp
import pickle
from collections.abc import Sequence

import numpy as np
from mmengine.logging import MMLogger

from .base import PublicPoseDataset
from .crops import split_by_shuffle, square_boxes

#: Species to ``category_id``: AnimalPose's ids, then those of the other data sets.
SPECIES_IDS = dict(dog=1, cat=2, sheep=3, horse=4, cow=5, tiger=6, hound=7)
_PICKLED = {'_reconstruct', 'ndarray', 'dtype', 'scalar'}


def hourglass_box(boxes: np.ndarray, factor: float = 1.25) -> np.ndarray:
    """The square that the published animal benchmarks crop.

    It has the box's centre and ``factor`` times its longer side; it may leave the image (black
    there). With ``GetBBoxCenterScale(padding=1.0)`` the crop is exactly this square.

    Args:
        boxes (np.ndarray): (..., 4) xyxy pixels.
        factor (float): Enlargement. Defaults to 1.25.

    Returns:
        np.ndarray: (..., 4) float32 xyxy pixels; all 0 for boxes without area.
    """
    boxes = np.asarray(boxes, np.float64)
    low, high = boxes[..., :2], boxes[..., 2:]
    square = square_boxes((low + high) / 2, factor * (high - low).max(-1))
    return np.where((high > low).all(-1, keepdims=True), square, 0).astype(np.float32)


def split_groups(groups: np.ndarray, fraction: float = 0.2, seed: int = 42) -> np.ndarray:
    """A random split that keeps groups (the shots of videos) whole.

    Args:
        groups (np.ndarray): (N,) the group of each sample.
        fraction (float): Part of the *groups* that becomes the test set, at least one if there are
            two. Defaults to 0.2.
        seed (int): Of Python's generator. Defaults to 42.

    Returns:
        np.ndarray: (N,) bool, True = test.
    """
    names = sorted(set(np.asarray(groups).tolist()))
    order = split_by_shuffle(names, 0, 0, seed)[1]
    count = max(int(len(names) * fraction), min(1, len(names) - 1))
    return np.isin(groups, order[:count])


def load_object_array(path: str) -> list[dict]:
    """Read a ``.npy`` of dicts (a pickle inside) without running anything that it may contain.

    Args:
        path (str): As written by ``np.save`` of an object array.

    Returns:
        list[dict]: Its items.

    Raises:
        ValueError: Not such a file, or a pickle with other objects than arrays and numbers.
    """
    try:
        with open(path, 'rb') as file:
            read_header = {1: np.lib.format.read_array_header_1_0,
                           2: np.lib.format.read_array_header_2_0}
            dtype = read_header[np.lib.format.read_magic(file)[0]](file)[2]
            if not dtype.hasobject:
                raise ValueError(f'it holds {dtype}')
            items = np.asarray(_ArrayUnpickler(file).load(), object).ravel().tolist()
    except Exception as error:  # a damaged pickle raises nearly anything
        raise ValueError(f'{path} is not a NumPy file with a list of annotation dicts ({error}): '
                         'get it again from the repository of the published code') from None
    if not all(isinstance(item, dict) for item in items):
        raise ValueError(f'{path} holds {type(items[0]).__name__} instead of annotation dicts')
    return items


class _ArrayUnpickler(pickle.Unpickler):
    """Builds arrays and numbers only: a split file from the web must not run code."""

    def find_class(self, module: str, name: str):
        if (module.split('.')[0] == 'numpy' and name in _PICKLED) or \
                (module, name) == ('_codecs', 'encode'):
            return super().find_class(module, name)
        raise ValueError(f'refused to load {module}.{name}')


class PublicAnimalDataset(PublicPoseDataset):
    """Base of the animal data sets; see :class:`PublicPoseDataset`.

    Items also have ``species`` (str) and its ``category_id``, for scores per species.

    Args:
        species (Sequence[str], optional): Which animals, in this order. Defaults to None: those of
            the published benchmark.
        cached_data (str, optional): Folder ``cached_data`` of the published code, which holds its
            split files (absolute, or relative to ``data_root``). Defaults to None: it is looked
            for inside of and beside ``data_root``; where its files do not exist, a split of our
            own is used, with a warning.
        *args, **kwargs: Those of :class:`PublicPoseDataset`.

    Raises:
        ValueError: Unknown species.
        FileNotFoundError: ``cached_data`` is given and lacks split files, or one of a pair does not
            exist.
    """

    #: All species of the data set, and those of the published benchmark
    SPECIES: tuple[str, ...] = ()
    DEFAULT_SPECIES: tuple[str, ...] = ()

    def __init__(self, *args, species: Sequence[str] | None = None,
                 cached_data: str | None = None, **kwargs) -> None:
        species = self.DEFAULT_SPECIES if species is None else \
            (species, ) if isinstance(species, str) else tuple(species)
        if not species or len(set(species)) < len(species) or not set(species) <= {*self.SPECIES}:
            raise ValueError(f'{type(self).__name__}: species={species} must be different ones of '
                             f'{self.SPECIES}')
        self.species, self.cached_data = species, cached_data
        super().__init__(*args, **kwargs)

    def cached_files(self, folder: str, train: str, test: str) -> tuple[str, str] | None:
        """Paths of two split files below ``cached_data``, or None (logged) if there are none.

        Raises:
            FileNotFoundError: One of the two is missing, or both in a folder that the user named.
        """
        if self.cached_data is not None:
            roots = [self.require(osp.expanduser(self.cached_data))]
        else:
            roots = [self.path('cached_data'),
                     osp.join(osp.dirname(osp.abspath(self.data_root)), 'cached_data')]
        for root in roots:
            paths = osp.join(root, folder, train), osp.join(root, folder, test)
            found = [osp.exists(path) for path in paths]
            if all(found):
                return paths
            if any(found) or self.cached_data is not None:
                raise FileNotFoundError(
                    f'{type(self).__name__}: split file {paths[found.index(False)]} does not '
                    f'exist: copy the whole folder cached_data/{folder} of the published code')
        MMLogger.get_current_instance().warning(
            f'{type(self).__name__}: no split file {osp.join(folder, test)} in '
            f'{" or ".join(roots)}: uses a split of its own, so scores are NOT comparable with '
            'published ones')
        return None

    def cached_indices(self, files: tuple[str, str], count: int) -> tuple[np.ndarray, np.ndarray]:
        """Read index files and check them against the number of samples.

        Args:
            files (tuple[str, str]): Of :meth:`cached_files`.
            count (int): Samples on the disk.

        Returns:
            tuple[np.ndarray, np.ndarray]: Indices of the training and of the test set.
        """
        return self.check_indices(*map(np.load, files), count, osp.dirname(files[0]))

    def check_indices(self, train, test, count: int, origin: str
                      ) -> tuple[np.ndarray, np.ndarray]:
        """Split indices as integer arrays.

        Raises:
            ValueError: They are no indices below ``count``, or overlap.
        """
        both = [np.asarray(part) for part in (train, test)]
        for part in both:
            if part.ndim != 1 or not part.size or not np.issubdtype(part.dtype, np.integer):
                raise ValueError(f'{self._name()}: the split of {origin} is no list of indices, '
                                 f'but {part.dtype} of shape {part.shape}')
            if part.min() < 0 or part.max() >= count:
                raise ValueError(
                    f'{self._name()}: the split of {origin} asks for sample {part.max()}, but '
                    f'{count} samples exist: the archive is not extracted completely, or the split '
                    'belongs to another version of the data')
        shared = np.intersect1d(*both).size
        if shared:
            raise ValueError(f'{self._name()}: {shared} samples of {origin} are in both parts of '
                             'the split')
        return both[0], both[1]

    def common(self, species: str) -> dict:
        """Keys of an instance that tell its species."""
        return dict(species=species, category_id=SPECIES_IDS[species])
