"""A labelled source and an unlabelled target behind one index."""
from __future__ import annotations

import os.path as osp
from copy import deepcopy
from json import JSONDecodeError

from mmengine.dataset import Compose
from mmpose.datasets.datasets import BaseCocoStyleDataset
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.datasets.transforms import KeypointConverter, PackPoseInputs
from mmpose.registry import DATASETS
from torch.utils.data import Dataset

from ..config_types import is_kind
from .coco_files import why_mmpose_fails
from .transforms.views import ForkViews, PackBranches
from .wrappers import inner_configs, inner_datasets


@DATASETS.register_module()
class TwoDomainDataset(Dataset):
    """Concatenation of a source and a target data set, each with its own pipeline.

    Indices ``[0, num_source)`` are the source, ``[num_source, num_source + num_target)`` the
    target. Draw batches with :class:`TwoDomainSampler`. Both must predict the same keypoints in
    the same order; a set with other keypoints is converted with MMPose's own means, a
    ``CombinedDataset`` around it::

        source=dict(type='CombinedDataset', metainfo=dict(from_file='.../lsp14.py'),
                    datasets=[dict(type='CocoDataset', ..., pipeline=[
                        dict(type='KeypointConverter', num_keypoints=14, mapping=[(16, 0), ...])])],
                    pipeline=source_pipeline)

    Args:
        source (dict): Config of the labelled data set.
        target (dict): Config of the target data set, for example :class:`UnlabeledPoseDataset`.
        metainfo (dict, optional): MMPose's description of the keypoints that both deliver; becomes
            ``dataset_meta`` of the checkpoints. Defaults to the source's.
        lazy_init (bool): Load the annotations at the first use. Defaults to ``False``.

    Raises:
        ValueError: Source and target have different keypoints, or one of them is empty, or only one
            of them packs its samples by branch.
    """

    def __init__(self, source: dict, target: dict, metainfo: dict | None = None,
                 lazy_init: bool = False) -> None:
        self.source, self.target = (
            part if isinstance(part, Dataset) else _build(name, part)
            for name, part in (('source', source), ('target', target)))
        self._metainfo = (self.source.metainfo if metainfo is None
                          else parse_pose_metainfo(deepcopy(metainfo)))
        self._fully_initialized = False
        for name, part in self._parts:
            _check_no_direct_conversion(name, part)
        _check_packing(self._parts)
        if metainfo is not None:
            for name, part in self._parts:
                _check_same_keypoints('metainfo', self._metainfo, name, part.metainfo)
        _check_same_keypoints('source', self.source.metainfo, 'target', self.target.metainfo)
        if not lazy_init:
            self.full_init()

    @property
    def _parts(self) -> tuple:
        return ('source', self.source), ('target', self.target)

    @property
    def metainfo(self) -> dict:
        """dict: MMPose's parsed description of the keypoints (a copy)."""
        return deepcopy(self._metainfo)

    @property
    def num_source(self) -> int:
        """int: Number of source instances."""
        return len(self.source)

    @property
    def num_target(self) -> int:
        """int: Number of target instances."""
        return len(self.target)

    @property
    def pipeline(self):
        """There is none (AttributeError): each domain has its own."""
        raise AttributeError('a TwoDomainDataset has no pipeline of its own, its source and target '
                             'have')

    @pipeline.setter
    def pipeline(self, value) -> None:
        raise AttributeError(
            'a TwoDomainDataset has no pipeline that could be exchanged (as PipelineSwitchHook '
            "does), its source and target have their own: take such a hook out of custom_hooks")

    def full_init(self) -> None:
        """Load the annotations of both domains and check that none is empty."""
        if self._fully_initialized:
            return
        for name, part in self._parts:
            if hasattr(part, 'full_init'):
                part.full_init()
            if len(part) == 0:
                raise _empty(name, _describe(part))
        self._fully_initialized = True

    def _locate(self, idx: int) -> tuple[Dataset, int]:
        if not -len(self) <= idx < len(self):
            raise IndexError(f'index {idx} is out of range for {len(self)} instances')
        idx %= len(self)
        if idx < self.num_source:
            return self.source, idx
        return self.target, idx - self.num_source

    def get_data_info(self, idx: int) -> dict:
        """The annotation (dict) of an instance before the pipeline."""
        part, local = self._locate(idx)
        return part.get_data_info(local)

    def __len__(self) -> int:
        return self.num_source + self.num_target

    def __getitem__(self, idx: int) -> dict:
        """The result of the domain's own pipeline."""
        if not self._fully_initialized:
            self.full_init()
        part, local = self._locate(idx)
        return part[local]

    def __repr__(self) -> str:
        return f'{type(self).__name__}(source={_describe(self.source)}, ' \
               f'target={_describe(self.target)}, lengths=({self.num_source}, {self.num_target}))'


def _build(name: str, cfg: dict) -> Dataset:
    try:
        return DATASETS.build(cfg)
    except ValueError as error:
        # what MMEngine's serialization of an empty annotation list says
        if 'at least one array to concatenate' not in str(error):
            if isinstance(error, (JSONDecodeError, UnicodeDecodeError)):
                _explain(name, cfg, error)
            raise
        inner = next(inner_configs(cfg))
        where = ' '.join(str(inner[k]) for k in ('data_root', 'ann_file') if inner.get(k))
        raise _empty(name, f'{inner.get("type")} ({where})') from None
    except (TypeError, KeyError) as error:  # of MMPose's, on ids that it does not expect
        _explain(name, cfg, error)
        raise


def _explain(name: str, cfg: dict, error: Exception) -> None:
    """Say what is wrong with an annotation file that MMPose's data sets cannot read."""
    reason = annotation_fault(cfg)
    if reason:
        raise ValueError(f'the {name} data set: {reason}') from error


def annotation_fault(cfg: dict) -> str:
    """What keeps MMPose's data sets from reading an annotation file.

    Args:
        cfg (dict): Of a data set or a wrapper.

    Returns:
        str: A sentence with the remedy; empty if nothing is known to.
    """
    for inner in inner_configs(cfg):
        ann_file = str(inner.get('ann_file') or '')
        path = osp.join(str(inner.get('data_root') or ''), ann_file)
        coco = is_kind(inner, DATASETS, BaseCocoStyleDataset)
        if coco and ann_file.endswith('.json') and osp.isfile(path):
            reason = why_mmpose_fails(path)
            if reason:
                return reason
    return ''


def _empty(name: str, description: str) -> ValueError:
    return ValueError(
        f'the {name} data set {description} has no instances (MMPose leaves out those without '
        'labelled keypoints or with an empty box): check '
        f'train_dataloader.dataset.{name}.ann_file and .data_root')


def _describe(part: Dataset) -> str:
    name = part.metainfo.get('dataset_name', type(part).__name__)
    where = getattr(part, 'ann_file', '') or getattr(part, 'data_root', '')
    return f'"{name}"' + (f' ({where})' if where else '')


def _check_no_direct_conversion(name: str, part: Dataset) -> None:
    pipelines = [getattr(inner, 'pipeline', None) for inner in inner_datasets(part)]
    if any(isinstance(t, KeypointConverter) for pipeline in pipelines
           if isinstance(pipeline, Compose) for t in pipeline.transforms):
        raise ValueError(
            f'KeypointConverter in the {name} pipeline itself leaves flip_indices and the other '
            'descriptions of the keypoints as they were before: wrap the data set, '
            f"{name}=dict(type='CombinedDataset', metainfo=<the new keypoints>, datasets=[dict("
            "..., pipeline=[dict(type='KeypointConverter', ...)])], pipeline=<the rest>)")


def _check_packing(parts: tuple) -> None:
    """One domain by branch, the other plain: MMEngine's collate function fails on such batches."""
    ends = {}
    for name, part in parts:
        pipeline = getattr(inner_datasets(part)[0], 'pipeline', None)
        last = next(reversed(pipeline.transforms), None) if isinstance(pipeline, Compose) else None
        if isinstance(last, (PackPoseInputs, ForkViews)):
            ends[name] = last
    if len({isinstance(step, (PackBranches, ForkViews)) for step in ends.values()}) > 1:
        found = ' and '.join(f'the {name} pipeline with {type(step).__name__}'
                             for name, step in ends.items())
        raise ValueError(
            f'{found} cannot share a batch, for one packs its samples by branch and the other does '
            "not: end the source's with dict(type='PackBranches', branch='source') and the "
            "target's with ForkViews (docs/data.md)")


def _check_same_keypoints(name_a: str, a: dict, name_b: str, b: dict) -> None:
    names = []
    for meta in (a, b):
        ids = meta.get('keypoint_id2name', {})
        names.append([ids[i] for i in sorted(ids)])
    if names[0] == names[1]:
        return
    titles = [f'{role} "{meta.get("dataset_name", "?")}"'
              for role, meta in ((name_a, a), (name_b, b))]
    if sorted(names[0]) == sorted(names[1]):
        i = next(i for i, (x, y) in enumerate(zip(*names, strict=True)) if x != y)
        difference = f'in another order (keypoint {i} is {names[0][i]} / {names[1][i]})'
    else:
        counts = ' / '.join(str(len(n)) for n in names)
        only = [[n for n in names[i] if n not in names[1 - i]] for i in (0, 1)]
        difference = f'{counts} keypoints' + ''.join(
            f'; only in {title}: {_shorten(extra)}'
            for title, extra in zip(titles, only, strict=True) if extra)
    raise ValueError(
        f'{titles[0]} and {titles[1]} have different keypoints: {difference}. Give both the same '
        'keypoints: set the unlabelled set\'s metainfo to the other\'s, or convert a labelled set '
        'with a CombinedDataset and KeypointConverter (see docs/data.md)')


def _shorten(names: list, limit: int = 6) -> str:
    return ', '.join(names[:limit]) + (f', ... ({len(names)})' if len(names) > limit else '')
