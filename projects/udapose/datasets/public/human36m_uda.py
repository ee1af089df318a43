"""Human3.6M as the published 2D benchmarks of domain adaptation use it."""
from __future__ import annotations

import os.path as osp
import random
from collections.abc import Iterable

import numpy as np
from mmengine.logging import MMLogger
from mmpose.registry import DATASETS

from ...codecs.camera_geometry import project
from ...joint_sets import JOINT_SETS, map_joints
from ..json_files import load_json
from .base import PublicPoseDataset
from .crops import square_keypoint_box
from .human36m_annotations import CROP_SIZE, read_subject

SUBJECTS = dict(train=(1, 5, 6, 7, 8), test=(9, 11), all=(1, 5, 6, 7, 8, 9, 11))
_PELVIS = 6


@DATASETS.register_module()
class Human36mUDADataset(PublicPoseDataset):
    """Human3.6M with the annotations of 3DMPPE, 16 joints, every fifth image entry.

    By default the original images are read and the box is the published square of 1.5 times the
    joints' extent: use ``GetBBoxCenterScale(padding=1.0)``, and nothing has to be cropped before.
    Items then also have ``keypoints_cam`` (mm), ``intrinsics`` and ``root_index`` (the pelvis).
    Keypoints are projections without lens distortion, as in the published code. The generated crops
    of that code (512 x 512) are read, too, without 3D: its camera does not belong to the crops.

    Splits by subject: train 1, 5, 6, 7, 8; test 9, 11. Test, ``'published'``: 3200 draws with seed
    42 *with replacement*, so some images count twice or more; ``'clean'``: 3200 different ones.

    Args:
        source (str): ``'images'``; ``'crops'``, or ``'auto'``: crops where annotations of all
            subjects of the split exist. Defaults to ``'auto'``.
        num_test (int): Items of the test split. Defaults to 3200, as published.
        **kwargs: Those of :class:`PublicPoseDataset`.

    Raises:
        ValueError: Unknown ``source``; annotations that lack a pose or a camera, or are no JSON.
    """

    JOINT_SET = 'body16'
    METAINFO = JOINT_SETS['body16'].metainfo(
        'human36m_uda', title='Human3.6M: Large Scale Datasets and Predictive Methods for 3D Human '
                              'Sensing in Natural Environments',
        author='Ionescu, Catalin and Papava, Dragos and Olaru, Vlad and Sminchisescu, Cristian',
        container='TPAMI', year='2014', homepage='http://vision.imar.ro/human3.6m')
    SPLITS = ('train', 'test', 'all')
    PROTOCOLS = ('published', 'clean')
    TREE = """data_root/
  annotations/Human36M_subject{1,5,6,7,8,9,11}_{camera,data,joint_3d}.json
  images/<file_name>                        (or images/images/<file_name>)
  annotations/keypoints2d_{1,5,...}.json    (instead, with crop_images/: generated crops)
  crop_images/<file_name>"""

    def __init__(self, *args, source: str = 'auto', num_test: int = 3200, **kwargs) -> None:
        if source not in ('auto', 'images', 'crops'):
            raise ValueError(f"Human36mUDADataset: source={source!r} is not one of ('auto', "
                             "'images', 'crops')")
        if num_test < 1:
            raise ValueError(f'Human36mUDADataset: num_test={num_test} must be at least 1')
        self.source, self.num_test = source, num_test
        super().__init__(*args, **kwargs)

    def load_instances(self) -> Iterable[dict]:
        """See the base class."""
        self.require('annotations')
        read = self._read_crops if self._use_crops() else self._read_images
        items = [item for subject in SUBJECTS[self.split] for item in read(subject)]
        if self.split == 'test' and items:
            draw = random.Random(42)
            items = draw.choices(items, k=self.num_test) if self.protocol == 'published' \
                else draw.sample(items, min(self.num_test, len(items)))
        yield from items

    def _use_crops(self) -> bool:
        if self.source != 'auto':
            return self.source == 'crops'
        found = osp.isdir(self.path('crop_images')) and all(
            osp.exists(self.path(_crop_file(subject))) for subject in SUBJECTS[self.split])
        MMLogger.get_current_instance().info(
            f'Human36mUDADataset: reading {"crop_images" if found else "the original images"} '
            f"(choose by source='images' or 'crops')")
        return found

    def _read_images(self, subject: int) -> Iterable[dict]:
        data = read_subject(self, subject)
        cam, _ = map_joints('h36m_body16', data.camera_joints)
        points = project(cam, data.intrinsics[data.camera_of])
        boxes = np.zeros((len(points), 4), np.float32)
        for size in np.unique(data.sizes, axis=0):  # the cameras' images differ by two rows
            of_size = (data.sizes == size).all(1)
            boxes[of_size] = square_keypoint_box(points[of_size], size)
        flags = np.ones(points.shape[:2], np.float32)
        folder = 'images/images' if osp.isdir(self.path('images/images')) else 'images'
        self.require(folder)
        for i, name in enumerate(data.names):
            yield dict(
                img_path=self.path(folder, name), keypoints=points[i], keypoints_visible=flags[i],
                bbox=boxes[i], image_size=tuple(data.sizes[i].tolist()), keypoints_cam=cam[i],
                intrinsics=data.intrinsics[data.camera_of[i]], root_index=_PELVIS,
                subject=subject)

    def _read_crops(self, subject: int) -> Iterable[dict]:
        path = self.require(_crop_file(subject))
        entries = load_json(path)
        try:
            names = [entry['name'] for entry in entries]
            points = np.array([entry['keypoint2d'] for entry in entries], np.float32)
            points = points.reshape(len(names), 16, 2)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f'{path} is not a list of {{name, keypoint2d (16 x 2), ...}} '
                             f'({type(error).__name__}: {error})') from None
        for name, pose in zip(names, points):
            yield dict(img_path=self.path('crop_images', name), keypoints=pose,
                       keypoints_visible=np.ones(16, np.float32),
                       bbox=(0, 0, CROP_SIZE, CROP_SIZE), image_size=(CROP_SIZE, CROP_SIZE),
                       subject=subject)


def _crop_file(subject: int) -> str:
    return f'annotations/keypoints2d_{subject}.json'
