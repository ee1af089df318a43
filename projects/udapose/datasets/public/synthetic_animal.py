"""SyntheticAnimal: the rendered animals of CC-SSL (Mu et al., CVPR 2020)."""
from __future__ import annotations

import os
import os.path as osp
from collections.abc import Iterable

import numpy as np
from mmpose.registry import DATASETS

from ...joint_sets import JOINT_SETS
from ..image_headers import read_image_size
from ..json_files import load_json
from .animals import PublicAnimalDataset, hourglass_box
from .crops import split_by_shuffle

_SIZE = (640, 480)
_INFO = dict(title='Learning from Synthetic Animals', container='CVPR', year='2020',
             author='Mu, Jiteng and Qiu, Weichao and Hager, Gregory D and Yuille, Alan L',
             homepage='https://www.cs.jhu.edu/~qiuwch/animal/')
#: Vertices of the meshes that are the joints, in the order of the joint set
VERTICES = dict(
    animal18=dict(
        horse=(1718, 1684, 1271, 1634, 1650, 1643, 1659, 925, 392, 564, 993, 726, 1585, 1556, 427,
               1548, 967, 877),
        tiger=(2753, 2679, 2032, 1451, 1287, 3085, 1632, 229, 1441, 1280, 2201, 1662, 266, 158,
               270, 152, 219, 129)),
    animal14=dict(
        hound=(2028, 2580, 878, 977, 1541, 1734, 799, 1575, 1446, 602, 780, 1580, 466, 631),
        sheep=(2046, 1944, 1875, 1900, 1868, 1894, 173, 1829, 1422, 821, 622, 575, 1370, 716)))


@DATASETS.register_module()
class SyntheticAnimalDataset(PublicAnimalDataset):
    """Rendered horses and tigers with TigDog's 18 joints; see ``docs/data_animals.md``.

    Joints are vertices of a mesh. All of them count as labelled, occluded ones too (as published),
    unless they lie outside of the 640 x 480 image. The box is the extent of *all* vertices, clipped
    to the image, as a square (:func:`hourglass_box`). Split: 8000 training and 2000 test images per
    species from the published index files; without them, 20 % (at most 2000) after a shuffle with
    seed 42 are the test set.

    Args:
        annotations (str): ``'clean'``: ``clean_data/keypoints_18.json`` of the published code
            (``udapose convert synthetic-animal`` writes it); ``'mesh'``: the
            original ``*_kpts.npy``, tens of thousands of files; ``'auto'``: the first that exists.
            Defaults to ``'auto'``.
        *args, **kwargs: Those of :class:`PublicAnimalDataset`.

    Raises:
        FileNotFoundError: Images without ``*_kpts.npy`` or the other way round.
        ValueError: Lists of different lengths, meshes of another kind, resized images.
    """

    JOINT_SET = 'animal18'
    METAINFO = JOINT_SETS['animal18'].metainfo('synthetic_animal', **_INFO)
    SPECIES = DEFAULT_SPECIES = ('horse', 'tiger')
    TREE = '''data_root/
  synthetic_animal/<animal>_combineds5r5_texture/*_img.png, *_kpts.npy
  clean_data/keypoints_18.json, keypoints_14.json                      (optional)
  cached_data/synthetic_animal/<animal>_combineds5r5_texture/train_idxs.npy, valid_idxs.npy
                                            (published split; also found beside data_root)'''

    def __init__(self, *args, annotations: str = 'auto', **kwargs) -> None:
        if annotations not in ('auto', 'clean', 'mesh'):
            raise ValueError(f'{type(self).__name__}: annotations={annotations!r} is not one of '
                             "('auto', 'clean', 'mesh')")
        self.annotations = annotations
        super().__init__(*args, **kwargs)

    def load_instances(self) -> Iterable[dict]:
        """The instances, species by species, in the order of the index files."""
        file = 'clean_data', f'keypoints_{len(self.joint_set().names)}.json'
        clean = {}
        if self.annotations == 'clean' or \
                self.annotations == 'auto' and osp.exists(self.path(*file)):
            clean = load_json(self.require(*file))
        for species in self.species:
            folder = self.require('synthetic_animal', f'{species}_combineds5r5_texture')
            names, points, boxes = self._from_clean(clean, species, file) if clean else \
                self._from_meshes(folder, species)
            yield from self._instances(species, folder, names, points, boxes)

    def _instances(self, species, folder, names, points, boxes) -> Iterable[dict]:
        inside = ~((points < 0) | (points > np.array(_SIZE))).any(-1)
        boxes = hourglass_box(np.clip(boxes, 0, [*_SIZE, *_SIZE]))
        self._check_size(osp.join(folder, names[0]))
        self.count('joints outside of their image, unlabelled as published',
                   int((~inside).sum()))
        for name, xy, flags, box in zip(names, points, inside, boxes):
            yield dict(self.common(species), img_path=osp.join(folder, name), keypoints=xy,
                       keypoints_visible=flags.astype(np.float32), bbox=box, image_size=_SIZE)

    def _check_size(self, path: str) -> None:
        size = read_image_size(path) if osp.exists(path) else _SIZE
        if size != _SIZE:
            raise ValueError(f'{self._name()}: {path} is {size[0]}x{size[1]}, but the annotations '
                             'are those of 640x480 images: use the original images')

    def _from_clean(self, clean: dict, species: str, file: tuple[str, str]):
        where = self.path(*file)
        entry = clean.get(species)
        if entry is None:
            raise ValueError(f'{where} has no {species!r}, only {sorted(clean)}: write it again '
                             'with `udapose convert synthetic-animal`')
        lengths = {key: len(entry[key]) for key in ('imgpath', 'keypoints', 'bbox')}
        if len(set(lengths.values())) > 1:
            raise ValueError(f'{where}: the lists of {species!r} have different lengths {lengths}')
        points = np.array(entry['keypoints'], np.float64)
        joints = len(self.joint_set().names)
        if points.shape[1:] != (joints, 3):
            raise ValueError(f'{where}: keypoints of {species!r} have shape {points.shape}, '
                             f'expected (N, {joints}, 3)')
        if {'train_idxs', 'valid_idxs'} <= set(entry):
            split = self.check_indices(entry['train_idxs'], entry['valid_idxs'], len(points), where)
            chosen = split[self.split == 'test']
        else:
            chosen = self._split(species, len(points))
        names = [osp.basename(path) for path in entry['imgpath']]
        boxes = np.array(entry['bbox'], np.float64)[chosen][:, [0, 2, 1, 3]]
        return [names[i] for i in chosen], points[chosen, :, :2], boxes

    def _from_meshes(self, folder: str, species: str):
        names = list_pairs(folder, self._name())
        chosen = self._split(species, len(names))
        names = [names[i] for i in chosen]
        points, boxes = read_meshes(folder, names, VERTICES[self.JOINT_SET][species])
        return names, points[..., :2], boxes[:, [0, 2, 1, 3]]

    def _split(self, species: str, count: int) -> np.ndarray:
        files = self.cached_files(f'synthetic_animal/{species}_combineds5r5_texture',
                                  'train_idxs.npy', 'valid_idxs.npy')
        if files is None:
            test, train = split_by_shuffle(range(count), 2000)
        else:
            train, test = self.cached_indices(files, count)
        return np.asarray(test if self.split == 'test' else train, int)


@DATASETS.register_module()
class SyntheticAnimal14Dataset(SyntheticAnimalDataset):
    """Rendered hounds and sheep with AnimalPose's 14 joints; see :class:`SyntheticAnimalDataset`.

    Its annotations are ``clean_data/keypoints_14.json`` or the meshes.
    """

    JOINT_SET = 'animal14'
    METAINFO = JOINT_SETS['animal14'].metainfo('synthetic_animal14', **_INFO)
    SPECIES = DEFAULT_SPECIES = ('hound', 'sheep')


def list_pairs(folder: str, who: str = '') -> list[str]:
    """Names of the images of a folder, sorted: the base of the published indices.

    Raises:
        FileNotFoundError: No images, or images and ``*_kpts.npy`` that do not belong together.
    """
    files = os.listdir(folder)
    stems = [{name[:-len(end)] for name in files if name.endswith(end)}
             for end in ('img.png', 'kpts.npy')]
    if not stems[0] or stems[0] != stems[1]:
        shown = ', '.join(sorted(stems[0] ^ stems[1])[:5])
        raise FileNotFoundError(
            f'{who}: {folder} holds {len(stems[0])} *img.png and {len(stems[1])} *kpts.npy, of '
            f'which {len(stems[0] ^ stems[1])} have no counterpart ({shown}): extract the archive '
            'completely')
    return [f'{stem}img.png' for stem in sorted(stems[0])]


def read_meshes(folder: str, names: list[str], vertices: tuple[int, ...]
                ) -> tuple[np.ndarray, np.ndarray]:
    """Read ``*_kpts.npy`` files.

    Args:
        folder (str): Of the images.
        names (list[str]): Images of N meshes.
        vertices (tuple[int]): The J vertices that are joints.

    Returns:
        tuple:
        - points (np.ndarray): (N, J, 3) float64; x, y in pixels and the renderer's visibility.
        - boxes (np.ndarray): (N, 4) float64, x_min, x_max, y_min, y_max of all vertices, pixels.

    Raises:
        ValueError: A file that is no mesh with these vertices.
    """
    points = np.empty((len(names), len(vertices), 3))
    boxes = np.empty((len(names), 4))
    index = list(vertices)
    for n, name in enumerate(names):
        path = osp.join(folder, f'{name[:-len("img.png")]}kpts.npy')
        try:
            mesh = np.load(path)
        except (ValueError, EOFError, OSError) as error:
            raise ValueError(f'{path} is damaged ({error}): extract the archive again') from None
        if mesh.ndim != 2 or mesh.shape[1] != 3 or len(mesh) <= max(index):
            raise ValueError(f'{path} has shape {mesh.shape}, expected (more than {max(index)} '
                             'vertices, 3): not a mesh of this animal')
        points[n] = mesh[index]
        boxes[n, ::2], boxes[n, 1::2] = mesh[:, :2].min(0), mesh[:, :2].max(0)
    return points, boxes
