"""MPI-INF-3DHP, in the layout of MMPose's converter."""
from __future__ import annotations

import os.path as osp
from collections.abc import Iterable

import numpy as np
from mmpose.registry import DATASETS

from ...codecs.camera_geometry import project
from ...joint_sets import JOINT_SETS, map_joints
from .annotation_files import read_mocap, read_pickle
from .base import PublicPoseDataset
from .body_cameras import (
    check_reprojection,
    pinhole_matrix,
    reprojection_errors,
    to_millimetres,
    unit_of_length,
)
from .crops import square_boxes

_FILES = dict(train='train', test='test_valid')
_LIMIT = 5.  # pixels of images with 2048; real labels are within 2.2, the median joint within 0.2


@DATASETS.register_module()
class MPIINF3DHPDataset(PublicPoseDataset):
    """MPI-INF-3DHP: 17 joints in camera space; the test split has the valid frames only.

    ``keypoints`` are the projected 3D joints. The published 2D labels of hips and spine differ
    from them by up to 2.2 pixels on real samples, those of the others by up to 0.2, and a 3D head
    needs pixels and millimetres that agree. All joints count, also those outside of the image, as
    the benchmark scores them; the converter's flags (0 outside of 2048 x 2048) are not used.

    Args:
        data_root (str): Folder with ``annotations`` and ``images``.
        split (str): ``'train'`` or ``'test'``.
        pose3d (str): ``'annot3'`` (true size), or ``'univ_annot3'`` (everybody equally tall: what
            published MPJPE refers to), which the converter leaves out: it is then read from the
            test sequences' own ``TS1/annot_data.mat``, .... Defaults to ``'annot3'``.
        raw_dir (str): Folder with ``TS1`` to ``TS6`` for ``'univ_annot3'``, relative to
            ``data_root``. Defaults to ``'test'``.
        ann_file, camera_file (str, optional): Other files than the converter's, relative to
            ``data_root``.
        image_dir (str): Defaults to ``'images'``.
        **kwargs: Those of :class:`PublicPoseDataset`.

    Items also have ``sequence`` (str), such as ``'TS1'``.

    Raises:
        ValueError: Images of the other split, cameras that are missing or do not fit, frames that
            are not valid, other units than metres.
        ImportError: ``'univ_annot3'`` without h5py.
    """

    JOINT_SET = 'body17'
    METAINFO = JOINT_SETS['body17'].metainfo(
        'mpi_inf_3dhp_body17', title='Monocular 3D Human Pose Estimation In The Wild Using '
        'Improved CNN Supervision', author='Mehta, Dushyant and Rhodin, Helge and Casas, Dan and '
        'Fua, Pascal and Sotnychenko, Oleksandr and Xu, Weipeng and Theobalt, Christian',
        container='3DV', year='2017', homepage='https://vcai.mpi-inf.mpg.de/3dhp-dataset/')
    TREE = '''data_root/
  annotations/mpi_inf_3dhp_train.npz, mpi_inf_3dhp_test_valid.npz
  annotations/cameras_train.pkl, cameras_test.pkl
  images/S1_Seq1_Cam0_000001.jpg, TS1_000001.jpg, ...
  test/TS1/annot_data.mat, ...   (of the original, for pose3d='univ_annot3')
(written by MMPose's tools/dataset_converters/preprocess_mpi_inf_3dhp.py)'''

    def __init__(self, data_root: str, split: str = 'train', pose3d: str = 'annot3',
                 raw_dir: str = 'test', ann_file: str | None = None,
                 camera_file: str | None = None, image_dir: str = 'images', **kwargs) -> None:
        if pose3d != 'annot3' and (pose3d, split) != ('univ_annot3', 'test'):
            raise ValueError(f"MPIINF3DHPDataset: pose3d={pose3d!r} is not 'annot3', or "
                             "'univ_annot3' of split='test'")
        self.pose3d, self.raw_dir, self.image_dir = pose3d, raw_dir, image_dir
        self.ann_file_name = ann_file or f'annotations/mpi_inf_3dhp_{_FILES.get(split)}.npz'
        self.camera_file = camera_file or f'annotations/cameras_{split}.pkl'
        super().__init__(data_root, split=split, **kwargs)

    def load_instances(self) -> Iterable[dict]:
        """The instances in the order of the npz file."""
        path = self.require(self.ann_file_name)
        data = read_mocap(path)
        names = data['imgname'].tolist()
        sequences, frames = self._parse(names, path)
        cam = to_millimetres(data['S'][..., :3], 'm')
        intrinsics, sizes = self._cameras(sequences)
        every = np.ones(cam.shape[:2])
        good = check_reprojection(
            reprojection_errors(cam, intrinsics, data['part'][..., :2], every), _LIMIT, names,
            path, f'{self.camera_file} is not the one of this file, or S is not in the camera '
            'frame')
        self.count('instances whose 3D joints do not project onto their 2D joints, left out',
                   int((~good).sum()))
        if self.pose3d == 'univ_annot3':
            cam = self._universal(sequences, frames, names)
            errors = reprojection_errors(cam, intrinsics, data['part'][..., :2], every)
            self.count('instances whose univ_annot3 does not project onto the labelled pixels '
                       '(kept, with the projection as keypoints)',
                       int((errors > _LIMIT)[good].sum()))
        with np.errstate(divide='ignore', invalid='ignore'):
            pixels = project(cam, intrinsics)
        (cam, visible), (pixels, _) = (map_joints('mpi_inf_3dhp', x) for x in (cam, pixels))
        boxes = square_boxes(data['center'], 200 * data['scale'])
        for i in np.flatnonzero(good):
            yield dict(
                img_path=self.path(self.image_dir, names[i]), keypoints=pixels[i],
                keypoints_visible=visible[i], keypoints_cam=cam[i], intrinsics=intrinsics[i],
                bbox=boxes[i], image_size=sizes[sequences[i]], sequence=sequences[i])

    def _parse(self, names: list[str], path: str) -> tuple[list[str], np.ndarray]:
        """Sequences (which are the cameras' keys) and frames, counted from 0."""
        parts = [osp.splitext(osp.basename(name))[0].rpartition('_')[::2] for name in names]
        strangers = [name for name, (sequence, frame) in zip(names, parts)
                     if not frame.isdigit()
                     or sequence.startswith('TS') != (self.split == 'test')]
        if strangers:
            example = 'TS1_000001.jpg' if self.split == 'test' else 'S1_Seq1_Cam0_000001.jpg'
            raise ValueError(f'{path}: {len(strangers)} images, such as {strangers[0]!r}, are not '
                             f'of the {self.split} split, where names are like {example!r}')
        return [sequence for sequence, _ in parts], np.array([int(n) - 1 for _, n in parts], int)

    def _cameras(self, sequences: list[str]) -> tuple[np.ndarray, dict]:
        path = self.require(self.camera_file)
        cameras, matrices, sizes = read_pickle(path), {}, {}
        for key in sorted(set(sequences)):
            if key not in cameras:
                raise ValueError(f'{path} has no camera {key!r}, which {self.ann_file_name} '
                                 'needs: the files are of different runs of the converter')
            camera = cameras[key]
            matrices[key] = pinhole_matrix(camera['f'], camera['c'])
            width, height = int(camera['w']), int(camera['h'])
            # published files say 204: the last digit of the calibration's line was cut off
            sizes[key] = width, 2048 if (width, height) == (2048, 204) else height
        if not sequences:
            return np.empty((0, 3, 3)), sizes
        return np.stack([matrices[key] for key in sequences]), sizes

    def _universal(self, sequences: list[str], frames: np.ndarray, names: list[str]
                   ) -> np.ndarray:
        try:
            import h5py
        except ImportError as error:
            raise ImportError("MPIINF3DHPDataset: pose3d='univ_annot3' reads MATLAB 7.3 files and "
                              'needs h5py: pip install h5py') from error
        out, which = np.empty((len(frames), 17, 3)), np.array(sequences)
        for key in sorted(set(sequences)):
            path = self.require(self.raw_dir, key, 'annot_data.mat')
            try:
                with h5py.File(path, 'r') as file:
                    poses = np.array(file['univ_annot3']).reshape(-1, 17, 3)
                    valid = np.array(file['valid_frame']).reshape(-1)
            except (OSError, KeyError, ValueError) as error:
                raise ValueError(f"{path} cannot be read as the test set's annot_data.mat "
                                 f'({error}): extract it again') from error
            members = np.flatnonzero(which == key)
            wanted = frames[members]
            if len(poses) != len(valid) or wanted.max() >= len(poses) or wanted.min() < 0:
                raise ValueError(f'{path} has {len(poses)} poses and {len(valid)} flags, but '
                                 f'{self.ann_file_name} goes up to frame {wanted.max() + 1}: the '
                                 'files are of different versions')
            if not (valid[wanted] == 1).all():
                raise ValueError(f'{path}: {int((valid[wanted] != 1).sum())} frames of '
                                 f'{self.ann_file_name} are not valid, such as '
                                 f'{names[members[int(np.argmax(valid[wanted] != 1))]]}: write '
                                 'that file with valid frames only')
            unit = unit_of_length(poses[wanted], np.ones((len(wanted), 17)), path)
            out[members] = to_millimetres(poses[wanted], unit)
        return out
