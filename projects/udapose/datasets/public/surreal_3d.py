"""SURREAL in 3D, in the processed release of the UDA benchmarks."""
from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from mmengine.logging import MMLogger
from mmpose.registry import DATASETS

from ...codecs.camera_geometry import project
from ...joint_sets import JOINT_SETS, map_joints
from ..json_files import load_json
from .base import PublicPoseDataset
from .body_cameras import (
    check_reprojection,
    reprojection_errors,
    to_millimetres,
    unit_of_length,
)
from .surreal import PAPER, split_of

_RUNS = ('run0', 'run1', 'run2')
_SHAPES = dict(keypoint2d=(24, 2), keypoint3d=(24, 3), intrinsic_matrix=(3, 3))
_LIMIT = 1.  # pixels
_RAW_CENTRE = (160, 120)  # of the raw 320 x 240 frames


@DATASETS.register_module()
class Surreal3DDataset(PublicPoseDataset):
    """SURREAL's processed square crops with 3D joints in camera space.

    Left and right are exchanged with respect to SMPL's names, as in the images. ``body17``'s
    shoulders are the real ones here (SMPL's arm joints), not the collars of the 2D benchmark; SMPL
    has no joint at the top of the head (``keypoints_visible`` 0). Metres or millimetres are told
    apart by the size of people and logged. Where ``intrinsic_matrix`` belongs to the uncropped
    image, the crop's offset and scale are found from the 2D joints, and counted.

    Args:
        data_root (str): Folder with ``train`` and ``test``.
        split (str): ``'train'`` or ``'test'``.
        protocol (str): ``'published'``: of both folders' shuffled lists the first 20 %, at most
            3200, are left out of training and are the test set; ``'clean'``: all images.
        **kwargs: Those of :class:`PublicPoseDataset`.

    Raises:
        ValueError: Entries without 3D labels, of another shape, or that do not project.
    """

    JOINT_SET = 'body17'
    PROTOCOLS = ('published', 'clean')
    METAINFO = JOINT_SETS['body17'].metainfo('surreal_body17', **PAPER)
    TREE = '''data_root/
  train/run0.json, run1.json, run2.json
  train/run0/, run1/, run2/   (images)
  test/                       (the same)'''

    def load_instances(self) -> Iterable[dict]:
        """The instances in the shuffled order of the published code."""
        entries = split_of(self._entries(), self.split, self.protocol)
        if not entries:
            return
        pixels, points, matrices = (self._stack(entries, key) for key in _SHAPES)
        names = [self.path(self.split, entry[0], entry[1]['name']) for entry in entries]
        every = np.ones(points.shape[:2])
        where = self.path(self.split)
        unit = unit_of_length(points, every, where)
        MMLogger.get_current_instance().info(f'{self._name()}: 3D labels are in {unit}')
        cam = to_millimetres(points, unit)
        matrices = self._match_crop(cam, matrices, pixels)
        good = check_reprojection(
            reprojection_errors(cam, matrices, pixels, every), _LIMIT, names, where,
            'the jsons are of another release')
        self.count('instances whose 3D joints do not project onto their 2D joints, left out',
                   int((~good).sum()))
        (cam, visible), (pixels, _) = (map_joints('surreal_body17', x) for x in (cam, pixels))
        chosen = np.flatnonzero(good)
        for n, item in self.whole_images([names[i] for i in chosen]):
            i = chosen[n]
            yield dict(item, keypoints=pixels[i], keypoints_visible=visible[i],
                       keypoints_cam=cam[i], intrinsics=matrices[i])

    def _entries(self) -> list[tuple[str, dict]]:
        entries = []
        for run in _RUNS:
            path = self.require(self.split, f'{run}.json')
            content = load_json(path)
            for entry in content:
                missing = [key for key in ('name', *_SHAPES) if key not in entry]
                if missing:
                    raise ValueError(f'{path}: an entry ({entry.get("name")}) has no {missing}: '
                                     'this is another release than the processed one')
            entries += [(run, entry) for entry in content]
        return entries

    def _stack(self, entries: list[tuple[str, dict]], key: str) -> np.ndarray:
        try:
            values = np.array([entry[key] for _, entry in entries], np.float64)
        except ValueError:
            values = np.empty(0)
        if values.shape[1:] != _SHAPES[key]:
            bad = next((run, entry['name']) for run, entry in entries
                       if np.shape(entry[key]) != _SHAPES[key])
            raise ValueError(f'{self.path(self.split)}: {key} of {"/".join(bad)} is not '
                             f'{_SHAPES[key]}: this is another release than the processed one')
        return values

    def _match_crop(self, cam: np.ndarray, matrices: np.ndarray, pixels: np.ndarray
                    ) -> np.ndarray:
        """Intrinsics of the crop where those of the uncropped image are given."""
        with np.errstate(divide='ignore', invalid='ignore'):
            whole = project(cam, matrices)
        wrong = ~(np.linalg.norm(whole - pixels, axis=-1).max(-1) <= _LIMIT)
        mean, target = whole.mean(1, keepdims=True), pixels.mean(1, keepdims=True)
        scale = ((whole - mean) * (pixels - target)).sum((1, 2)) \
            / np.maximum(((whole - mean) ** 2).sum((1, 2)), 1e-9)
        crop = np.tile(np.eye(3), (len(cam), 1, 1))
        crop[:, [0, 1], [0, 1]] = scale[:, None]
        crop[:, :2, 2] = (target - scale[:, None, None] * mean)[:, 0]
        fitted = crop @ matrices
        with np.errstate(divide='ignore', invalid='ignore'):
            fits = np.linalg.norm(project(cam, fitted) - pixels, axis=-1).max(-1) <= _LIMIT
        use = wrong & fits & (scale > 0)
        self.count('instances whose intrinsics are those of the uncropped image, corrected by '
                   'the 2D joints', int(use.sum()))
        raw = ~wrong & (np.abs(matrices[:, :2, 2] - _RAW_CENTRE) < 1).all(-1)
        self.count("instances that project with the uncropped image's principal point, so that "
                   'their x and y are not those of the true camera', int(raw.sum()))
        return np.where(use[:, None, None], fitted, matrices)
