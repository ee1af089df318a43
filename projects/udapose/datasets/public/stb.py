"""Stereo Hand Pose Tracking Benchmark (Zhang et al., 2017)."""
from __future__ import annotations

import os.path as osp
from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from mmpose.registry import DATASETS

from ...codecs.camera_geometry import project
from ...joint_sets import JOINT_SETS, map_joints
from .annotation_files import read_mat
from .crops import square_keypoint_box
from .hand_base import PublicHandDataset

_SIZE = (640, 480)
_BASELINE_MM = 120.054
_BB = np.array([[822.79041, 0, 318.47345], [0, 822.79041, 250.31296], [0, 0, 1]])
_SK = np.array([[607.92271, 0, 314.78337], [0, 607.88192, 236.42484], [0, 0, 1]])
# Colour to depth camera: X_depth = R X_colour + t. The labels are in the depth camera's frame.
_SK_ROTATION = cv2.Rodrigues(np.array([0.00531, -0.01196, 0.00301]))[0]
_SK_TRANSLATION_MM = np.array([-24.0381, -0.4563, -1.2326])
#: Image files' prefix -> (suffix of the label file, intrinsics).
CAMERAS = dict(BB_left=('BB', _BB), BB_right=('BB', _BB), SK_color=('SK', _SK))
_RING_MCP = 13


@DATASETS.register_module()
class STBDataset(PublicHandDataset):
    """STB: left hands with 3D joints (mm), from the colour images of three cameras.

    All twelve sequences are left hands. Keypoints are the projected 3D joints.

    Args:
        data_root (str): The folder of images and labels.
        split (str): ``'train'``: sequences B2 to B6; ``'test'``: B1Counting and B1Random, the
            usual choice.
        cameras (Sequence[str]): Some of ``'BB_left'``, ``'BB_right'`` (the stereo pair) and
            ``'SK_color'``; one item per frame and camera. Defaults to ``('BB_left', )``, in whose
            frame the labels are.
        wrist (str): STB labels the centre of the palm, no wrist. ``'palm'`` leaves it in the
            wrist's place; ``'ring_mcp'`` puts a wrist twice as far from the ring finger's knuckle
            as the palm is, as Zimmermann and Brox (2017) do. Defaults to ``'ring_mcp'``, the only
            one that is comparable with data sets that have wrists.
        **kwargs: Those of :class:`PublicHandDataset`, for example ``hand``.

    Raises:
        ValueError: Unknown camera or wrist; label files that are not STB's.
    """

    METAINFO = JOINT_SETS['hand21'].metainfo(
        'stb', title='A Hand Pose Tracking Benchmark from Stereo Matching',
        author='Zhang, Jiawei and others', container='ICIP', year='2017',
        homepage='https://github.com/zhjwustc/icip17_stereo_hand_pose_dataset')
    TREE = ('STB/\n'
            '  images/B1Counting/BB_left_0.png ... BB_right_0.png ... SK_color_0.png ...\n'
            '  labels/B1Counting_BB.mat  labels/B1Counting_SK.mat\n'
            '  (B1 to B6, Counting and Random: 12 sequences)')

    def __init__(self, data_root: str, *args, cameras: Sequence[str] = ('BB_left', ),
                 wrist: str = 'ring_mcp', **kwargs) -> None:
        cameras = (cameras, ) if isinstance(cameras, str) else tuple(cameras)
        if not cameras or any(c not in CAMERAS for c in cameras):
            raise ValueError(f'STBDataset: cameras={cameras} should be some of {tuple(CAMERAS)}')
        if wrist not in ('palm', 'ring_mcp'):
            raise ValueError(f"STBDataset: wrist={wrist!r} is not 'palm' or 'ring_mcp'")
        self.cameras, self.wrist = cameras, wrist
        super().__init__(data_root, *args, **kwargs)

    def load_instances(self) -> Iterable[dict]:
        """See the base class."""
        backgrounds = (1, ) if self.split == 'test' else range(2, 7)
        for sequence in (f'B{n}{kind}' for n in backgrounds for kind in ('Counting', 'Random')):
            for camera in self.cameras:
                labels, matrix = CAMERAS[camera]
                cam = camera_frame(self._read(sequence, labels), camera)
                if self.wrist == 'ring_mcp':
                    cam[:, 0] = 2 * cam[:, 0] - cam[:, _RING_MCP]
                points = project(cam.astype(np.float64), matrix)
                paths = [self.path('images', sequence, f'{camera}_{i}.png')
                         for i in range(len(cam) + 1)]
                if osp.exists(paths.pop()):
                    raise ValueError(
                        f'{self._name()}: {sequence} has labels of {len(cam)} frames, but there is '
                        f'an image {camera}_{len(cam)}.png: labels and images are of different '
                        'versions')
                yield from self.instances(
                    paths, points, True, _SIZE, boxes=square_keypoint_box(points, _SIZE), cam=cam,
                    intrinsics=matrix, sequence=[sequence] * len(cam),
                    view=[camera] * len(cam))

    def _read(self, sequence: str, suffix: str) -> np.ndarray:
        """(N, 21, 3) float32 mm in the order of ``hand21``, in the frame of the file."""
        path = self.require('labels', f'{sequence}_{suffix}.mat')
        values = read_mat(path, 'handPara')
        if values.ndim != 3 or values.shape[:2] != (3, 21):
            raise ValueError(f'{path}: handPara should be (3, 21, frames), got {values.shape}')
        return map_joints('stb', values.transpose(2, 1, 0).astype(np.float64))[0]


def camera_frame(joints: np.ndarray, camera: str) -> np.ndarray:
    """From the frame of the label files to that of an image's camera.

    Args:
        joints (np.ndarray): (..., 3) mm; BB labels are in the left camera's frame, SK labels in the
            depth camera's.
        camera (str): A key of :data:`CAMERAS`.

    Returns:
        np.ndarray: (..., 3) float32, mm.
    """
    if camera == 'BB_right':
        joints = joints - (_BASELINE_MM, 0, 0)
    elif camera == 'SK_color':
        joints = (joints - _SK_TRANSLATION_MM) @ _SK_ROTATION  # the rows' R^T (X - t)
    return np.array(joints, np.float32)
