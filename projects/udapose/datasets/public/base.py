"""What the readers of public data sets share: joint sets, missing files, counted problems."""
from __future__ import annotations

import os
import os.path as osp
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from mmengine.logging import MMLogger
from mmpose.datasets.datasets.base import BaseCocoStyleDataset

from ...joint_sets import JOINT_SETS
from ..image_headers import read_image_sizes
from ..transforms.masks import tell_missing_masks

_NUM_SHOWN = 5
_MOST_OUTSIDE = 0.5


class PublicPoseDataset(BaseCocoStyleDataset):
    """Base of the readers: a subclass yields instances, this class checks and packs them.

    A subclass sets ``JOINT_SET``, ``METAINFO``, ``SPLITS``, ``PROTOCOLS`` and ``TREE``, and
    defines :meth:`load_instances`. Items have MMPose's usual keys (``keypoints`` (1, J, 2) pixels,
    ``keypoints_visible`` (1, J), ``bbox`` (1, 4) xyxy, ...) in the order of the joint set, and of
    data sets with 3D labels those of :class:`CameraSpaceCocoDataset`.

    Args:
        data_root (str): The folder as the documentation of the data set shows it; ``~`` is
            expanded.
        split (str): One of ``SPLITS``.
        protocol (str): ``'published'`` (comparable with the literature, leaks and oddities
            included) or ``'clean'``; the data set's documentation says what differs.
        labels (bool): False removes all keypoints from the items: the unlabelled target. Boxes
            remain, which the published protocols derive from the keypoints. Defaults to ``True``.
        on_missing (str): ``'error'``, or ``'skip'`` instances whose image file is missing or, where
            sizes are read from the files, damaged (reported). Defaults to ``'error'``.
        metainfo (dict, optional): Changes to ``METAINFO``.
        pipeline, indices, serialize_data, test_mode, lazy_init, max_refetch: As in MMPose.

    Raises:
        FileNotFoundError: The folder, an annotation file or images do not exist; tells how many
            and the expected tree.
        ValueError: Unknown split or protocol; annotations that cannot be meant (most keypoints
            outside of their images, no instance left).
        OSError: Damaged images, where sizes are read from the files.
    """

    JOINT_SET: str = ''
    SPLITS: tuple[str, ...] = ('train', 'test')
    PROTOCOLS: tuple[str, ...] = ('published', )
    #: The expected folder in a few lines, shown when something is missing.
    TREE: str = ''

    def __init__(self, data_root: str, split: str = 'train', protocol: str = 'published',
                 labels: bool = True, on_missing: str = 'error', metainfo: dict | None = None,
                 pipeline: Sequence[dict | Callable] = (),
                 indices: int | Sequence[int] | None = None, serialize_data: bool = True,
                 test_mode: bool = False, lazy_init: bool = False, max_refetch: int = 1000
                 ) -> None:
        for key, value, options in (('split', split, self.SPLITS),
                                    ('protocol', protocol, self.PROTOCOLS),
                                    ('on_missing', on_missing, ('error', 'skip'))):
            if value not in options:
                raise ValueError(f'{type(self).__name__}: {key}={value!r} is not one of {options}')
        self.split, self.protocol = split, protocol
        self.labels, self.on_missing = labels, on_missing
        self.report: Counter = Counter()
        super().__init__(
            metainfo=metainfo, data_root=osp.expanduser(data_root), pipeline=list(pipeline),
            indices=indices, serialize_data=serialize_data, test_mode=test_mode,
            lazy_init=lazy_init, max_refetch=max_refetch)

    @classmethod
    def joint_set(cls):
        """JointSet: names, pairs and groups of the joints that the items have."""
        return JOINT_SETS[cls.JOINT_SET]

    def load_instances(self) -> Iterable[dict]:
        """The instances of ``self.split`` by ``self.protocol``, in a fixed order.

        Yields:
            dict: ``img_path`` (str); ``keypoints`` (J, 2) pixels, integers are pixel centres;
            ``keypoints_visible`` (J,) > 0 where labelled; ``bbox`` (4,) xyxy pixels; optional:
            ``image_size`` (width, height), ``keypoints_cam`` (J, 3) mm, ``intrinsics`` (3, 3),
            ``root_index`` (int), ``mask_path``, ``mirror_image`` (bool; coordinates are those of
            the already mirrored image, see :func:`mirrored`), ``category_id`` (int), and any
            further key, which is handed on.
        """
        raise NotImplementedError

    def path(self, *parts: str) -> str:
        """``parts`` below ``data_root``."""
        return osp.join(self.data_root, *parts)

    def require(self, *parts: str) -> str:
        """:meth:`path` of something that must exist.

        Raises:
            FileNotFoundError: It does not; shows the expected tree.
        """
        path = self.path(*parts)
        if not osp.exists(path):
            raise FileNotFoundError(
                f'{type(self).__name__}: {path} does not exist. Point data_root to the extracted '
                f'data set (now {self.data_root}):\n{self.TREE}')
        return path

    def count(self, problem: str, number: int = 1) -> None:
        """Count what was left out or changed, for the report at the start; nothing for 0."""
        if number:
            self.report[problem] += number

    def image_sizes(self, paths: Iterable[str]) -> dict[str, tuple[int, int]]:
        """Sizes of images from the files' headers, where annotations do not tell them.

        Returns:
            dict[str, tuple[int, int]]: Path to (width, height), pixels: (0, 0) of missing files,
            which are reported with all others. Damaged ones are not in it: leave them out.

        Raises:
            OSError: Damaged files, and ``on_missing='error'``.
        """
        sizes, problems = read_image_sizes(list(dict.fromkeys(paths)))
        missing = [path for path, why in problems.items() if why == 'no such file']
        damaged = [f'{path} ({why})' for path, why in problems.items() if why != 'no such file']
        if damaged:
            message = f'{self._name()}: {len(damaged)} images cannot be read: ' \
                      f'{"; ".join(damaged[:_NUM_SHOWN])}'
            if self.on_missing == 'error':
                raise OSError(f"{message}. Extract the archive again, or set on_missing='skip'")
            MMLogger.get_current_instance().warning(f'Left out: {message}')
            self.count('unreadable images, left out', len(damaged))
        return {**sizes, **dict.fromkeys(missing, (0, 0))}

    def whole_images(self, paths: Sequence[str], unless_square: str = ''
                     ) -> list[tuple[int, dict]]:
        """Boxes of whole images, with sizes from :meth:`image_sizes`.

        Args:
            paths (Sequence[str]): The files.
            unless_square (str): What to say of images that are not square. Defaults to ``''``:
                they may have any shape.

        Returns:
            list[tuple[int, dict]]: Of the images that are not damaged: index in ``paths``;
            ``img_path``, ``bbox`` (0, 0, width, height) and ``image_size``, pixels.

        Raises:
            OSError: See :meth:`image_sizes`.
            ValueError: Images that are not square, if that is asked for.
        """
        sizes = self.image_sizes(paths)
        odd = [path for path, (width, height) in sizes.items() if width != height]
        if odd and unless_square:
            raise ValueError(f'{self._name()}: {len(odd)} images are not square, for example '
                             f'{odd[0]} ({"x".join(map(str, sizes[odd[0]]))}): {unless_square}')
        return [(i, dict(img_path=path, bbox=(0, 0, *sizes[path]), image_size=sizes[path]))
                for i, path in enumerate(paths) if path in sizes]

    def load_data_list(self) -> list[dict]:
        """Load, check and pack the instances; log what was left out."""
        self.require()
        self.report.clear()
        raw = list(self.load_instances())
        missing = self._missing(raw)
        infos, outside, labelled = [], 0, 0
        for instance in raw:
            if instance['img_path'] in missing:
                continue
            info = self._check(instance)
            if info is None:
                continue
            flags = info['keypoints_visible'][0] > 0
            labelled += int(flags.sum())
            size = info.get('image_size')
            if size is not None:
                points = info['keypoints'][0][flags]
                outside += int(((points < -0.5) | (points > np.asarray(size) - 0.5)).any(-1).sum())
            infos.append(info)
        if not infos:
            raise ValueError(f'{self._name()}: no instance remains of {len(raw)}'
                             f'{self._problems()}. Is the archive complete, and is this the right '
                             f'version?\n{self.TREE}')
        if outside > _MOST_OUTSIDE * labelled:
            raise ValueError(
                f'{self._name()}: {outside} of {labelled} labelled joints lie outside of their '
                f'image, for example of {infos[0]["img_path"]}: annotations and images are of '
                'different versions, or the images were resized')
        self.count('labelled joints outside of their image (kept)', outside)
        for index, info in enumerate(infos):
            info.update(id=index, img_id=index)
            if not self.labels:
                for key in ('keypoints', 'keypoints_visible', 'keypoints_cam', 'num_keypoints'):
                    info.pop(key, None)
        MMLogger.get_current_instance().info(
            f'{self._name()}: {len(infos)} instances{self._problems()}')
        tell_missing_masks(infos, self.pipeline)
        return infos

    def _check(self, instance: dict) -> dict | None:
        joints = len(self.joint_set().names)
        points = np.array(instance['keypoints'], np.float32).reshape(1, joints, 2)
        flags = np.array(instance['keypoints_visible'], np.float32).reshape(1, joints)
        cam = instance.get('keypoints_cam')
        finite = np.isfinite(points).all(-1)
        if cam is not None:
            cam = np.array(cam, np.float32).reshape(1, joints, 3)
            finite &= np.isfinite(cam).all(-1)
            cam = np.where(finite[..., None], cam, 0)
        bad = (flags > 0) & ~finite
        self.count('joints with coordinates that are not finite, now unlabelled', int(bad.sum()))
        flags = np.where(finite, flags, 0)
        points = np.where(finite[..., None], points, 0)
        if not (flags > 0).any():
            return self.count('instances without labelled joints, left out')
        box = np.array(instance['bbox'], np.float32).reshape(1, 4)
        if not np.isfinite(box).all() or (box[:, 2:] - box[:, :2] < 1).any():
            return self.count('instances with an empty box, left out')
        if cam is not None and not np.isfinite(np.asarray(instance['intrinsics'], float)).all():
            return self.count('instances whose camera has numbers that are not finite, left out')
        info = dict(
            instance, keypoints=points, keypoints_visible=flags, bbox=box,
            bbox_score=np.ones(1, np.float32), num_keypoints=int((flags > 0).sum()), iscrowd=0,
            category_id=np.array(instance.get('category_id', 1)))
        if cam is not None:
            info['keypoints_cam'] = cam
            info['intrinsics'] = np.array(instance['intrinsics'], np.float32).reshape(3, 3)
            info.setdefault('root_index', self.joint_set().root)
        return info

    def _missing(self, raw: list[dict]) -> set[str]:
        """Paths of the images that do not exist, found by listing each folder once."""
        folders: dict[str, set[str]] = {}
        missing = set()
        for instance in raw:
            folder, name = osp.split(instance['img_path'])
            if folder not in folders:
                folders[folder] = set(os.listdir(folder)) if osp.isdir(folder) else set()
            if name not in folders[folder]:
                missing.add(instance['img_path'])
        if not missing:
            return missing
        shown = ', '.join(sorted(missing)[:_NUM_SHOWN])
        message = f'{self._name()}: {len(missing)} of the annotated images do not exist: ' \
                  f'{shown}{", ..." if len(missing) > _NUM_SHOWN else ""}'
        if self.on_missing == 'error':
            raise FileNotFoundError(
                f'{message}. Is the archive extracted completely, and does data_root '
                f"({self.data_root}) have this tree? on_missing='skip' leaves them out.\n"
                f'{self.TREE}')
        MMLogger.get_current_instance().warning(f'Left out: {message}')
        self.count('missing images, left out', len(missing))
        return missing

    def _name(self) -> str:
        return f'{type(self).__name__} ({self.split}, {self.protocol}, {self.data_root})'

    def _problems(self) -> str:
        return ''.join(f'; {number} {problem}' for problem, number in sorted(self.report.items()))

    @staticmethod
    def _is_valid_instance(data_info: dict) -> bool:
        return True


def mirrored(instance: dict, width: int) -> dict:
    """Mirror an instance horizontally; ``LoadPoseImage`` then mirrors its image.

    Unifies handedness: the coordinates become those of the mirrored image, x' = width - 1 - x, and
    in the camera frame X' = -X, which the mirrored principal point matches. Joints are *not*
    exchanged.

    Args:
        instance (dict): As from :meth:`PublicPoseDataset.load_instances`.
        width (int): Of the image, pixels.

    Returns:
        dict: A changed copy with ``mirror_image=True``.
    """
    out = dict(instance, mirror_image=not instance.get('mirror_image', False))
    points = np.array(instance['keypoints'], np.float32)
    points[..., 0] = width - 1 - points[..., 0]
    x1, y1, x2, y2 = np.asarray(instance['bbox'], np.float32)
    out.update(keypoints=points, bbox=np.array([width - x2, y1, width - x1, y2], np.float32))
    if instance.get('keypoints_cam') is not None:
        out['keypoints_cam'] = np.asarray(instance['keypoints_cam'], np.float32) * (-1, 1, 1)
        matrix = np.array(instance['intrinsics'], np.float32)
        matrix[0, 2] = width - 1 - matrix[0, 2]
        matrix[0, 1] *= -1  # skew changes its sign, too
        matrix[1, 0] *= -1
        out['intrinsics'] = matrix
    return out
