"""SURREAL as the published benchmarks of domain adaptation use it: square crops, 16 joints."""
from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from mmpose.registry import DATASETS

from ...joint_sets import JOINT_SETS, map_joints
from ..json_files import load_json
from .base import PublicPoseDataset
from .crops import split_by_shuffle

#: Both readers' ``paper_info``.
PAPER = dict(
    title='Learning from Synthetic Humans',
    author='Varol, Gul and Romero, Javier and Martin, Xavier and Mahmood, Naureen and '
           'Black, Michael J. and Laptev, Ivan and Schmid, Cordelia',
    container='CVPR', year='2017', homepage='https://www.di.ens.fr/willow/research/surreal/data/')


def split_of(items: Sequence, split: str, protocol: str) -> list:
    """Both readers' splits, of the entries of a folder's runs: see :class:`SurrealUDADataset`."""
    if protocol == 'clean':
        return list(items)
    test, rest = split_by_shuffle(items, 0 if split == 'val' else 3200)
    return test if split == 'test' else rest


@DATASETS.register_module()
class SurrealUDADataset(PublicPoseDataset):
    """SURREAL, processed release: synthetic people in square crops, 16 labelled joints each.

    Reads the release of the Transfer-Learning-Library, which all 2D papers use, and what
    ``udapose convert surreal`` writes from SURREAL's own videos. The box
    is the whole crop: use ``GetBBoxCenterScale(padding=1.0)``.

    SURREAL's left and right are exchanged with respect to SMPL's, and the published joint set takes
    SMPL's collars for the shoulders: see ``MAPPINGS['surreal']``.

    ``'published'``: the entries of the three runs are concatenated and shuffled with seed 42;
    ``'train'`` lacks the first 3200 (20 % if that is less), ``'test'`` is only these, ``'val'`` is
    everything. ``'clean'``: all images of the split in file order.

    Args:
        runs (Sequence[int]): Read these of ``run0.json`` to ``run2.json``. The published split
            needs all three. Defaults to ``(0, 1, 2)``.
        **kwargs: Those of :class:`PublicPoseDataset`.

    Raises:
        ValueError: A run that does not exist; entries of another form; images that are not square.
    """

    JOINT_SET = 'body16'
    METAINFO = JOINT_SETS['body16'].metainfo('surreal', **PAPER)
    SPLITS = ('train', 'val', 'test')
    PROTOCOLS = ('published', 'clean')
    TREE = """data_root/
  train/run0.json run1.json run2.json   (the third archive belongs into run2, not into run1)
  train/run0/<name> run1/<name> run2/<name>
  val/...  test/...                     (likewise)"""

    def __init__(self, *args, runs: Sequence[int] = (0, 1, 2), **kwargs) -> None:
        self.runs = tuple(runs)
        if not self.runs or not set(self.runs) <= {0, 1, 2}:
            raise ValueError(f'SurrealUDADataset: runs={tuple(runs)} must be of 0, 1 and 2')
        super().__init__(*args, **kwargs)

    def load_instances(self) -> Iterable[dict]:
        """See the base class."""
        paths, poses = [], []
        for run in self.runs:
            names, points = self._read(run)
            paths += [self.path(self.split, f'run{run}', name) for name in names]
            poses.append(points)
        points, flags = map_joints('surreal', np.concatenate(poses))
        order = split_of(range(len(paths)), self.split, self.protocol)
        paths = [paths[i] for i in order]
        for i, item in self.whole_images(
                paths, 'these are no crops of the processed release. Convert the original release '
                'by `udapose convert surreal`'):
            yield dict(item, keypoints=points[order[i]], keypoints_visible=flags[order[i]])

    def _read(self, run: int) -> tuple[list[str], np.ndarray]:
        """File names and (N, 24, 2) joints in the crops' pixels of a run."""
        path = self.require(self.split, f'run{run}.json')
        entries = load_json(path)
        try:
            names = [entry['name'] for entry in entries]
            points = np.array([entry['keypoint2d'] for entry in entries], np.float32)
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f'{path} is not a list of {{name, keypoint2d (24 x 2), ...}} '
                f'({type(error).__name__}: {error}): of another version?') from None
        if len(names) and points.shape[1:] != (24, 2):
            raise ValueError(f'{path}: keypoint2d has the shape {points.shape[1:]}, not the 24 x 2 '
                             'of the processed release')
        return names, points.reshape(-1, 24, 2)
