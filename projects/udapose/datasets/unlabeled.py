"""Images without keypoints as a data set."""
from __future__ import annotations

import os
import os.path as osp
from collections.abc import Callable, Sequence

import numpy as np
from mmengine.logging import MMLogger
from mmpose.datasets.datasets.base import BaseCocoStyleDataset
from mmpose.registry import DATASETS

from .box_files import BOX_FORMS, image_names, parse_boxes, under_listed_names
from .image_headers import (
    IMAGE_SUFFIXES,
    find_images,
    listed_path,
    read_image_size,
    read_image_sizes,
)
from .json_files import load_json
from .text_files import read_lines
from .transforms.masks import LoadForegroundMask, tell_missing_masks

_NUM_SHOWN = 5
_KEY = 'train_dataloader.dataset.target.data_root=FOLDER (of a source-free config: ' \
       'train_dataloader.dataset.data_root=FOLDER)'


@DATASETS.register_module()
class UnlabeledPoseDataset(BaseCocoStyleDataset):
    """A folder or a list of images, with optional boxes and without keypoints.

    The images are, in this order of precedence: those of ``ann_file`` (a text file with one path a
    line, or a COCO json with ``images``, whose ``annotations`` may give boxes), else all images
    found below ``data_root`` joined with ``data_prefix['img']``. There is one instance per box;
    without any boxes, one per image, with the whole image ``[0, 0, width, height]`` as its box.

    Items have MMPose's usual keys except those about keypoints: ``img_path``, ``img_id``, ``id``,
    ``bbox`` (1, 4) float32 xyxy in pixels, ``bbox_score`` (1,), ``category_id``, and from
    ``metainfo`` ``flip_indices``, ``flip_pairs``, ``dataset_name``, ...

    Args:
        metainfo (dict): MMPose's description of the keypoints to be predicted (flips need it),
            usually ``dict(from_file=...)``: the same keypoints as the source's.
        data_root (str): The folder; ``~`` is expanded.
        data_prefix (dict): ``img``: subfolder of ``data_root``. Defaults to ``dict(img='')``.
        ann_file (str): Text file (``#`` starts a comment line) or COCO json, see above; paths of
            images are relative to the image folder, or absolute. Defaults to ``''``.
        bbox_file (str, optional): Json with COCO detections ``[{image_id | file_name, bbox: [x, y,
            w, h], score, category_id}]`` or a COCO file with boxes. Boxes are clipped to the
            image; crowds (``iscrowd``) are left out.
        bbox_thr (float): Lowest score of detections that are used, in [0, 1]. Defaults to 0.
        category_ids (Sequence[int] | int, optional): Categories that are used. Defaults to all.
        images_without_box (str): Where boxes are given, images that have none: ``'skip'`` (a
            detector saw nobody) or ``'whole'``. Defaults to ``'skip'``.
        suffixes (Sequence[str] | str): Suffixes of images in a folder.
        verify (str): ``'header'`` reads all headers at the start, in threads; ``'none'`` reads an
            image's header (its size) when the image is needed, and clips its box then.
            Defaults to ``'header'``.
        on_unreadable (str): ``'error'``, or ``'skip'`` images with unreadable headers (reported).
            Defaults to ``'error'``.
        num_threads (int): Threads for the headers. Defaults to 8.
        pipeline, indices, serialize_data, test_mode, lazy_init, max_refetch: As in MMPose.

    Raises:
        FileNotFoundError: Folder, list or box file does not exist, or there are no images.
        OSError: Unreadable images.
        ValueError: Malformed box file, or boxes that match no image; a bad argument; masks of the
            pipeline's ``LoadForegroundMask`` among the images of the folder.
    """

    def __init__(self, metainfo: dict | None = None, data_root: str = '',
                 data_prefix: dict = dict(img=''), ann_file: str = '',  # noqa: B006
                 bbox_file: str | None = None, bbox_thr: float = 0.,
                 category_ids: Sequence[int] | None = None, images_without_box: str = 'skip',
                 suffixes: Sequence[str] = IMAGE_SUFFIXES, verify: str = 'header',
                 on_unreadable: str = 'error', num_threads: int = 8,
                 pipeline: Sequence[dict | Callable] = (),
                 indices: int | Sequence[int] | None = None, serialize_data: bool = True,
                 test_mode: bool = False, lazy_init: bool = False, max_refetch: int = 1000):
        for key, value, options in (('verify', verify, ('header', 'none')),
                                    ('on_unreadable', on_unreadable, ('error', 'skip')),
                                    ('images_without_box', images_without_box, ('skip', 'whole'))):
            if value not in options:
                raise ValueError(f'{type(self).__name__}: {key}={value!r} is not one of {options}')
        if not metainfo and not self.METAINFO:
            raise ValueError(
                f'{type(self).__name__} needs metainfo=dict(from_file=...): which keypoints shall '
                'be predicted, and how they change sides in a flip. Use the source data\'s')
        self.bbox_thr, self.category_ids = bbox_thr, category_ids
        self.images_without_box = images_without_box
        if not isinstance(data_root or '', (str, os.PathLike)):
            raise ValueError(f'data_root={data_root!r} is no path (MMEngine splits options at '
                             'commas: write a path that has some into a config)')
        suffixes = [suffixes] if isinstance(suffixes, str) else suffixes
        self.suffixes = tuple(s.lower() for s in suffixes)
        self.verify, self.on_unreadable = verify, on_unreadable
        self.num_threads = num_threads
        data_root = osp.expanduser(data_root or '')
        self._box_path = osp.join(data_root, osp.expanduser(bbox_file)) if bbox_file else None
        super().__init__(
            ann_file=osp.expanduser(ann_file or ''), metainfo=metainfo, data_root=data_root,
            data_prefix={k: osp.expanduser(v) for k, v in data_prefix.items()},
            pipeline=list(pipeline), indices=indices, serialize_data=serialize_data,
            test_mode=test_mode, lazy_init=lazy_init, max_refetch=max_refetch)

    def load_data_list(self) -> list[dict]:
        """One dict per instance, in a deterministic order."""
        names, boxes = self._list_images()
        sizes = self._check_headers(names)
        names = [name for name in names if sizes is None or self._path(name) in sizes]
        if boxes is not None:
            boxes = under_listed_names(boxes, names, self._path)
            self._check_match(names, boxes)

        instances, counts = [], dict(without=0, degenerate=0)
        for img_id, name in enumerate(names):
            info = dict(img_id=img_id, img_path=self._path(name))
            size = None if sizes is None else sizes[info['img_path']]
            candidates = [(None, 1.)] if boxes is None else boxes.get(name, [])
            if not candidates:
                counts['without'] += 1
                if self.images_without_box == 'whole':
                    candidates = [(None, 1.)]
            for box, score in candidates:
                box = _whole(size) if box is None else _clip(box, size)
                if box is not None and (box[2:] - box[:2] < 1).any():
                    counts['degenerate'] += 1
                    continue
                # `bbox` is filled in when the image is needed if no header was read
                known = {} if box is None else dict(bbox=box[None])
                instances.append(dict(
                    info, **known, id=len(instances), bbox_score=np.array([score], np.float32),
                    category_id=np.array(1)))
        self._report(len(names), counts, instances)
        if self.verify == 'header':  # else no file is looked at before it is needed
            tell_missing_masks(instances, self.pipeline)
        return instances

    def get_data_info(self, idx: int) -> dict:
        """As MMPose's; reads the image's header if that was not done at the start.

        Raises:
            OSError: The image is missing or unreadable.
            ValueError: Its box has no pixel in it.
        """
        info = super().get_data_info(idx)
        if self.verify == 'header':
            return info
        try:
            size = read_image_size(info['img_path'])
        except OSError as error:
            raise OSError(f'cannot read the image {info["img_path"]} ({error}): replace or '
                          "remove it, or set verify='header', on_unreadable='skip' to leave "
                          'such images out') from error
        box = info.get('bbox')
        info['bbox'] = _whole(size)[None] if box is None else _clip(box, size)
        if (info['bbox'][:, 2:] - info['bbox'][:, :2] < 1).any():
            shown = f'{box[0].tolist()} of {info["img_path"]} ({size[0]}x{size[1]})'
            raise ValueError(f'the box {shown} lies outside of it or is thinner than a pixel: '
                             f'correct {self._box_path or self.ann_file}, or set '
                             "verify='header' to leave such boxes out")
        return info

    @staticmethod
    def _is_valid_instance(data_info: dict) -> bool:
        return True

    @property
    def _folder(self) -> str:
        return osp.normpath(self.data_prefix.get('img', '') or self.data_root or '.')

    def _path(self, name: str) -> str:
        return listed_path(self._folder, name)

    def _list_images(self) -> tuple[list[str], dict | None]:
        """Names of the images and, where there are any, boxes by name."""
        listed, id_to_name, boxes = None, None, None
        if self.ann_file.lower().endswith('.json'):
            content = load_json(self.ann_file, 'ann_file', BOX_FORMS)
            if not isinstance(content, dict) or not content.get('images'):
                raise ValueError(f'ann_file={self.ann_file} has no "images": expected a COCO file '
                                 '(detections go into bbox_file)')
            id_to_name = image_names(content, self.ann_file)
            listed = list(id_to_name.values())
            if any('bbox' in a for a in content.get('annotations') or []):
                boxes = self._parse(dict(content, annotations=[
                    a for a in content['annotations'] if 'bbox' in a]), self.ann_file, None)
        elif self.ann_file:
            if not osp.isfile(self.ann_file):
                raise FileNotFoundError(f'ann_file={self.ann_file} does not exist: name a text '
                                        'file with one image a line (relative to data_root)')
            listed = read_lines(self.ann_file, 'ann_file')
            if not listed:
                raise FileNotFoundError(f'ann_file={self.ann_file} lists no images: expected one '
                                        'path a line')
        if self._box_path:
            content = load_json(self._box_path, 'bbox_file', BOX_FORMS)
            boxes = self._parse(content, self._box_path, id_to_name)
        names = self._find() if listed is None else list(dict.fromkeys(listed))
        return names, boxes

    def _parse(self, content, path: str, names: dict | None) -> dict:
        boxes = parse_boxes(content, path, names, self.category_ids, self.bbox_thr)
        if not boxes:
            raise ValueError(f'{path} has no boxes with score >= bbox_thr={self.bbox_thr}'
                             + (f' in category_ids={self.category_ids}' if self.category_ids
                                else '') + ' that are not crowds')
        return boxes

    def _find(self) -> list[str]:
        folder = self._folder
        if not osp.isdir(folder):
            what = 'is not a folder' if osp.exists(folder) else 'does not exist'
            raise FileNotFoundError(
                f'image folder "{folder}" {what}: point data_root (and data_prefix.img) of '
                f'{type(self).__name__} to your images, for example with --cfg-options '
                f'{_KEY} (MMEngine removes spaces from options: write a path that has some into '
                'a config)')
        names = find_images(folder, self.suffixes)
        if not names:
            others = sum(len(files) for _, _, files in os.walk(folder))
            raise FileNotFoundError(
                f'no images in "{folder}" (searched recursively for {", ".join(self.suffixes)}; '
                f'{others} other files): point data_root of {type(self).__name__} to your images, '
                f'for example with --cfg-options {_KEY}, or extend `suffixes`')
        self._check_masks_apart(names)
        return names

    def _check_masks_apart(self, names: list[str]) -> None:
        loaders = [t for t in self.pipeline.transforms if isinstance(t, LoadForegroundMask)]
        found = {osp.abspath(self._path(name)) for name in names} if loaders else set()
        for loader in loaders:
            for name in names:
                mask = loader.find(dict(img_path=self._path(name)))
                if mask is not None and osp.abspath(mask) in found:
                    raise ValueError(
                        f'{mask}, the mask of {self._path(name)}, lies in "{self._folder}", all of '
                        f'which {type(self).__name__} takes for images. Put images and masks '
                        'beside each other: data_root=DATA/images/ and, in LoadForegroundMask, '
                        "folder='../masks', as `udapose make-masks` DATA/images --out DATA/masks "
                        'writes them')

    def _check_headers(self, names: list[str]) -> dict | None:
        if self.verify == 'none':
            return None
        sizes, problems = read_image_sizes([self._path(n) for n in names], self.num_threads)
        if problems:
            shown = '; '.join(f'{p} ({why})' for p, why in list(problems.items())[:_NUM_SHOWN])
            message = (f'{len(problems)} of {len(names)} images cannot be read: {shown}'
                       + ('; ...' if len(problems) > _NUM_SHOWN else ''))
            if self.on_unreadable == 'error' or not sizes:
                raise OSError(f"{message}. Replace or remove them, or set on_unreadable='skip' to "
                              'leave them out')
            MMLogger.get_current_instance().warning(f'Left out: {message}')
        return sizes

    def _check_match(self, names: list[str], boxes: dict) -> None:
        foreign = sorted(boxes.keys() - set(names))
        path = self._box_path or self.ann_file
        if len(foreign) == len(boxes):
            raise ValueError(
                f'none of the {len(boxes)} images with boxes in {path} is among the {len(names)} '
                f'images of "{self._folder}" (for example "{foreign[0]}", but the images are '
                f'called like "{names[0]}"): names must be relative to data_root + data_prefix.img')
        if foreign:
            MMLogger.get_current_instance().warning(
                f'{path} has boxes for {len(foreign)} images that are not in the data set, for '
                f'example "{foreign[0]}"')

    def _report(self, num_images: int, counts: dict, instances: list) -> None:
        message = f'{type(self).__name__}: {len(instances)} instances in {num_images} images of ' \
                  f'"{self._folder}"'
        if counts['without']:
            done = 'left out' if self.images_without_box == 'skip' else 'used as a whole'
            message += f'; {counts["without"]} images without a box were {done}'
        if counts['degenerate']:
            message += f'; {counts["degenerate"]} boxes outside of their image or thinner than ' \
                       'a pixel were left out'
        if not instances:
            raise ValueError(f'{message}: nothing remains. Check {self._box_path or self.ann_file}')
        MMLogger.get_current_instance().info(message)


def _whole(size: tuple[int, int] | None) -> np.ndarray | None:
    return None if size is None else np.array([0, 0, *size], np.float32)


def _clip(box: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    return box if size is None else np.clip(box, 0, np.array([*size, *size], np.float32))
