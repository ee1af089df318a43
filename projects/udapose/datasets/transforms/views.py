"""Two views of an unlabelled image, and packing by branch."""
from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from mmcv.transforms import BaseTransform, Compose
from mmpose.datasets.transforms import PackPoseInputs, RandomFlip
from mmpose.registry import TRANSFORMS

from .affine import RecordedTopdownAffine, flip_matrix

#: The branches of a batch (docs/design.md)
BRANCHES = ('source', 'target_teacher', 'target_student')

META_KEYS = ('id', 'img_id', 'img_path', 'category_id', 'ori_shape', 'img_shape', 'input_size',
             'input_center', 'input_scale', 'input_matrix', 'base_matrix', 'flip', 'flip_direction',
             'flip_indices', 'dataset_name', 'codec_volume')

# what an annotated image carries; an unlabelled view must not
_LABELS = ('keypoints', 'keypoints_visible', 'transformed_keypoints', 'num_keypoints',
           'keypoints_3d', 'keypoints_3d_visible', 'keypoints_cam', 'area', 'segmentation',
           'raw_ann_info', 'head_size', 'iscrowd')


@TRANSFORMS.register_module()
class PackBranches(PackPoseInputs):
    """Pack a sample as one branch of a two-domain batch.

    Gives ``inputs`` and ``data_samples``, dicts with *all* branch names as keys: a uint8 tensor
    (3, H, W) and a ``PoseDataSample`` at ``branch``, ``None`` elsewhere, so that MMEngine's
    ``pseudo_collate`` makes lists of equal length. :class:`MultiBranchDataPreprocessor` drops the
    ``None``.

    Args:
        branch (str): The branch's name. Defaults to ``'source'``.
        meta_keys (Sequence[str]): Keys copied to the sample's ``metainfo`` where they exist.
            Defaults to MMPose's without the raw annotation, and ``input_matrix``.
        extra_meta_keys (Sequence[str]): Further ones, for example ``('camera',)``.
        branches (Sequence[str]): All names. Defaults to ``BRANCHES``.

    Raises:
        ValueError: Unknown ``branch``; a flip after the crop, which ``input_matrix`` lacks.
    """

    def __init__(self, branch: str = 'source', meta_keys: Sequence[str] = META_KEYS,
                 extra_meta_keys: Sequence[str] = (), branches: Sequence[str] = BRANCHES) -> None:
        super().__init__(meta_keys=(*meta_keys, *extra_meta_keys))
        if branch not in branches:
            raise ValueError(f'branch={branch!r} is not one of {tuple(branches)}')
        self.branch, self.branches = branch, tuple(branches)

    def transform(self, results: dict) -> dict:
        """Pack one sample."""
        matrix = results.get('input_matrix')
        if matrix is not None and (np.linalg.det(matrix[:2, :2]) < 0) != (
                results['flip'] and results.get('flip_direction') != 'diagonal'):
            raise ValueError('the image was flipped after RecordedTopdownAffine, so input_matrix '
                             'is wrong: put RandomFlip before RecordedTopdownAffine')
        img = results['img']
        # MMPose's own conversion takes as long as decoding half a JPEG
        fast = isinstance(img, np.ndarray) and img.ndim == 3 and img.shape[2] == 3
        packed = super().transform(dict(results, img=img[:1, :1]) if fast else results)
        if fast:
            packed['inputs'] = _planes(img)
        return {key: {name: value if name == self.branch else None for name in self.branches}
                for key, value in packed.items()}

    def __repr__(self) -> str:
        return f'{type(self).__name__}(branch={self.branch!r}, meta_keys={self.meta_keys})'


@TRANSFORMS.register_module()
class ForkViews(BaseTransform):
    """Fork an image into the teacher's and the student's view and pack both.

    The last step of the target's pipeline: what comes before (loading, box, a random crop such as
    :class:`RandomSquareCrop` that both views share) is done once, then each view goes through its
    own list of transforms, which must contain :class:`RecordedTopdownAffine`. The views share no
    arrays or containers; other objects (the data set) are passed by reference. Labels, if the data
    set has any, are removed before: no view of the target can leak them. Each view also records
    ``base_matrix`` (3, 3) float32: original-image pixels to those of the crop that the box had
    before the views were drawn, a shared random crop included. A crop inside of a view is that
    view's own and changes nothing in ``base_matrix``.

    Args:
        teacher (Sequence[dict]): Transforms of the teacher's view, usually weak.
        student (Sequence[dict]): Transforms of the student's view, usually stronger.
        meta_keys, extra_meta_keys, branches: As in :class:`PackBranches`.

    Raises:
        ValueError: A view without ``input_matrix`` at its end; flips before and in the views.
    """

    def __init__(self, teacher: Sequence[dict], student: Sequence[dict],
                 meta_keys: Sequence[str] = META_KEYS, extra_meta_keys: Sequence[str] = (),
                 branches: Sequence[str] = BRANCHES) -> None:
        self.branches = tuple(branches)
        self.views = {}
        for branch, transforms in (('target_teacher', teacher), ('target_student', student)):
            pack = PackBranches(branch, meta_keys, extra_meta_keys, branches)
            # mmcv's Compose builds from mmcv's registry: build here, in MMPose's
            self.views[branch] = Compose([
                TRANSFORMS.build(t) if isinstance(t, dict) else t for t in transforms]), pack
        self._flips = any(isinstance(t, RandomFlip) for compose, _ in self.views.values()
                          for t in compose.transforms)

    def transform(self, results: dict) -> dict | None:
        """Make and pack both views; None if a transform gives None."""
        if results.get('flip') and self._flips:
            raise ValueError('the image was flipped before ForkViews, and its views flip again: '
                             'only one flip is recorded. Keep RandomFlip in the views alone')
        results = {k: v for k, v in results.items() if k not in _LABELS}
        merged = dict(inputs=dict.fromkeys(self.branches),
                      data_samples=dict.fromkeys(self.branches))
        base: dict = {}
        for branch, (transforms, pack) in self.views.items():
            view = transforms({k: _copy_containers(v) for k, v in results.items()})
            if view is None:
                return None
            if 'input_matrix' not in view:
                raise ValueError(f'the {branch} view has no input_matrix: put '
                                 'RecordedTopdownAffine into its transforms')
            if 'bbox_center' in results:
                crop = next(t for t in transforms.transforms
                            if isinstance(t, RecordedTopdownAffine))
                kind = (crop.input_size, crop.use_udp)
                if kind not in base:  # usually the same of both views
                    base[kind] = self._base_matrix(crop, results)
                view['base_matrix'] = base[kind].copy()
            packed = pack(view)
            for key, values in packed.items():
                merged[key][branch] = values[branch]
        return merged

    @staticmethod
    def _base_matrix(crop: RecordedTopdownAffine, results: dict) -> np.ndarray:
        """Where the view's crop would lie without any augmentation, a flip before the fork
        included: the base is never mirrored."""
        direction = results.get('flip_direction') if results.get('flip') else None
        height, width = results['img'].shape[:2]
        matrix = flip_matrix(direction, *crop.input_size) @ crop.box_matrix(results) \
            @ flip_matrix(direction, width, height) @ results.get('pre_matrix', np.eye(3))
        return matrix.astype(np.float32)

    def __repr__(self) -> str:
        views = ', '.join(f'{name}={compose}' for name, (compose, _) in self.views.items())
        return f'{type(self).__name__}({views})'


def _planes(img: np.ndarray) -> torch.Tensor:
    """(H, W, 3) as a contiguous tensor (3, H, W) of the same type."""
    planes = np.empty((3, *img.shape[:2]), img.dtype)
    cv2.split(img, list(planes))
    return torch.from_numpy(planes)


def _copy_containers(value):
    """Copy arrays and nested lists and dicts; keep everything else by reference."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, dict):
        return {k: _copy_containers(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_copy_containers(v) for v in value]
    return value
