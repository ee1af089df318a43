"""COCO keypoint files with 3D keypoints and cameras."""
from __future__ import annotations

import os.path as osp
from collections import Counter
from collections.abc import Sequence

import numpy as np
from mmengine.logging import MMLogger
from mmpose.datasets.datasets.base import BaseCocoStyleDataset
from mmpose.registry import DATASETS

from ..codecs.camera_geometry import project
from .coco_files import annotated_images, load_coco
from .image_headers import listed_path
from .pose_size import implausible_size
from .transforms.boxes import WholeImageBBox
from .transforms.masks import tell_missing_masks

_NUM_CHECKED = 256
_FRAME = 'keypoints_3d must be in the camera frame, z forward'


@DATASETS.register_module()
class CameraSpaceCocoDataset(BaseCocoStyleDataset):
    """Keypoints in the image and in the camera's space, from an extended COCO file.

    Besides COCO's keys every annotation has ``keypoints_3d`` (K x 3, millimetres, camera frame: x
    right, y down, z forward) and ``camera.K`` (3 x 3, pixels, integers are pixel centres);
    ``root_index`` and ``mask`` (path relative to ``data_root``) are optional. The embedded data set
    is of this kind. Coordinates of unlabelled joints (v = 0) may be null or NaN; they are 0 in the
    items. Crowds and instances without a labelled joint are left out, and the log tells how many.

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
        extent_range (Sequence[float] | str, optional): Least and largest accepted extent of the
            median instance's labelled joints, mm. ``'auto'``: 200 to 4000 for people, 30 to 400 for
            hands, 20 to 20000 for anything else, told apart by the joints' names; None accepts
            any. Defaults to ``'auto'``.
        **kwargs: Those of MMPose's ``BaseCocoStyleDataset``; ``data_mode`` must be ``'topdown'``.

    Raises:
        ValueError: Annotations without 3D keypoints, camera or root, with another number of 3D than
            of 2D keypoints or of the metainfo's, whose labelled joints are null or not finite,
            whose labelled root lies behind the camera, or that do not project onto their keypoints;
            poses whose size no person or hand has in millimetres; no usable annotation at all.
    """

    def __init__(self, *args, root_index: int | None = None,
                 max_reprojection_error: float | None = 1.,
                 extent_range: Sequence[float] | str | None = 'auto', **kwargs) -> None:
        if extent_range not in ('auto', None) and not (
                len(extent_range) == 2 and 0 <= extent_range[0] < extent_range[1]):
            raise ValueError(f"{type(self).__name__}: extent_range={extent_range} is not 'auto', "
                             'None or (least, largest) in millimetres')
        self.root_index = root_index
        self.max_reprojection_error = max_reprojection_error
        self.extent_range = extent_range
        self._left_out: Counter = Counter()
        for key in {'ann_file', 'data_root'} & kwargs.keys():
            kwargs[key] = osp.expanduser(kwargs[key] or '')  # text, also of a pathlib.Path
        super().__init__(*args, **kwargs)
        if self.data_mode != 'topdown' or self.bbox_file:
            raise ValueError(f"{type(self).__name__} needs data_mode='topdown' and the annotated "
                             'boxes (no bbox_file): a detection has no 3D keypoints')

    def _load_annotations(self) -> tuple[list[dict], list[dict]]:
        """As the base class, which decodes by the locale and needs ids that are numbers."""
        if not self._metainfo.get('keypoint_id2name'):
            raise ValueError(f'{type(self).__name__} needs metainfo=dict(from_file=...), which '
                             'names the joints and the partners that a flip exchanges')
        content = load_coco(self.ann_file)
        if 'categories' in content:
            self._metainfo['CLASSES'] = content['categories']
        instances, images = [], []
        for position, (image, entries) in enumerate(annotated_images(content, self.ann_file)):
            number = image['id'] if isinstance(image['id'], int) else position
            if number % self.sample_interval:
                continue
            image.update(img_id=image['id'],
                         img_path=listed_path(self.data_prefix['img'], image['file_name']))
            images.append(image)
            for ann in entries:
                info = self.parse_data_info(dict(raw_ann_info=ann, raw_img_info=image))
                if info:
                    instances.append(info)
        return instances, images

    def parse_data_info(self, raw_data_info: dict) -> dict | None:
        """Parse an annotation; see the base class."""
        ann = raw_data_info['raw_ann_info']
        if ann.get('iscrowd'):
            self._left_out['crowds'] += 1
            return None
        if ann.get('bbox') is None or ann.get('keypoints') is None:
            self._left_out['without box or keypoints'] += 1
            return None
        box = self._numbers(ann, 'bbox', 4)
        joints = self._numbers(ann, 'keypoints', 3)
        seen = joints[:, 2] > 0
        if len(box) != 1 or not np.isfinite(box).all() or np.isnan(joints[:, 2]).any():
            raise self._error(ann, 'has a bbox or a visibility (every third of keypoints) that is '
                              'null or not finite: correct it, 0 means unlabelled')
        self._require_finite(ann, 'keypoints', joints[:, :2], seen)
        if not seen.any():
            self._left_out['without a labelled joint'] += 1
            return None
        ann = dict(ann, category_id=ann.get('category_id', 1),
                   keypoints=np.where(np.isfinite(joints), joints, 0).ravel())
        info = super().parse_data_info(dict(raw_data_info, raw_ann_info=ann))
        del info['raw_ann_info']  # nothing reads it, and it doubles the memory
        camera = ann.get('camera')
        camera = camera if isinstance(camera, dict) else {}
        root = ann.get('root_index')
        root = self.root_index if root is None else root
        missing = [name for name, value in (
            ('keypoints_3d', ann.get('keypoints_3d')), ('camera.K', camera.get('K')),
            ('root_index', root)) if value is None]
        if missing:
            raise self._error(
                ann, f'has no {" and no ".join(missing)}. Add what is missing (docs/pose_3d.md; '
                'the root also by the argument root_index), or use CocoDataset for 2D poses')
        points, num_joints = self._numbers(ann, 'keypoints_3d', 3), len(joints)
        if len(points) != num_joints:
            raise self._error(ann, f'has {num_joints} keypoints, but {len(points)} keypoints_3d')
        named = len(self._metainfo['keypoint_id2name'])
        if num_joints != named:  # a flip would take joints away, or fail
            raise self._error(ann, f'has {num_joints} keypoints, but the metainfo describes '
                              f'{named}: give the data set the metainfo of its own joints')
        self._require_finite(ann, 'keypoints_3d', points, seen)
        info['keypoints_cam'] = np.where(np.isfinite(points), points, 0)[None]
        info['intrinsics'] = self._numbers(camera, 'K', 3, ann)
        if info['intrinsics'].shape != (3, 3) or not np.isfinite(info['intrinsics']).all():
            raise self._error(ann, 'has a camera.K that is not 3 x 3 finite numbers')
        if not isinstance(root, (int, float)) or root not in range(num_joints):
            raise self._error(ann, f'has root_index={root!r}, but {num_joints} keypoints: it is '
                              'the number of a joint, from 0')
        info['root_index'] = int(root)
        if seen[int(root)] and points[int(root), 2] <= 0:
            raise self._error(ann, f'has a labelled root (joint {int(root)}) behind the camera '
                              f'(z = {points[int(root), 2]:g}): {_FRAME}')
        if ann.get('mask'):
            if not isinstance(ann['mask'], str):
                raise self._error(ann, 'has a mask that is no path (relative to data_root): write '
                                  'it into a file, or leave the key out')
            info['mask_path'] = listed_path(self.data_root or '', ann['mask'])
        return info

    def _get_topdown_data_infos(self, instance_list: list[dict]) -> list[dict]:
        """As the base class, which says nothing of what it leaves out."""
        kept = super()._get_topdown_data_infos(instance_list)
        if len(kept) < len(instance_list):
            self._left_out['with an empty box, or without keypoints'] += \
                len(instance_list) - len(kept)
        return kept

    def load_data_list(self) -> list[dict]:
        """Load the annotations, check their size and some of the cameras, tell what is odd."""
        data_list = super().load_data_list()
        log = MMLogger.get_current_instance()
        for what, count in self._left_out.items():
            log.warning(f'{self.ann_file}: left out {count} annotations ({what})')
        self._left_out.clear()
        if not data_list:
            raise ValueError(f'{self.ann_file} has no annotation with a box and labelled keypoints')
        rootless = [info for info in data_list if not self._has_root(info)]
        if rootless:
            log.warning(
                f'{self.ann_file}: the root is unlabelled and has no depth in {len(rootless)} of '
                f'{len(data_list)} instances (as in annotation {rootless[0]["id"]}), which '
                'therefore teach no 3D pose and are not evaluated: label it, or name a labelled '
                'joint as root_index')
        self._check_crops(data_list)
        tell_missing_masks(data_list, self.pipeline)
        self._check_size(data_list)
        if self.max_reprojection_error is not None:
            step = max(1, len(data_list) // _NUM_CHECKED)
            for info in data_list[::step]:
                self._check_reprojection(info)
        return data_list

    def _check_crops(self, data_list: list[dict]) -> None:
        """Say where several people would get the very same input."""
        people = Counter(info['img_path'] for info in data_list)
        shared = [path for path, number in people.items() if number > 1]
        if shared and any(isinstance(t, WholeImageBBox) for t in self.pipeline.transforms):
            MMLogger.get_current_instance().warning(
                f'{self.ann_file}: {len(shared)} of {len(people)} images have several people (as '
                f'{shared[0]}), but WholeImageBBox gives the model the whole image for each of '
                'them, with different labels: leave it out of the pipeline, so that each is '
                'cropped by its box')

    @staticmethod
    def _has_root(info: dict) -> bool:
        root = info['root_index']
        return info['keypoints_visible'][0, root] > 0 or info['keypoints_cam'][0, root, 2] > 0

    def _check_size(self, data_list: list[dict]) -> None:
        if self.extent_range is None or not data_list:
            return
        names = self._metainfo['keypoint_id2name']
        problem = implausible_size(
            np.concatenate([info['keypoints_cam'] for info in data_list]),
            np.concatenate([info['keypoints_visible'] for info in data_list]),
            [names[i] for i in sorted(names)],
            None if self.extent_range == 'auto' else self.extent_range)
        if problem:
            raise ValueError(f'{self.ann_file}: {problem}. Other sizes are accepted by '
                             'extent_range=(least, largest) or None')

    def _numbers(self, entry: dict, key: str, width: int, ann: dict | None = None) -> np.ndarray:
        """``entry[key]`` as (-1, width) float32; null (a number or a whole row) becomes NaN."""
        rows = entry[key]
        try:
            if any(isinstance(row, (list, tuple)) for row in rows):
                rows = [[np.nan] * width if row is None else row for row in rows]
                return np.array(rows, np.float32).reshape(len(rows), width)
            return np.array(rows, np.float32).reshape(-1, width)
        except (TypeError, ValueError):
            raise self._error(ann or entry, f'has {key} that are not rows of {width} numbers') \
                from None

    def _require_finite(self, ann: dict, key: str, points: np.ndarray, seen: np.ndarray) -> None:
        bad = np.flatnonzero(seen & ~np.isfinite(points).all(-1))
        if len(bad):
            raise self._error(ann, f'has labelled joints ({bad.tolist()}) whose {key} are null or '
                              'not finite: correct them, or mark the joints as unlabelled (v = 0)')

    def _check_reprojection(self, info: dict) -> None:
        seen = info['keypoints_visible'] > 0
        points = info['keypoints_cam'][seen]
        if (points[:, 2] <= 0).any():
            raise self._error(info, f'has labelled joints behind the camera (z <= 0): {_FRAME}')
        errors = np.linalg.norm(
            project(points, info['intrinsics']) - info['keypoints'][seen], axis=-1)
        if not errors.max(initial=0) <= self.max_reprojection_error:  # NaN of a camera of zeros
            raise self._error(
                info, f'does not project onto its keypoints: off by {errors.max():.2f} pixels '
                f'(max_reprojection_error={self.max_reprojection_error}). camera.K must be in '
                'pixels of the stored image with integer pixel centres, keypoints_3d in the camera '
                'frame')

    def _error(self, ann: dict, problem: str) -> ValueError:
        return ValueError(f'{self.ann_file}: annotation {ann.get("id")} {problem}')
