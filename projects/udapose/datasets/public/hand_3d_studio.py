"""Hand-3D-Studio (Zhao et al., 2020), the crops of the published benchmarks."""
from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from mmpose.registry import DATASETS

from ...joint_sets import JOINT_SETS
from ..json_files import load_json
from .crops import split_by_shuffle
from .hand_base import PublicHandDataset

_MM = dict(mm=1., cm=10., m=1000.)


@DATASETS.register_module()
class Hand3DStudioDataset(PublicHandDataset):
    """H3D as square crops with ``annotation.json``, the release of RegDA's authors.

    The crop is the box. The release does not tell left from right: all hands are taken as left
    ones, as in the published benchmarks, and ``hand='right'`` is refused.

    Args:
        data_root (str): ``H3D_crop``.
        split (str): ``'test'``: the first n = min(20 %, 3200) of the shuffled list; ``'train'``:
            all others; ``'val'``: the n after the test set, ``'train_val'``: those after them.
        protocol (str, optional): ``'published'``: shuffled images, so that neighbouring frames and
            views of one moment are on both sides; ``'clean'``: the last of the folders ``part*`` is
            the test set, the one before it val. Whether the parts share subjects is not documented.
        objects (str): ``'without'`` (hands alone, the published choice), ``'with'`` or ``'all'``.
        keypoints_3d (bool): Add the file's 3D joints. Neither their unit nor that they belong to
            the crops is documented; both are checked. Defaults to ``False``.
        unit (str): Of the file's 3D joints: ``'mm'`` (default), ``'cm'`` or ``'m'``.
        **kwargs: Those of :class:`PublicHandDataset`.

    Raises:
        ValueError: Unknown ``objects`` or ``unit``; an annotation file that is not H3D's; crops
            that are not square.
    """

    METAINFO = JOINT_SETS['hand21'].metainfo(
        'hand_3d_studio', title='Hand-3D-Studio: A New Multi-View System for 3D Hand '
        'Reconstruction', author='Zhao, Zhengyi and others', container='ICASSP', year='2020',
        homepage='https://www.yangangwang.com/papers/ZHAO-H3S-2020-02.html')
    SPLITS = ('train', 'test', 'train_val', 'val')
    PROTOCOLS = ('published', 'clean')
    TREE = 'H3D_crop/\n  annotation.json\n  part1/ ... part5/   the images that it names'

    def __init__(self, data_root: str, *args, objects: str = 'without', keypoints_3d: bool = False,
                 unit: str = 'mm', **kwargs) -> None:
        if objects not in ('without', 'with', 'all') or unit not in _MM:
            raise ValueError(f'Hand3DStudioDataset: objects={objects!r} should be without, with or '
                             f'all, unit={unit!r} one of {tuple(_MM)}')
        if kwargs.get('hand') == 'right':
            raise ValueError("Hand3DStudioDataset: hand='right' is not possible, the files do not "
                             'tell left from right; mirror the other domain with its hand argument')
        self.objects, self.keypoints_3d, self.unit = objects, keypoints_3d, unit
        super().__init__(data_root, *args, **kwargs)

    def load_instances(self) -> Iterable[dict]:
        """See the base class."""
        path = self.require('annotation.json')
        samples = load_json(path)
        try:
            alone = np.array([int(s['without_object']) for s in samples])
            names = [s['name'] for s in samples]
            points = np.array([s['keypoint2d'] for s in samples], np.float64).reshape(-1, 21, 2)
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f'{path} is not H3D\'s ({type(error).__name__}: {error}): it should be '
                'a list of name, keypoint2d (21, 2), keypoint3d, intrinsic_matrix and '
                'without_object') from None
        wanted = np.flatnonzero(alone == (self.objects == 'without')) \
            if self.objects != 'all' else np.arange(len(alone))
        chosen = self._chosen([int(i) for i in wanted], names)
        paths = [self.path(names[i]) for i in chosen]
        items = self.whole_images(
            paths, 'this reader takes the crops of H3D_crop, not the original photographs')
        cam = matrices = None
        if self.keypoints_3d and chosen:
            cam = np.array([samples[i]['keypoint3d'] for i in chosen], np.float64) * _MM[self.unit]
            matrices = np.array([samples[i]['intrinsic_matrix'] for i in chosen], np.float64)
            self.check_hands(cam)
            self.check_projection(points[chosen], cam, matrices, np.ones((len(chosen), 21)), paths)
        for n, item in items:
            instance = dict(
                item, keypoints=points[chosen[n]], keypoints_visible=np.ones(21),
                without_object=bool(alone[chosen[n]]))
            if cam is not None:
                instance.update(keypoints_cam=cam[n], intrinsics=matrices[n])
            yield instance

    def _chosen(self, wanted: list[int], names: list[str]) -> list[int]:
        if self.protocol == 'clean':
            folder = [names[i].replace('\\', '/').strip('/').split('/')[0] for i in wanted]
            parts = sorted(set(folder))
            if len(parts) < 3:
                raise ValueError(f"{self._name()}: protocol='clean' takes whole folders and needs "
                                 f'at least 3, annotation.json names {parts}')
            tests = dict(test=parts[-1:], val=parts[-2:-1], train=parts[:-1],
                         train_val=parts[:-2])[self.split]
            return [i for i, part in zip(wanted, folder) if part in tests]
        test, train = split_by_shuffle(wanted)
        return dict(test=test, train=train, val=train[:len(test)],
                    train_val=train[len(test):])[self.split]
