"""Hands of the CMU Panoptic Studio, 3D (Joo et al., 2015; Simon et al., 2017)."""
from __future__ import annotations

import glob
import os.path as osp
from collections.abc import Iterable, Sequence

import numpy as np
from mmpose.registry import DATASETS

from ...codecs.camera_geometry import project
from ...joint_sets import JOINT_SETS
from ..json_files import load_json
from .crops import square_keypoint_box
from .hand_base import PublicHandDataset
from .lens import distort, largest_radius, local_intrinsics

_TEST = ('171204_pose3', )
_MM_PER_CM = 10.
_LEAST_INSIDE = 16
_MOST_OFF = 1.


@DATASETS.register_module()
class PanopticHandsDataset(PublicHandDataset):
    """Both hands of all people in the HD views, with 3D joints (mm); needs no HandDB.

    The lenses bend the image visibly and images are used as they are: keypoints are projected
    *with* distortion, and each item's ``intrinsics`` are those of the pinhole camera that agrees
    with the lens around that hand (its upper left 2x2 part is not triangular). Hands are left out,
    and counted, if that camera is off by over a pixel at any joint, if their square box is small,
    if fewer than 16 labelled joints are inside of the image, or if the wrist is unlabelled. Whether
    a body hides the hand from a view is not annotated.

    Args:
        data_root (str): The folder of the sequences.
        split (str): ``'test'``: sequence 171204_pose3 (unverified: the cross-data-set protocol of
            the FreiHAND paper, from memory); ``'train'``: all others that are there.
        sequences (Sequence[str], optional): These instead of the split's.
        cameras (Sequence[str], optional): Such as ``'00_05'``. Defaults to those extracted.
        step (int): Every how many-th annotated frame. Defaults to 10, a third of a second.
        min_side (int): Smallest side of the box, pixels. Defaults to 64.
        min_score (float): Joints with a lower ``averageScore`` are unlabelled. Defaults to 0.
        **kwargs: Those of :class:`PublicHandDataset`, for example ``hand``.

    Raises:
        FileNotFoundError: Sequences without calibration, annotations or extracted images.
        ValueError: Damaged files.
    """

    METAINFO = JOINT_SETS['hand21'].metainfo(
        'panoptic_hands', title='Hand Keypoint Detection in Single Images using Multiview '
        'Bootstrapping', author='Simon, Tomas and others', container='CVPR', year='2017',
        homepage='http://domedb.perception.cs.cmu.edu')
    TREE = ('panoptic/\n'
            '  171204_pose3/calibration_171204_pose3.json\n'
            '  171204_pose3/hdHand3d/handRecon3D_hd00000123.json ...\n'
            '  171204_pose3/hdImgs/00_00/00_00_00000123.jpg ...  (extracted by the toolbox)')

    def __init__(self, data_root: str, *args, sequences: Sequence[str] | None = None,
                 cameras: Sequence[str] | None = None, step: int = 10, min_side: int = 64,
                 min_score: float = 0., **kwargs) -> None:
        if step < 1:
            raise ValueError(f'PanopticHandsDataset: step={step} must be at least 1')
        self.sequences, self.cameras = (
            [names] if isinstance(names, str) else names for names in (sequences, cameras))
        self.step = step
        self.min_side, self.min_score = min_side, min_score
        super().__init__(data_root, *args, **kwargs)

    def load_instances(self) -> Iterable[dict]:
        """See the base class."""
        for sequence in self._sequences():
            lenses = self._lenses(sequence)
            frames, world, labelled, is_left = self._hands(sequence)
            for name, lens in lenses.items():
                yield from self._view(sequence, name, lens, frames, world, labelled, is_left)

    def _sequences(self) -> Sequence[str]:
        if self.sequences is not None:
            return self.sequences
        if self.split == 'test':
            return _TEST
        found = sorted(osp.basename(osp.dirname(p)) for p in
                       glob.glob(osp.join(glob.escape(self.data_root), '*/calibration_*.json')))
        found = [name for name in found if name not in _TEST]
        if not found:
            raise FileNotFoundError(f'{self._name()}: no sequence for training (a folder with '
                                    f'calibration_*.json besides {_TEST[0]}):\n{self.TREE}')
        return found

    def _lenses(self, sequence: str) -> dict[str, dict]:
        path = self.require(sequence, f'calibration_{sequence}.json')
        content = load_json(path)
        try:
            lenses = {c['name']: {key: np.array(c[key], np.float64) for key in (
                'K', 'R', 't', 'distCoef', 'resolution')}
                for c in content['cameras'] if c['type'] == 'hd'}
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f'{path} is no calibration of the Panoptic Studio '
                             f'({type(error).__name__}: {error})') from None
        folder = self.path(sequence, 'hdImgs')
        wanted = self.cameras
        if wanted is None:
            wanted = [name for name in lenses if osp.isdir(osp.join(folder, name))]
        missing = [name for name in wanted
                   if name not in lenses or not osp.isdir(osp.join(folder, name))]
        if missing or not wanted:
            raise FileNotFoundError(
                f'{self._name()}: {folder} has no images of {missing or "any HD camera"} that '
                'calibration and images both know. Extract the videos with the script of the '
                f'Panoptic Studio toolbox:\n{self.TREE}')
        for name in wanted:
            bad = [key for key, value in lenses[name].items() if not np.isfinite(value).all()]
            if bad:
                raise ValueError(f'{path}: {", ".join(bad)} of camera {name} is null or not finite')
        return {name: lenses[name] for name in wanted}

    def _hands(self, sequence: str) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
        """Frames (N,), joints (N, 21, 3) cm in the world, flags (N, 21), left or not (N,)."""
        folder = self.require(sequence, 'hdHand3d')
        paths = sorted(glob.glob(osp.join(glob.escape(folder), 'handRecon3D_hd*.json')))
        frames, joints, flags, left = [], [], [], []
        for path in paths[::self.step]:
            content = load_json(path)
            try:
                hands = [(person[side], side) for person in content['people']
                         for side in ('left_hand', 'right_hand')
                         if person.get(side) is not None]  # null: no hand was found
                for hand, side in hands:
                    points = np.array(hand['landmarks'], np.float64).reshape(21, 3)
                    valid, score = (
                        np.ones(21) if hand.get(key) is None else np.array(hand[key], np.float64)
                        for key in ('validity', 'averageScore'))
                    joints.append(points)
                    flags.append((valid > 0) & (score >= self.min_score)
                                 & np.isfinite(points).all(-1))
                    frames.append(osp.basename(path)[len('handRecon3D_hd'):-len('.json')])
                    left.append(side == 'left_hand')
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f'{path} is no hand file of the Panoptic Studio '
                                 f'({type(error).__name__}: {error})') from None
        if not frames:
            raise FileNotFoundError(f'{self._name()}: {folder} has {len(paths)} files '
                                    f'handRecon3D_hd*.json, and no hand in them:\n{self.TREE}')
        return frames, np.stack(joints), np.stack(flags), np.array(left)

    def _view(self, sequence: str, name: str, lens: dict, frames: list[str], world: np.ndarray,
              labelled: np.ndarray, is_left: np.ndarray) -> Iterable[dict]:
        """The hands as one camera sees them; all arrays have one row per hand."""
        size = tuple(int(v) for v in lens['resolution'])
        # unlabelled joints lie at the wrist: nothing reads them, but they must be finite
        world = np.where(labelled[..., None], world, world[:, :1])
        cam = (world @ lens['R'].T + lens['t'].reshape(3)) * _MM_PER_CM
        seen = labelled[:, 0] & np.isfinite(cam).all((1, 2)) & (cam[..., 2] > 0).all(-1)
        rays = cam[..., :2] / np.where(seen[:, None], cam[..., 2], 1)[..., None]
        rays = np.where(seen[:, None, None], rays, 0)
        reach = largest_radius(lens['distCoef'])
        seen &= (np.linalg.norm(rays, axis=-1) < reach).all(-1)
        points = distort(rays, lens['distCoef']) @ lens['K'][:2, :2].T + lens['K'][:2, 2]
        inside = ((points >= -0.5) & (points <= np.array(size) - 0.5)).all(-1)
        seen &= (inside & labelled).sum(-1) >= _LEAST_INSIDE
        self.count('hands outside of a view or with an unlabelled wrist, left out',
                   int((~seen).sum()))
        index = np.flatnonzero(seen)
        cam, rays, points, labelled = cam[index], rays[index], points[index], labelled[index]
        matrices = local_intrinsics(lens['K'], lens['distCoef'],
                                    (rays.min(1) + rays.max(1)) / 2)
        off = np.linalg.norm(project(cam, matrices) - points, axis=-1).max(-1, initial=0)
        boxes = square_keypoint_box(points, size)
        small = boxes[:, 2] - boxes[:, 0] < self.min_side
        self.count('hands too small in a view, left out', int(small.sum()))
        bent = ~small & (off > _MOST_OFF)
        self.count('hands that the lens bends too much for a pinhole camera, left out',
                   int(bent.sum()))
        keep = np.flatnonzero(~small & ~bent)
        yield from self.instances(
            [self.path(sequence, 'hdImgs', name, f'{name}_{frames[index[i]]}.jpg') for i in keep],
            points[keep], is_left[index[keep]], size, labelled[keep], boxes=boxes[keep],
            cam=cam[keep], intrinsics=matrices[keep], sequence=[sequence] * len(keep),
            view=[name] * len(keep))
