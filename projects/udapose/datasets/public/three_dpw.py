"""3DPW (3D Poses in the Wild)."""
from __future__ import annotations

import os.path as osp
from collections.abc import Iterable
from glob import glob

import numpy as np
from mmpose.registry import DATASETS

from ...codecs.camera_geometry import project
from ...joint_sets import JOINT_SETS, map_joints
from ..image_headers import read_image_size
from .annotation_files import read_pickle
from .base import PublicPoseDataset
from .body_cameras import to_millimetres, unit_of_length
from .crops import square_boxes

_FOLDERS = dict(train=('train', ), val=('validation', 'val'), test=('test', ))
_NUM_SEQUENCES = dict(train=24, val=12, test=24)
_FIELDS = ('jointPositions', 'poses2d', 'campose_valid', 'cam_poses', 'cam_intrinsics')


@DATASETS.register_module()
class ThreeDPWDataset(PublicPoseDataset):
    """3DPW: SMPL's joints of one or two people per frame in camera space.

    Of the 17 joints of ``body17``, 16 come from ``jointPositions``; SMPL has none at the top of the
    head (``keypoints_visible`` 0). Published numbers are on other joints, regressed from SMPL's
    mesh, and not comparable. Frames without a valid camera pose (``campose_valid``) are no
    instances. ``keypoints`` are the projected 3D joints: the 2D joints of the files are detections,
    and give the boxes only. All joints count, also those outside of the image.

    Args:
        data_root (str): Folder with ``imageFiles`` and ``sequenceFiles``.
        split (str): ``'train'``, ``'val'`` (folder ``validation`` or ``val``) or ``'test'``.
        box_factor (float): Enlargement of the square around the detected joints. Defaults to 1.2.
        **kwargs: Those of :class:`PublicPoseDataset`.

    Items also have ``sequence`` (str), ``frame`` and ``person`` (int).

    Raises:
        ValueError: A damaged pickle, missing fields, lists of different lengths.
    """

    JOINT_SET = 'body17'
    SPLITS = ('train', 'val', 'test')
    METAINFO = JOINT_SETS['body17'].metainfo(
        '3dpw_body17', title='Recovering Accurate 3D Human Pose in The Wild Using IMUs and a '
        'Moving Camera', author='von Marcard, Timo and Henschel, Roberto and Black, Michael J. and '
        'Rosenhahn, Bodo and Pons-Moll, Gerard', container='ECCV', year='2018',
        homepage='https://virtualhumans.mpi-inf.mpg.de/3DPW/')
    TREE = '''data_root/
  imageFiles/downtown_arguing_00/image_00000.jpg, ...
  sequenceFiles/train/*.pkl, validation/*.pkl, test/*.pkl'''

    def __init__(self, data_root: str, split: str = 'train', box_factor: float = 1.2, **kwargs
                 ) -> None:
        if not box_factor > 0:
            raise ValueError(f'ThreeDPWDataset: box_factor={box_factor} must be positive')
        self.box_factor = box_factor
        super().__init__(data_root, split=split, **kwargs)

    def load_instances(self) -> Iterable[dict]:
        """The instances by sequence file, person and frame."""
        folders = [self.path('sequenceFiles', name) for name in _FOLDERS[self.split]]
        folder = next(filter(osp.isdir, folders), folders[0])
        files = sorted(glob(osp.join(folder, '*.pkl')))
        if not files:
            self.require(osp.relpath(folder, self.data_root))
            raise FileNotFoundError(f'ThreeDPWDataset: {folder} holds no sequence files:\n'
                                    f'{self.TREE}')
        if len(files) != _NUM_SEQUENCES[self.split]:
            self.count(f'sequence files in place of the published {_NUM_SEQUENCES[self.split]}',
                       len(files))
        for file in files:
            yield from self._sequence(file)

    def _sequence(self, path: str) -> Iterable[dict]:
        sequence = read_pickle(path)
        name = osp.splitext(osp.basename(path))[0]
        people = self._people(sequence, path)
        extrinsics = np.asarray(sequence['cam_poses'], np.float64)
        matrix = np.asarray(sequence['cam_intrinsics'], np.float64).reshape(3, 3)
        try:
            size = read_image_size(self.path('imageFiles', name, 'image_00000.jpg'))
        except OSError:
            size = None  # the base reports missing files, all of them
        for person, (world, detected, valid) in enumerate(people):
            # A row is an image: img_frame_ids lead from it to the 60 Hz poses, not to the file
            frames = np.flatnonzero(valid)
            if not len(frames):
                continue
            rotation, shift = extrinsics[frames, :3, :3], extrinsics[frames, :3, 3]
            if np.abs(np.linalg.det(rotation) - 1).max() > 0.01:
                raise ValueError(f'{path}: cam_poses of valid frames are no rigid motions: the '
                                 'file is damaged')
            cam = to_millimetres(world[frames] @ rotation.swapaxes(1, 2) + shift[:, None], 'm')
            behind = cam[..., 2] <= 0
            self.count('joints behind the camera, now unlabelled', int(behind.sum()))
            cam, visible = map_joints('smpl', cam, ~behind)
            pixels = project(np.where(visible[..., None] > 0, cam, 1), matrix)
            boxes = self._boxes(detected[frames], pixels, visible)
            for i, frame in enumerate(frames.tolist()):
                more = {} if size is None else dict(image_size=size)
                yield dict(
                    img_path=self.path('imageFiles', name, f'image_{frame:05d}.jpg'),
                    keypoints=pixels[i], keypoints_visible=visible[i], keypoints_cam=cam[i],
                    intrinsics=matrix, bbox=boxes[i], sequence=name, frame=frame, person=person,
                    **more)

    def _people(self, sequence: dict, path: str
                ) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Of each person: world joints (I, 24, 3) in m, detections (I, 3, 18), validity (I,)."""
        missing = [key for key in _FIELDS if key not in sequence]
        if missing:
            raise ValueError(f'{path} has no {missing}: it is not a sequence file of 3DPW')
        images = len(sequence['cam_poses'])
        lists = {key: sequence[key] for key in _FIELDS[:3]}
        lengths = {key: [len(part) for part in value] for key, value in lists.items()}
        if len({len(v) for v in lengths.values()}) > 1 \
                or any(n != images for v in lengths.values() for n in v):
            raise ValueError(f'{path}: frames per person do not agree with {images} cam_poses: '
                             f'{lengths}. The file is of another version, or damaged')
        people = []
        for world, detected, valid in zip(*lists.values()):
            world = np.asarray(world, np.float64).reshape(images, 24, 3)
            valid = np.asarray(valid).astype(bool).reshape(images)
            if valid.any():
                unit = unit_of_length(world[valid], np.ones((int(valid.sum()), 24)), path)
                if unit != 'm':
                    raise ValueError(f'{path}: jointPositions seem to be in {unit}, but 3DPW has '
                                     'metres: the file was changed')
            people.append((world, np.asarray(detected, np.float64).reshape(images, 3, -1), valid))
        return people

    def _boxes(self, detected: np.ndarray, pixels: np.ndarray, visible: np.ndarray) -> np.ndarray:
        """Squares around the detected joints (N, 3, P), else around the projected ones."""
        seen = detected[:, 2] > 0
        none = seen.sum(1) < 2
        self.count('instances without detected 2D joints, whose box is that of the projected '
                   'joints', int(none.sum()))
        low, high = _extent(detected[:, :2].swapaxes(1, 2), seen)
        low2, high2 = _extent(pixels, visible > 0)
        low, high = (np.where(none[:, None], b, a) for a, b in ((low, low2), (high, high2)))
        return square_boxes((low + high) / 2, self.box_factor * (high - low).max(1))


def _extent(points: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return (np.where(seen[..., None], points, np.inf).min(1),
            np.where(seen[..., None], points, -np.inf).max(1))
