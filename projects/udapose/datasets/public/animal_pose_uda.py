"""AnimalPose in the split of the domain adaptation benchmarks (Cao et al., ICCV 2019)."""
from __future__ import annotations

import os.path as osp
import random
from collections.abc import Iterable

import numpy as np
from mmpose.registry import DATASETS

from ...joint_sets import JOINT_SETS, map_joints
from ..json_files import load_json
from .animals import SPECIES_IDS, PublicAnimalDataset, hourglass_box, load_object_array

_IDS = {SPECIES_IDS[name]: name for name in ('dog', 'cat', 'sheep', 'horse', 'cow')}
_PREFIXES = dict(do='dog', ca='cat', sh='sheep', ho='horse', co='cow')
_LEAST_INSIDE = 0.8


@DATASETS.register_module()
class AnimalPoseUDADataset(PublicAnimalDataset):
    """Dogs and sheep of AnimalPose with 14 joints; see ``docs/data_animals.md``.

    The box is the annotated one, as a square (:func:`hourglass_box`).

    - ``'published'``: the published split per *instance* (80/20 per species), in which images of
      several animals occur in both parts. Without its files a shuffle with seed 42 takes its place.
    - ``'clean'``: the same test set; training instances whose image is also in the test set (of any
      of the chosen species) are left out.

    MMPose's json of the data set can be read, too: other order of joints, boxes xywh. It does not
    tell the species; only names such as ``ca110.jpeg`` do, so images with other names (PASCAL VOC)
    are left out unless ``species`` contains ``'unknown'``.

    Args:
        ann_file (str): Below ``data_root``. Defaults to ``'animal-pose/keypoints.json'``.
        img_prefix (str): Folder of the images. Defaults to ``'animal-pose/images'``.
        *args, **kwargs: Those of :class:`PublicAnimalDataset`.

    Raises:
        ValueError: Another structure, annotations without image, boxes that are not xyxy.
    """

    JOINT_SET = 'animal14'
    METAINFO = JOINT_SETS['animal14'].metainfo(
        'animalpose_uda', title='Cross-Domain Adaptation for Animal Pose Estimation',
        author='Cao, Jinkun and Tang, Hongyang and Fang, Hao-Shu and Shen, Xiaoyong and '
               'Lu, Cewu and Tai, Yu-Wing', container='ICCV', year='2019',
        homepage='https://sites.google.com/view/animal-pose/')
    PROTOCOLS = ('published', 'clean')
    SPECIES = (*_IDS.values(), 'unknown')
    DEFAULT_SPECIES = ('dog', 'sheep')
    TREE = '''data_root/
  animal-pose/keypoints.json
  animal-pose/images/*
  cached_data/real_animal_pose/<animal>/train_anno.npy, test_anno.npy
                                            (published split; also found beside data_root)'''

    def __init__(self, *args, ann_file: str = 'animal-pose/keypoints.json',
                 img_prefix: str = 'animal-pose/images', **kwargs) -> None:
        self.ann_file_name, self.img_prefix = ann_file, img_prefix
        super().__init__(*args, **kwargs)

    def load_instances(self) -> Iterable[dict]:
        """The instances, species by species, in the order of the split."""
        path = self.require(self.ann_file_name)
        images, annotations, mmpose = self._read(path)
        self._check_images(annotations, images)
        by_species: dict[str, list[dict]] = {name: [] for name in self.SPECIES}
        for ann in annotations:
            by_species[self._species_of(ann, images, mmpose)].append(ann)
        if mmpose and 'unknown' not in self.species and by_species['unknown']:
            self.count('instances of unknown species, left out', len(by_species['unknown']))
        parts = {name: self._split(name, by_species[name], mmpose) for name in self.species}
        for train, test in parts.values():
            self._check_images([*train, *test], images)
        tested = {str(ann['image_id']) for _, test in parts.values() for ann in test}
        for species, (train, test) in parts.items():
            if not train and not test:
                raise ValueError(f'{self._name()}: {path} has no instance of {species}')
            chosen = test if self.split == 'test' else train
            if self.protocol == 'clean' and self.split == 'train':
                chosen = [ann for ann in train if str(ann['image_id']) not in tested]
                self.count(f'training instances of {species} on images of the test set, left out',
                           len(train) - len(chosen))
            if chosen:
                yield from self._instances(path, species, chosen, images, mmpose)

    def _instances(self, path, species, chosen, images, mmpose) -> Iterable[dict]:
        mapping = 'animalpose_mmpose' if mmpose else 'animalpose'
        try:
            raw = np.array([a['keypoints'] for a in chosen], np.float64).reshape(-1, 20, 3)
            boxes = np.array([a['bbox'] for a in chosen], np.float64).reshape(-1, 4)
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f'{path}: annotations of {species} need 20 keypoints (x, y, v) and a '
                             f'bbox of 4 numbers ({type(error).__name__}: {error})') from None
        if mmpose:
            boxes[:, 2:] += boxes[:, :2]
        self._check_boxes(path, raw, boxes)
        points, flags = map_joints(mapping, raw[..., :2], raw[..., 2])
        paths = [self.path(self.img_prefix, images[str(a['image_id'])]) for a in chosen]
        sizes = self.image_sizes(paths)
        for file, xy, seen, box in zip(paths, points, flags, hourglass_box(boxes)):
            if file in sizes:
                yield dict(self.common(species), img_path=file, keypoints=xy,
                           keypoints_visible=(seen > 0).astype(np.float32), bbox=box,
                           image_size=sizes[file])

    def common(self, species: str) -> dict:
        """Keys of an instance that tell its species; 0 for unknown."""
        return dict(species=species, category_id=SPECIES_IDS.get(species, 0))

    @staticmethod
    def _read(path: str) -> tuple[dict[str, str], list[dict], bool]:
        """Image names by id, annotations, and whether the file is MMPose's."""
        content = load_json(path)
        try:
            images, annotations = content['images'], content['annotations']
            mmpose = isinstance(images, list)
            names = {str(i['id']): i['file_name'] for i in images} if mmpose else \
                {str(key): name for key, name in images.items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f'{path} is no json with images and annotations of AnimalPose '
                             f'({type(error).__name__}: {error})') from None
        return names, annotations, mmpose

    @staticmethod
    def _species_of(ann: dict, images: dict[str, str], mmpose: bool) -> str:
        if not mmpose:
            return _IDS.get(ann['category_id'], 'unknown')
        name = osp.splitext(osp.basename(images[str(ann['image_id'])]))[0]
        return _PREFIXES.get(name[:2], 'unknown') if name[2:].isdigit() else 'unknown'

    def _split(self, species: str, annotations: list[dict], mmpose: bool
               ) -> tuple[list[dict], list[dict]]:
        files = None if mmpose or species == 'unknown' else self.cached_files(
            f'real_animal_pose/{species}', 'train_anno.npy', 'test_anno.npy')
        if files is None:
            order = list(annotations)
            random.Random(42).shuffle(order)
            cut = int(0.8 * len(order))
            return order[:cut], order[cut:]
        train, test = (load_object_array(file) for file in files)
        return train, test

    def _check_boxes(self, path: str, raw: np.ndarray, boxes: np.ndarray) -> None:
        # boxes without area are left out and counted later; negative sides speak of xywh
        seen = (raw[..., 2] > 0) & (boxes[:, 2:] != boxes[:, :2]).all(-1)[:, None]
        inside = ((raw[..., :2] >= boxes[:, None, :2]) & (raw[..., :2] <= boxes[:, None, 2:])) \
            .all(-1)
        if seen.any() and inside[seen].mean() < _LEAST_INSIDE:
            raise ValueError(
                f'{path}: only {inside[seen].mean():.0%} of the labelled joints lie inside of '
                'their box: the boxes must be xyxy in the official json, xywh in MMPose\'s')

    def _check_images(self, annotations: list[dict], images: dict[str, str]) -> None:
        lost = [str(a.get('image_id')) for a in annotations
                if str(a.get('image_id')) not in images]
        if lost:
            raise ValueError(
                f'{self._name()}: {len(lost)} annotations belong to images that '
                f'{self.ann_file_name} does not list, such as {[*dict.fromkeys(lost)][:5]}: the '
                'json is incomplete, or the split files belong to another version')
