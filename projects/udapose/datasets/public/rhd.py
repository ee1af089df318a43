"""Rendered Handpose Dataset (Zimmermann and Brox, 2017)."""
from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from mmpose.registry import DATASETS

from ...joint_sets import JOINT_SETS, map_joints
from .annotation_files import read_pickle
from .crops import square_keypoint_box
from .hand_base import PublicHandDataset

_SIZE = (320, 320)
#: Labels of the mask files: thumb to little finger tip to palm, and the palm.
MASK_VALUES = dict(left=list(range(2, 18)), right=list(range(18, 34)))
_MM = dict(mm=1., cm=10., m=1000.)


@DATASETS.register_module()
class RHDDataset(PublicHandDataset):
    """RHD in its original format, filtered as in the published benchmarks; each hand an item.

    Hands are kept whose square box is large enough, of which enough joints are visible, and that
    the other hand's box hardly covers. Occluded joints are unlabelled. Items have 3D joints (mm),
    and their hand's mask (``mask_path`` with ``mask_values``: the fingers and the palm).

    Args:
        data_root (str): ``RHD_published_v2``.
        split (str): ``'train'`` (folder training), ``'test'`` (evaluation); ``'val'``, every fifth
            of the kept hands of training, and ``'train_val'``, the others.
        protocol (str, optional): ``'published'``; ``'clean'`` keeps the two hands of an image on
            one side of train_val and val. Train and test are the same in both.
        min_side (int): Smallest side of the box in pixels, exclusive, where a box has one pixel
            less than :func:`square_keypoint_box` gives. Defaults to 64.
        min_visible (int): Least number of visible joints, exclusive. Defaults to 16.
        max_overlap (float): Largest part of the box, exclusive, that the extent of the other
            hand's joints covers. Defaults to 0.3.
        unit (str): Of the file's 3D joints: ``'m'`` (default), ``'cm'`` or ``'mm'``.
        **kwargs: Those of :class:`PublicHandDataset`, for example ``hand``.

    Raises:
        ValueError: Annotations that are not RHD's, and see :class:`PublicHandDataset`.
    """

    METAINFO = JOINT_SETS['hand21'].metainfo(
        'rhd', title='Learning to Estimate 3D Hand Pose from Single RGB Images',
        author='Zimmermann, Christian and Brox, Thomas', container='ICCV', year='2017',
        homepage='https://lmb.informatik.uni-freiburg.de/resources/datasets/'
        'RenderedHandposeDataset.en.html')
    SPLITS = ('train', 'test', 'train_val', 'val')
    PROTOCOLS = ('published', 'clean')
    TREE = ('RHD_published_v2/\n'
            '  training/    anno_training.pickle    color/00000.png ...  mask/00000.png ...\n'
            '  evaluation/  anno_evaluation.pickle  color/00000.png ...  mask/00000.png ...')

    def __init__(self, data_root: str, *args, min_side: int = 64, min_visible: int = 16,
                 max_overlap: float = 0.3, unit: str = 'm', **kwargs) -> None:
        if unit not in _MM:
            raise ValueError(f'RHDDataset: unit={unit!r} is not one of {tuple(_MM)}')
        self.min_side, self.min_visible = min_side, min_visible
        self.max_overlap, self.unit = max_overlap, unit
        super().__init__(data_root, *args, **kwargs)

    def load_instances(self) -> Iterable[dict]:
        """See the base class."""
        folder = 'evaluation' if self.split == 'test' else 'training'
        ids, uv, flags, xyz, matrices = self._read(folder)
        sides = [[map_joints(f'rhd_{side}', values)[0] for side in ('left', 'right')]
                 for values in (uv, xyz)]
        points, cam = (np.stack(values, 1) for values in sides)  # (N, 2, 21, ...)
        visible = np.stack([map_joints(f'rhd_{side}', uv, flags)[1]
                            for side in ('left', 'right')], 1)
        keep = self._filter(points, visible)
        self.count('hands too small, hidden or covered by the other (left out by the protocol)',
                   int((~keep).sum()))
        image, side = np.nonzero(keep)  # the left hand first
        part = self._part(image)
        image, side = image[part], side[part]
        names = [f'{ids[i]:05d}.png' for i in image]
        yield from self.instances(
            [self.path(folder, 'color', name) for name in names], points[image, side],
            side == 0, _SIZE, visible[image, side], cam=cam[image, side] * _MM[self.unit],
            intrinsics=matrices[image],
            mask_path=[self.path(folder, 'mask', name) for name in names],
            mask_values=[MASK_VALUES[('left', 'right')[s]] for s in side])

    def _read(self, folder: str) -> tuple:
        path = self.require(folder, f'anno_{folder}.pickle')
        content = read_pickle(path)
        try:
            ids = [int(key) for key in content]
            uv_vis, xyz, matrices = (np.stack([np.asarray(a[key], np.float64) for a in
                                               content.values()]) for key in ('uv_vis', 'xyz', 'K'))
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise ValueError(
                f'{path} is not RHD\'s ({type(error).__name__}: {error}): it should map '
                'an index to uv_vis (42, 3), xyz (42, 3) and K (3, 3)') from None
        if uv_vis.shape[1:] != (42, 3) or xyz.shape[1:] != (42, 3) or matrices.shape[1:] != (3, 3):
            raise ValueError(f'{path}: uv_vis, xyz and K should be (42, 3), (42, 3) and (3, 3), '
                             f'got {uv_vis.shape[1:]}, {xyz.shape[1:]} and {matrices.shape[1:]}')
        return ids, uv_vis[..., :2], uv_vis[..., 2], xyz, matrices

    def _filter(self, points: np.ndarray, visible: np.ndarray) -> np.ndarray:
        """(N, 2) bool; both sides at once, ``points`` (N, 2, 21, 2)."""
        low, high = np.fmin.reduce(points, -2), np.fmax.reduce(points, -2)  # NaN: not known
        boxes = square_keypoint_box(points, _SIZE)
        # Pixels are counted here with both ends, as the original does.
        start, end = boxes[..., :2], boxes[..., 2:] - 1
        common = np.minimum(end, high[:, ::-1]) - np.maximum(start, low[:, ::-1]) + 1
        covered = common.clip(min=0).prod(-1) / (end - start + 1).prod(-1).clip(min=1)
        # NaN: nothing is known of the other hand
        return ((end - start).max(-1) > self.min_side) & ~(covered >= self.max_overlap) & \
            (visible.sum(-1) > self.min_visible)

    def _part(self, image: np.ndarray) -> np.ndarray:
        if self.split in ('train', 'test'):
            return np.ones(len(image), bool)
        number = image if self.protocol == 'clean' else np.arange(len(image))
        return (number % 5 == 0) == (self.split == 'val')
