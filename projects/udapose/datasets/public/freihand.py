"""FreiHAND (Zimmermann et al., 2019)."""
from __future__ import annotations

import os.path as osp
from collections.abc import Iterable, Sequence

import numpy as np
from mmpose.registry import DATASETS

from ...codecs.camera_geometry import project
from ...joint_sets import JOINT_SETS
from ..json_files import load_json
from .crops import split_by_shuffle
from .hand_base import PublicHandDataset

_SIZE = (224, 224)
#: How the background was treated; version k of capture i is image i + k * number of captures.
VERSIONS = ('gs', 'hom', 'sample', 'auto')
# The published split shuffles the versions in this order, which is not that of the files.
_SHUFFLED = ('gs', 'auto', 'sample', 'hom')


@DATASETS.register_module()
class FreiHANDDataset(PublicHandDataset):
    """FreiHAND with 3D joints (mm) and the hands' masks; v1 and v2 have the same format.

    The original hands are right ones. Masks exist once per capture and serve all its versions,
    which differ in what is behind the hand.

    Args:
        data_root (str): The folder of ``training_K.json``.
        split (str): ``'train'`` or ``'test'``, both from the training folder, or ``'evaluation'``,
            the official one (its labels came with a later release than its images).
        protocol (str, optional): ``'published'``: the shuffle of all images, min(20 %, 3200) for
            testing, by which versions of one capture fall on both sides; ``'clean'`` shuffles
            captures (at most 800 for testing), all versions of a capture on one side. It still
            separates neither subjects nor the views of one moment, which the files do not tell.
        versions (Sequence[str]): Which of ``'gs'`` (green screen), ``'hom'``, ``'sample'``,
            ``'auto'``. Defaults to all. The evaluation folder has one version.
        **kwargs: Those of :class:`PublicHandDataset`, for example ``hand``.

    Raises:
        ValueError: Unknown version; annotation files of different lengths.
    """

    METAINFO = JOINT_SETS['hand21'].metainfo(
        'freihand', title='FreiHAND: A Dataset for Markerless Capture of Hand Pose and Shape from '
        'Single RGB Images', author='Zimmermann, Christian and others', container='ICCV',
        year='2019', homepage='https://lmb.informatik.uni-freiburg.de/projects/freihand/')
    SPLITS = ('train', 'test', 'evaluation')
    PROTOCOLS = ('published', 'clean')
    TREE = ('FreiHAND_pub_v2/\n'
            '  training_K.json    training_xyz.json    training/rgb/00000000.jpg ... (4 versions)\n'
            '                                          training/mask/00000000.jpg ... (once each)\n'
            '  evaluation_K.json  evaluation_xyz.json  evaluation/rgb/00000000.jpg ...')

    def __init__(self, data_root: str, *args, versions: Sequence[str] = VERSIONS, **kwargs) -> None:
        versions = (versions, ) if isinstance(versions, str) else tuple(versions)
        unknown = [v for v in versions if v not in VERSIONS]
        if unknown or not versions:
            raise ValueError(f'FreiHANDDataset: versions={versions} should be some of '
                             f'{VERSIONS}')
        self.versions = versions
        super().__init__(data_root, *args, **kwargs)

    def load_instances(self) -> Iterable[dict]:
        """See the base class."""
        folder = 'evaluation' if self.split == 'evaluation' else 'training'
        matrices, xyz = (self._read(folder, key, shape)
                         for key, shape in (('K', (3, 3)), ('xyz', (21, 3))))
        if len(matrices) != len(xyz):
            raise ValueError(
                f'{self._name()}: {folder}_K.json has {len(matrices)} entries, {folder}_xyz.json '
                f'{len(xyz)}: they are of different releases')
        captures = len(xyz)
        if folder == 'evaluation':
            chosen = np.arange(captures)
        else:
            chosen = self._chosen(captures)
        capture = chosen % captures
        with np.errstate(divide='ignore', invalid='ignore'):
            points = project(xyz, matrices)[capture]
        mask = osp.isdir(self.path(folder, 'mask'))
        yield from self.instances(
            [self.path(folder, 'rgb', f'{i:08d}.jpg') for i in chosen], points, False, _SIZE,
            cam=xyz[capture] * 1000, intrinsics=matrices[capture],
            mask_path=[self.path(folder, 'mask', f'{i:08d}.jpg') if mask else None
                       for i in capture],
            capture=capture.tolist(),
            background=[VERSIONS[i] if folder == 'training' else 'evaluation'
                        for i in chosen // captures])

    def _chosen(self, captures: int) -> np.ndarray:
        """Numbers of the split's images, in its order."""
        wanted = [v for v in _SHUFFLED if v in self.versions]
        starts = [VERSIONS.index(v) * captures for v in wanted]
        if self.protocol == 'published':
            test, train = split_by_shuffle([s + i for s in starts for i in range(captures)])
        else:
            test, train = ([s + i for s in starts for i in part] for part in
                           split_by_shuffle(range(captures), num_test=800))
        return np.array(test if self.split == 'test' else train, int)

    def _read(self, folder: str, key: str, shape: tuple) -> np.ndarray:
        path = self.require(f'{folder}_{key}.json')
        content = load_json(path)
        try:
            values = np.array(content, np.float64)
        except ValueError as error:
            raise ValueError(f'{path} has entries of different lengths: {error}') from None
        if values.shape[1:] != shape:
            raise ValueError(f'{path}: entries should be {shape}, the file is {values.shape}')
        return values
