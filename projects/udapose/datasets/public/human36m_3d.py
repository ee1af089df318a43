"""Human3.6M in 3D, in the layout of MMPose's converter."""
from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np
from mmpose.registry import DATASETS

from ...joint_sets import JOINT_SETS
from .annotation_files import read_mocap, read_pickle
from .base import PublicPoseDataset
from .body_cameras import (
    check_reprojection,
    local_pinholes,
    pinhole_matrix,
    reprojection_errors,
    to_millimetres,
)
from .crops import square_boxes

_SUBJECTS = dict(train=('S1', 'S5', 'S6', 'S7', 'S8'), test=('S9', 'S11'))
_NAME = re.compile(r'(S\d+)_[^/.]*\.(\d+)_\d+\.\w+$')
_LIMIT = 3.  # pixels; real labels are within 1


@DATASETS.register_module()
class Human36m3DDataset(PublicPoseDataset):
    """Human3.6M with 17 joints in camera space; trained on S1, 5, 6, 7, 8, tested on S9, 11.

    The images are distorted by the lens, and so are the 2D labels, while a 3x3 matrix cannot be.
    ``intrinsics`` therefore is, for each person, the pinhole camera that comes closest to the lens
    within the person's extent: on real samples within 0.9 pixels, the calibrated matrix alone
    within 3.4. ``lens='ignore'`` gives the latter.

    Args:
        data_root (str): Folder with ``annotation_body3d`` and ``images``.
        split (str): ``'train'`` or ``'test'``.
        fps (int): 10 or 50, which of the converter's files. Defaults to 10.
        cameras (Sequence[str], optional): Camera ids to keep, such as ``('60457274', )``.
            Defaults to all four.
        lens (str): ``'local'`` or ``'ignore'``, see above.
        ann_file, camera_file (str, optional): Other files than the converter's, relative to
            ``data_root``.
        image_dir (str): Defaults to ``'images'``.
        **kwargs: Those of :class:`PublicPoseDataset`.

    Items also have ``subject`` and ``camera`` (str).

    Raises:
        ValueError: Subjects of the other split, cameras that are missing or do not fit, other
            units than metres.
    """

    JOINT_SET = 'body17'
    METAINFO = JOINT_SETS['body17'].metainfo(
        'human36m_3d', title='Human3.6M: Large Scale Datasets and Predictive Methods for 3D Human '
        'Sensing in Natural Environments', author='Ionescu, Catalin and Papava, Dragos and Olaru, '
        'Vlad and Sminchisescu, Cristian', container='IEEE TPAMI', year='2014',
        homepage='http://vision.imar.ro/human3.6m')
    TREE = '''data_root/
  annotation_body3d/cameras.pkl
  annotation_body3d/fps10/h36m_train.npz, h36m_test.npz   (or fps50)
  images/S1/S1_Directions_1.54138969/S1_Directions_1.54138969_000001.jpg
(written by MMPose's tools/dataset_converters/preprocess_h36m.py)'''

    def __init__(self, data_root: str, split: str = 'train', fps: int = 10,
                 cameras: Sequence[str] | None = None, lens: str = 'local',
                 ann_file: str | None = None, camera_file: str | None = None,
                 image_dir: str = 'images', **kwargs) -> None:
        if lens not in ('local', 'ignore'):
            raise ValueError(f"Human36m3DDataset: lens={lens!r} is not 'local' or 'ignore'")
        self.cameras = None if cameras is None else {str(camera) for camera in cameras}
        self.lens, self.image_dir = lens, image_dir
        self.ann_file_name = ann_file or f'annotation_body3d/fps{fps}/h36m_{split}.npz'
        self.camera_file = camera_file or 'annotation_body3d/cameras.pkl'
        super().__init__(data_root, split=split, **kwargs)

    def load_instances(self) -> Iterable[dict]:
        """The instances in the order of the npz file."""
        path = self.require(self.ann_file_name)
        data = read_mocap(path)
        names = data['imgname'].tolist()
        keys = self._camera_keys(names, path)
        visible = np.minimum(data['part'][..., 2], data['S'][..., 3])
        cam = to_millimetres(data['S'][..., :3], 'm')
        intrinsics, sizes = self._intrinsics(keys, cam, visible)
        good = check_reprojection(
            reprojection_errors(cam, intrinsics, data['part'][..., :2], visible), _LIMIT, names,
            path, f'{self.camera_file} is not the one of this file, or S is not in the camera '
            'frame')
        self.count('instances whose 3D joints do not project onto their 2D joints, left out',
                   int((~good).sum()))
        boxes = square_boxes(data['center'], 200 * data['scale'])
        for i, (name, (subject, camera)) in enumerate(zip(names, keys)):
            if good[i] and (self.cameras is None or camera in self.cameras):
                yield dict(
                    img_path=self.path(self.image_dir, name), keypoints=data['part'][i, :, :2],
                    keypoints_visible=visible[i], keypoints_cam=cam[i], intrinsics=intrinsics[i],
                    bbox=boxes[i], image_size=sizes[subject, camera], subject=subject,
                    camera=camera)

    def _camera_keys(self, names: list[str], path: str) -> list[tuple[str, str]]:
        found = [_NAME.search(name) for name in names]
        if None in found:
            raise ValueError(f'{path}: image name {names[found.index(None)]!r} does not tell '
                             "subject and camera as 'S1_Directions_1.54138969_000001.jpg' does")
        keys = [match.groups() for match in found]
        strangers = {subject for subject, _ in keys} - set(_SUBJECTS[self.split])
        if strangers:
            raise ValueError(
                f'{path} holds {sorted(strangers)}, but the {self.split} split of Human3.6M is '
                f'{_SUBJECTS[self.split]}: was the file of the other split renamed?')
        return keys

    def _intrinsics(self, keys: list[tuple[str, str]], cam: np.ndarray, visible: np.ndarray
                    ) -> tuple[np.ndarray, dict]:
        path = self.require(self.camera_file)
        cameras = read_pickle(path)
        out, sizes = np.empty((len(keys), 3, 3)), {}
        order = sorted(set(keys))
        which = np.array([order.index(key) for key in keys])
        for n, key in enumerate(order):
            if key not in cameras:
                raise ValueError(f'{path} has no camera {key}, which {self.ann_file_name} needs: '
                                 'the files are of different runs of the converter')
            camera, members = cameras[key], which == n
            matrix = pinhole_matrix(camera['f'], camera['c'])
            sizes[key] = int(camera['w']), int(camera['h'])
            points = cam[members]
            with np.errstate(divide='ignore', invalid='ignore'):
                rays = points[..., :2] / points[..., 2:]
            out[members] = matrix if self.lens == 'ignore' or 'k' not in camera else \
                local_pinholes(rays, visible[members], matrix, camera['k'], camera['p'])
        return out, sizes
