"""RHD as MMPose distributes it: a COCO file with cameras and 3D joints."""
from __future__ import annotations

import os.path as osp
from collections.abc import Iterable

import numpy as np
from mmpose.registry import DATASETS

from ...joint_sets import map_joints
from ..json_files import load_json
from .hand_base import PublicHandDataset
from .rhd import RHDDataset

_SIZE = (320, 320)


@DATASETS.register_module()
class RHDCocoDataset(PublicHandDataset):
    """RHD from MMPose's json: one visible hand per image, 3D joints (mm), no filter.

    For those who already have MMPose's files. The published benchmarks need the original format
    (:class:`RHDDataset`): this one lists fewer hands and has no masks.

    Args:
        data_root (str): The folder of the images' folder and the annotations.
        split (str): ``'train'`` or ``'test'``.
        ann_file (str, optional): Relative to ``data_root``. Defaults to
            ``annotations/rhd_train.json`` or ``annotations/rhd_test.json``.
        img_folder (str): Relative to ``data_root``. Defaults to ``''``.
        **kwargs: Those of :class:`PublicHandDataset`, for example ``hand``.

    Raises:
        ValueError: An annotation file that is not MMPose's of RHD.
    """

    METAINFO = RHDDataset.METAINFO
    TREE = 'rhd/\n  annotations/rhd_train.json  annotations/rhd_test.json\n  training/  evaluation/'

    def __init__(self, data_root: str, *args, ann_file: str | None = None, img_folder: str = '',
                 **kwargs) -> None:
        # not the attribute ann_file: MMEngine would join it with data_root
        self.json_file, self.img_folder = ann_file, img_folder
        super().__init__(data_root, *args, **kwargs)

    def load_instances(self) -> Iterable[dict]:
        """See the base class."""
        path = self.require(self.json_file or f'annotations/rhd_{self.split}.json')
        content = load_json(path)
        try:
            images = {i['id']: i for i in content['images']}
            hands = content['annotations']
            owners = [images[a['image_id']] for a in hands]
            labels = np.array([a['keypoints'] for a in hands], np.float64).reshape(-1, 21, 3)
            cam = np.array([a['joint_cam'] for a in hands], np.float64).reshape(-1, 21, 3)
            lenses = np.array([[*i['cam_param']['focal'], *i['cam_param']['princpt']]
                               for i in owners], np.float64).reshape(-1, 4)
            is_left = np.array([{'left': True, 'right': False}[a['hand_type']] for a in hands])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f'{path} is not MMPose\'s json of RHD ({type(error).__name__}: {error}): '
                'images need cam_param, annotations keypoints, joint_cam and hand_type') from None
        matrices = np.tile(np.eye(3), (len(hands), 1, 1))
        matrices[:, [0, 1, 0, 1], [0, 1, 2, 2]] = lenses
        # both hands are stored like the left one of the original file
        points, visible = map_joints('rhd_left', labels[..., :2], labels[..., 2] > 0)
        yield from self.instances(
            [self.path(osp.join(self.img_folder, i['file_name'])) for i in owners], points,
            is_left, _SIZE, visible, cam=map_joints('rhd_left', cam)[0], intrinsics=matrices)
