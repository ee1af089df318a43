"""TigDog: horses and tigers in videos (Del Pero et al., CVPR 2015)."""
from __future__ import annotations

import os.path as osp
from collections.abc import Iterable

import numpy as np
from mmpose.registry import DATASETS

from ...joint_sets import JOINT_SETS, map_joints
from .animals import PublicAnimalDataset, hourglass_box, split_groups
from .annotation_files import read_mat

_NUM_JOINTS = 18
_MARGIN = 15


@DATASETS.register_module()
class TigDogDataset(PublicAnimalDataset):
    """Frames of TigDog's videos with 18 joints; see ``docs/data_animals.md``.

    The box is the extent of the annotated joints and 15 pixels more on every side, clipped to the
    image, as a square (:func:`hourglass_box`). Items also have ``shot_id`` (int).

    - ``'published'``: the published split by video (index files), and a joint is labelled if its y
      is positive whatever its visibility flag says, as in the published evaluation. Without the
      index files the split is that of ``'clean'``.
    - ``'clean'``: of all frames with labels, those of 20 % of the shots (seed 42) are the test
      set; a joint is labelled if its coordinates are positive and its visibility flag is set.

    Args:
        *args, **kwargs: Those of :class:`PublicAnimalDataset`.

    Raises:
        FileNotFoundError: Files of the tree are missing; no shot has landmarks.
        ValueError: A file of another structure, fewer landmarks than frames, a split that does not
            fit.
    """

    JOINT_SET = 'animal18'
    METAINFO = JOINT_SETS['animal18'].metainfo(
        'tigdog', title='Articulated motion discovery using pairs of trajectories',
        author='Del Pero, Luca and Ricco, Susanna and Sukthankar, Rahul and Ferrari, Vittorio',
        container='CVPR', year='2015', homepage='http://calvin-vision.net/datasets/tigdog/')
    PROTOCOLS = ('published', 'clean')
    SPECIES = DEFAULT_SPECIES = ('horse', 'tiger')
    TREE = '''data_root/
  behaviorDiscovery2.0/<horse|tiger>/%08d.jpg
  behaviorDiscovery2.0/ranges/<animal>/ranges.mat
  behaviorDiscovery2.0/landmarks/<animal>/<shot>.mat
  cached_data/real_animal/<animal>/train_idxs_by_video.npy, valid_idxs_by_video.npy
                                            (published split; also found beside data_root)'''

    def load_instances(self) -> Iterable[dict]:
        """The instances, species by species, in the order of the split."""
        for species in self.species:
            frames, shots, raw = self._frames(species)
            points, flags = map_joints(f'tigdog_{species}', raw[..., :2], raw[..., 2])
            positive = (points > 0) | np.isnan(points)  # the base class reports what is not finite
            labelled = positive[..., 1] if self.protocol == 'published' else \
                positive.all(-1) & (flags > 0)
            chosen = self._split(species, shots, labelled.any(-1))
            folder = self.path('behaviorDiscovery2.0', species)
            paths = [osp.join(folder, f'{frame:08d}.jpg') for frame in frames[chosen]]
            sizes = self.image_sizes(paths)
            limits = np.array([sizes.get(path, (0, 0)) for path in paths])
            boxes = self._boxes(points[chosen], limits)
            for i, path, box in zip(chosen, paths, boxes):
                if path in sizes:
                    yield dict(self.common(species), img_path=path, keypoints=points[i], bbox=box,
                               keypoints_visible=labelled[i].astype(np.float32),
                               image_size=sizes[path], shot_id=int(shots[i]))

    @staticmethod
    def _boxes(points: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """(N, 4) squares; NaN where a coordinate has no positive value."""
        low = np.where(points > 0, points, np.inf).min(1) - _MARGIN
        high = np.where(points > 0, points, -np.inf).max(1) + _MARGIN
        boxes = np.concatenate([np.maximum(low, 0), np.minimum(high, sizes)], -1)
        empty = ~np.isfinite(boxes).all(-1)
        return np.where(empty[:, None], np.nan, hourglass_box(np.where(empty[:, None], 0, boxes)))

    def _split(self, species: str, shots: np.ndarray, labelled: np.ndarray) -> np.ndarray:
        files = None if self.protocol == 'clean' else self.cached_files(
            f'real_animal/{species}', 'train_idxs_by_video.npy', 'valid_idxs_by_video.npy')
        if files is None:
            with_labels = np.flatnonzero(labelled)
            self.count('frames without labelled joints, left out of the split',
                       len(labelled) - len(with_labels))
            test = split_groups(shots[with_labels])
            return with_labels[test == (self.split == 'test')]
        train, test = self.cached_indices(files, len(shots))
        shared = np.intersect1d(shots[train], shots[test])
        self.count(f'shots of the {species}s in both parts of the published split (kept)',
                   shared.size)
        return test if self.split == 'test' else train

    def _frames(self, species: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Frame numbers (N,), shots (N,), and (N, 18, 3) x, y, visibility in the file's order.

        N counts *all* frames of shots with landmarks, in the order of ranges.mat: the base of the
        published indices.
        """
        path = self.require('behaviorDiscovery2.0', 'ranges', species, 'ranges.mat')
        ranges = read_mat(path, 'ranges')
        if ranges.ndim != 2 or ranges.shape[1] != 3:
            raise ValueError(f'{path}: ranges has shape {ranges.shape}, expected (shots, 3)')
        ranges = ranges.astype(np.int64)  # MATLAB's numbers may be doubles
        if (ranges[:, 2] < ranges[:, 1]).any():
            raise ValueError(f'{path}: shot {ranges[ranges[:, 2] < ranges[:, 1]][0].tolist()} ends '
                             'before it begins: expected rows of shot, first and last frame')
        folder = self.require('behaviorDiscovery2.0', 'landmarks', species)
        frames, shots, landmarks = [], [], []
        for shot, first, last in ranges.tolist():
            path = osp.join(folder, f'{shot}.mat')
            if not osp.exists(path):
                self.count(f'shots of {species}s without a landmark file, left out as published')
                continue
            count = last - first + 1
            values = read_landmarks(path)
            if len(values) < count:
                raise ValueError(f'{path} has landmarks of {len(values)} frames, but by ranges.mat '
                                 f'shot {shot} has {count} ({first} to {last}): the files are of '
                                 'different versions')
            if len(values) > count:
                self.count(f'landmarks of {species}s behind the end of their shot, not used',
                           len(values) - count)
            frames.append(np.arange(first, last + 1))
            shots.append(np.full(count, shot))
            landmarks.append(values[:count])
        if not frames:
            raise FileNotFoundError(f'{self._name()}: none of the {len(ranges)} shots has a file '
                                    f'in {folder}: extract the landmarks\n{self.TREE}')
        return np.concatenate(frames), np.concatenate(shots), np.concatenate(landmarks)


def read_landmarks(path: str) -> np.ndarray:
    """Landmarks of a shot.

    Args:
        path (str): ``<shot>.mat``: per frame a nested struct with ``coord`` (L x 2, pixels, not
            positive where missing) and ``vis`` (L x 1).

    Returns:
        np.ndarray: (F, 18, 3) float64: x, y, visibility of the first 18 landmarks.

    Raises:
        ValueError: Another structure.
    """
    landmarks = read_mat(path, 'landmarks')
    try:
        records = [_record(cell) for cell in landmarks.ravel()]
        coords = np.stack([r['coord'][:_NUM_JOINTS] for r in records]).astype(np.float64)
        flags = np.stack([r['vis'][:_NUM_JOINTS].reshape(-1) for r in records])
        return np.concatenate([coords, flags.reshape(-1, _NUM_JOINTS, 1)], -1) \
            .reshape(-1, _NUM_JOINTS, 3)
    except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
        raise ValueError(f'{path} does not have, for every frame, a struct with coord and vis of '
                         f'{_NUM_JOINTS} or more landmarks: {error}') from None


def _record(cell) -> np.void:
    """The struct with ``coord``: MATLAB nests cells and structs of one element around it."""
    while True:
        names = getattr(cell, 'dtype', np.dtype(object)).names
        if isinstance(cell, np.void) and 'coord' in names:
            return cell
        if isinstance(cell, np.void) and len(names) == 1:
            cell = cell[0]
        elif isinstance(cell, np.ndarray) and cell.size == 1:
            cell = cell.ravel()[0]
        else:
            raise KeyError(f'no field coord in {type(cell).__name__} {names or ""}')
