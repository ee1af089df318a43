"""COCO keypoint files with 3D keypoints and cameras."""
from __future__ import annotations

import os.path as osp

import numpy as np
from mmpose.datasets.datasets.base import BaseCocoStyleDataset
from mmpose.registry import DATASETS

from ..codecs.camera_geometry import project

_NUM_CHECKED = 256


@DATASETS.register_module()
class CameraSpaceCocoDataset(BaseCocoStyleDataset):
    """Keypoints in the image and in the camera's space, from an extended COCO file.

    Besides COCO's keys every annotation has ``keypoints_3d`` (K x 3, millimetres, camera frame: x
    right, y down, z forward) and ``camera.K`` (3 x 3, pixels, integers are pixel centres);
    ``root_index`` and ``mask`` (path relative to ``data_root``) are optional. The embedded data set
    is of this kind.

    Items have MMPose's usual keys, and

    - ``keypoints_cam`` (1, K, 3) float32, mm, in the camera frame of the original image. No
      transform changes it, neither flips nor rotations;
    - ``intrinsics`` (3, 3) float32, pixels of the original image;
    - ``root_index`` (int);
    - ``mask_path`` (str) where the annotation has a mask.

    Args:
        root_index (int, optional): The root joint of annotations that name none.
        max_reprojection_error (float, optional): At the start, up to 256 evenly spread instances
            are projected; the largest distance in pixels to the labelled keypoints that is
            accepted. None checks nothing (lenses with distortion). Defaults to 1.
        **kwargs: Those of MMPose's ``BaseCocoStyleDataset``; ``data_mode`` must be ``'topdown'``.

    Raises:
        ValueError: Annotations without 3D keypoints, camera or root, with another number of 3D than
            of 2D keypoints, or that do not project onto their keypoints.
    """

    def __init__(self, *args, root_index: int | None = None,
                 max_reprojection_error: float | None = 1., **kwargs) -> None:
        self.root_index = root_index
        self.max_reprojection_error = max_reprojection_error
        super().__init__(*args, **kwargs)
        if self.data_mode != 'topdown' or self.bbox_file:
            raise ValueError(f"{type(self).__name__} needs data_mode='topdown' and the annotated "
                             'boxes (no bbox_file): a detection has no 3D keypoints')

    def parse_data_info(self, raw_data_info: dict) -> dict | None:
        """Parse an annotation; see the base class."""
        info = super().parse_data_info(raw_data_info)
        if info is None:
            return None
        ann = info.pop('raw_ann_info')  # nothing reads it, and it doubles the memory
        points, camera = ann.get('keypoints_3d'), ann.get('camera') or {}
        root = ann.get('root_index', self.root_index)
        missing = [name for name, value in (
            ('keypoints_3d', points), ('camera.K', camera.get('K')), ('root_index', root))
            if value is None]
        if missing:
            raise self._error(
                ann, f'has no {" and no ".join(missing)}. Add what is missing (docs/pose_3d.md; '
                'the root also by the argument root_index), or use CocoDataset for 2D poses')
        info['keypoints_cam'] = np.array(points, np.float32).reshape(1, -1, 3)
        info['intrinsics'] = np.array(camera['K'], np.float32).reshape(3, 3)
        num_joints = info['keypoints'].shape[1]
        if info['keypoints_cam'].shape[1] != num_joints:
            raise self._error(ann, f'has {num_joints} keypoints, but '
                              f'{info["keypoints_cam"].shape[1]} keypoints_3d')
        if not 0 <= root < num_joints:
            raise self._error(ann, f'has root_index={root}, but {num_joints} keypoints')
        info['root_index'] = int(root)
        if ann.get('mask'):
            info['mask_path'] = osp.join(self.data_root or '', ann['mask'])
        return info

    def load_data_list(self) -> list[dict]:
        """Load the annotations and check some of the cameras."""
        data_list = super().load_data_list()
        if self.max_reprojection_error is not None:
            step = max(1, len(data_list) // _NUM_CHECKED)
            for info in data_list[::step]:
                self._check_reprojection(info)
        return data_list

    def _check_reprojection(self, info: dict) -> None:
        seen = info['keypoints_visible'] > 0
        points = info['keypoints_cam'][seen]
        if (points[:, 2] <= 0).any():
            raise self._error(info, 'has labelled joints behind the camera (z <= 0): keypoints_3d '
                              'must be in the camera frame, z forward')
        errors = np.linalg.norm(
            project(points, info['intrinsics']) - info['keypoints'][seen], axis=-1)
        if errors.max(initial=0) > self.max_reprojection_error:
            raise self._error(
                info, f'does not project onto its keypoints: off by {errors.max():.2f} pixels '
                f'(max_reprojection_error={self.max_reprojection_error}). camera.K must be in '
                'pixels of the stored image with integer pixel centres, keypoints_3d in the camera '
                'frame')

    def _error(self, ann: dict, problem: str) -> ValueError:
        return ValueError(f'{self.ann_file}: annotation {ann.get("id")} {problem}')
