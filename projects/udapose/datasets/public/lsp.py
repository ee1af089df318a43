"""Leeds Sports Pose and its extension."""
from __future__ import annotations

import os
import os.path as osp
from collections.abc import Iterable

import numpy as np
from mmpose.registry import DATASETS

from ...joint_sets import JOINT_SETS, map_joints
from .annotation_files import read_mat
from .base import PublicPoseDataset


def read_lsp_joints(joints: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool]:
    """Unify the layouts of LSP and LSP-extended, whose flags mean the opposite.

    Args:
        joints (np.ndarray): (3, 14, N) of LSP: x, y and 1 = occluded; or (14, 3, N) of
            LSP-extended: x, y and 1 = visible.

    Returns:
        tuple:
        - points (np.ndarray): (N, 14, 2) float32 pixels as stored.
        - visible (np.ndarray): (N, 14) float32, 1 visible, 0 occluded or unlabelled.
        - extended (bool): The layout is LSP-extended's.

    Raises:
        ValueError: Another shape; flags of joints with a position that are neither 0 nor 1.
    """
    extended = joints.shape[:2] == (14, 3)
    if joints.ndim != 3 or not (extended or joints.shape[:2] == (3, 14)):
        raise ValueError(f'joints has the shape {joints.shape}: expected 3 x 14 x N (LSP) or '
                         '14 x 3 x N (LSP-extended)')
    joints = joints.transpose(2, 0, 1) if extended else joints.transpose(2, 1, 0)
    points = joints[..., :2].astype(np.float32)
    # the flag of a joint without a position may be anything
    located = np.isfinite(joints).all(-1) & (points != 0).any(-1)
    unknown = np.setdiff1d(joints[..., 2][located], (0, 1))
    if len(unknown):
        raise ValueError(f'the visibility flags hold {unknown[:5].tolist()}: expected 0 and 1')
    visible = (joints[..., 2] == (1 if extended else 0)) & located
    return points, visible.astype(np.float32), extended


@DATASETS.register_module()
class LSPDataset(PublicPoseDataset):
    """Leeds Sports Pose (2000 photographs) or LSP-extended, 14 of the 16 body joints.

    The shape of ``joints`` in joints.mat tells which of the two it is, and so what its flags mean.
    The box is the whole image: with ``GetBBoxCenterScale(padding=1.0)`` it is letterboxed as in the
    published protocol. Occluded joints are unlabelled, so no published score counts them.
    Coordinates are taken as they are stored, as all published code does.

    ``'published'``: all images are the unlabelled training set *and* the test set. ``'clean'``: the
    first half (1000) trains, the second tests, LSP's official split; LSP-extended has none.

    Args:
        **kwargs: Those of :class:`PublicPoseDataset`.

    Raises:
        ValueError: joints.mat is not readable, has another layout, or fits not the images; the
            ``'clean'`` protocol of LSP-extended.
    """

    JOINT_SET = 'body16'
    METAINFO = JOINT_SETS['body16'].metainfo(
        'lsp', title='Clustered Pose and Nonlinear Appearance Models for Human Pose Estimation',
        author='Johnson, Sam and Everingham, Mark', container='BMVC', year='2010',
        homepage='http://sam.johnson.io/research/lsp.html')
    PROTOCOLS = ('published', 'clean')
    TREE = """data_root/
  joints.mat
  images/im0001.jpg ... im2000.jpg     (or lsp/images/; LSP-extended: im00001.jpg ...)"""

    def load_instances(self) -> Iterable[dict]:
        """See the base class."""
        points, visible, extended = self._read()
        folder = 'lsp/images' if osp.isdir(self.path('lsp/images')) else 'images'
        self.require(folder)
        self._require_as_many(folder, len(points))
        points, flags = map_joints('lsp', points, visible)
        digits = 5 if extended else 4
        chosen = self._chosen(len(points), extended)
        paths = [self.path(folder, f'im{i + 1:0{digits}d}.jpg') for i in chosen]
        for i, item in self.whole_images(paths):
            yield dict(item, keypoints=points[chosen[i]], keypoints_visible=flags[chosen[i]])

    def _read(self) -> tuple[np.ndarray, np.ndarray, bool]:
        path = self.require('joints.mat')
        joints = read_mat(path, 'joints')
        try:
            points, visible, extended = read_lsp_joints(joints)
        except ValueError as error:
            raise ValueError(f'{path}: {error}') from None
        self.count('joints at (0, 0), unlabelled', int((points == 0).all(-1).sum()))
        return points, visible, extended

    def _require_as_many(self, folder: str, count: int) -> None:
        images = sum(name.lower().endswith('.jpg') and name.startswith('im')
                     for name in os.listdir(self.path(folder)))
        if images > count:
            raise ValueError(f'{self._name()}: {images} images in {self.path(folder)}, but '
                             f'{count} poses in joints.mat: LSP and LSP-extended mixed?')

    def _chosen(self, count: int, extended: bool) -> range:
        if self.protocol == 'published':
            return range(count)
        if extended:
            raise ValueError(f"{self._name()}: protocol='clean' is LSP's official split, which "
                             "LSP-extended has not: use protocol='published'")
        return range(count // 2) if self.split == 'train' else range(count // 2, count)
