"""The config of a plain MMPose model from that of an adaptation."""
from __future__ import annotations

import copy
import os
from pathlib import Path

import mmpose
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.registry import Registry
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import DATASETS, KEYPOINT_CODECS, MODELS, TRANSFORMS

from .config_types import is_from, is_kind, resolve, written
from .models.pose_estimators.checkpoint_formats import SINGLE

# Models of ours with a stock equivalent, and their arguments that it lacks.
_STOCK_MODELS = {'AttentionViT': (
    'mmpretrain.VisionTransformer', ('attention_layers', 'position_init'),
    dict(out_type='featmap'))}  # whose default differs

# Transforms of ours that have a stock equivalent at inference, and the arguments that it takes
# (None: all of them). Without WholeImageBBox MMPose takes the caller's box or the whole image.
_STOCK_TRANSFORMS = {
    'LoadPoseImage': ('LoadImage', None), 'WholeImageBBox': (None, None),
    # a user's image has no camera: predictions are pixels and depths relative to the root
    'PackPose3DInputs': ('PackPoseInputs', ()),
    'RecordedTopdownAffine': ('TopdownAffine', ('input_size', 'use_udp'))}


def inner_model_config(cfg: Config) -> tuple[dict, str | None]:
    """The plain model's config as it was trained.

    Returns:
        tuple[dict, str | None]: The config; the wrapper's key that held it, None without wrapper.
    """
    model = cfg.model.to_dict()
    wrapped = next((key for key in ('pose_estimator', SINGLE) if key in model), None)
    return (model[wrapped] if wrapped else model), wrapped


def plain_model_config(cfg: Config) -> dict:
    """The ``model`` of the plain config: without student, teacher, and pre-trained weights.

    Raises:
        ValueError: The model is no pose estimator.
    """
    plain, wrapped = inner_model_config(cfg)
    if not plain.get('head'):
        raise ValueError(f'{plain.get("type")} has no head and predicts no poses, so there is '
                         'nothing to export: name the config of a pose model, or remove '
                         'ExportTeacherHook')
    if wrapped:
        # the outer one comes first, as in MeanTeacherPoseEstimator; MMEngine has two places for it
        outer = cfg.model.to_dict().get('data_preprocessor') or _dict(cfg.get('data_preprocessor'))
        if is_kind(outer, MODELS, 'MultiBranchDataPreprocessor'):
            outer = outer.get('data_preprocessor')
        if outer:
            plain['data_preprocessor'] = outer
        plain.setdefault('data_preprocessor', dict(type='PoseDataPreprocessor'))
    elif 'data_preprocessor' in cfg:  # MMEngine's other place for it
        plain.setdefault('data_preprocessor', cfg.data_preprocessor.to_dict())
    plain.pop('train_cfg', None)
    backbone = plain.get('backbone') or {}
    for ours, (stock, arguments, defaults) in _STOCK_MODELS.items():
        # a subclass may compute something else and stays what it is
        if 'type' in backbone and resolve(backbone['type'], MODELS) is MODELS.get(ours):
            plain['backbone'] = {**defaults, **{k: v for k, v in backbone.items()
                                                if k not in arguments}, 'type': stock}
    return _as_text(_without(plain, 'init_cfg'), MODELS, KEYPOINT_CODECS)


def _dict(node) -> dict:
    return node.to_dict() if hasattr(node, 'to_dict') else node or {}


def _without(node, key: str):
    if isinstance(node, dict):
        return {k: _without(v, key) for k, v in node.items() if k != key}
    return type(node)(_without(v, key) for v in node) if isinstance(node, (list, tuple)) else node


def _paths_as_text(node):
    """``pathlib.Path`` as text: a config file cannot hold one."""
    if isinstance(node, dict):
        return {k: _paths_as_text(v) for k, v in node.items()}
    if isinstance(node, (list, tuple)):
        return type(node)(_paths_as_text(v) for v in node)
    return os.fspath(node) if isinstance(node, os.PathLike) else node


def _as_text(node, *registries: Registry):
    """Every ``type`` as text, where pure Python configs have classes or dotted paths."""
    if isinstance(node, dict):
        node = {k: _as_text(v, *registries) for k, v in node.items()}
        kind = node.get('type')
        if kind is not None:
            names = [written(kind, registry) for registry in registries]
            node['type'] = min(names, key=lambda name: name.count('.'))
        return node
    if isinstance(node, (list, tuple)):
        return type(node)(_as_text(v, *registries) for v in node)
    return node


def plain_config(cfg: Config) -> Config:
    """A config for inference with stock MMPose, which needs no udapose.

    3D heads and their codec are udapose's: such a config imports it.

    The data set is that of ``test_dataloader`` (or else ``val_dataloader``), with the metainfo
    written out. Only its ``data_root`` and ``ann_file`` name files, which inference does not read.

    Args:
        cfg (Config): Of the adaptation (or of a plain training), of either style of MMEngine.

    Returns:
        Config: With ``model``, ``test_dataloader`` (stock transforms, whose box is the caller's or
        the whole image), ``test_evaluator`` and what ``MMPoseInferencer`` asks for.

    Raises:
        ValueError: The model has no head; the config has no data set to test on, or its pipeline
            holds a transform of udapose that is not for inference.
    """
    loader = cfg.get('test_dataloader') or cfg.get('val_dataloader')
    if not loader:
        raise ValueError('an export takes pipeline and joint names from test_dataloader or '
                         'val_dataloader, but the config has neither: keep one of them (its files '
                         'need not exist), or remove ExportTeacherHook')
    dataset = plain_dataset(_dict(loader['dataset']))
    model = plain_model_config(cfg)
    imports = (_dict(cfg.get('custom_imports')) or {}).get('imports') or ()
    imports = [name for name in ([imports] if isinstance(imports, str) else imports)
               if name.split('.')[0] != 'udapose']  # e.g. of the user's own backbone
    if _uses_udapose(model):
        imports.append('udapose')
    return Config(_paths_as_text(dict(
        default_scope='mmpose',
        visualizer=dict(type='PoseLocalVisualizer', name='visualizer'),  # MMPoseInferencer's
        default_hooks=dict(visualization=dict(  # what test.py --show-dir switches on
            type='PoseVisualizationHook', enable=False)),
        **(dict(custom_imports=dict(imports=imports)) if imports else {}),
        dataset_type=dataset['type'], data_mode='topdown', codec=model['head'].get('decoder'),
        model=model,
        test_dataloader=dict(batch_size=32, num_workers=0, dataset=dataset,
                             sampler=dict(type='DefaultSampler', shuffle=False)),
        test_evaluator=dict(type='PCKAccuracy', thr=0.05, norm_item='bbox'), test_cfg=dict())))


def _uses_udapose(node) -> bool:
    """Whether a part of a model's config is known to stock MMPose only with udapose imported."""
    if isinstance(node, dict):
        return any(is_from(node.get('type'), registry) for registry in (MODELS, KEYPOINT_CODECS)) \
            or any(map(_uses_udapose, node.values()))
    return isinstance(node, (list, tuple)) and any(map(_uses_udapose, node))


def plain_dataset(dataset: dict) -> dict:
    """A test data set with stock types, stock transforms and its metainfo written out.

    A ``CombinedDataset`` keeps its parts, but for those of a type that this MMPose does not have
    (releases lack the ``HalpeHandDataset`` of their own hand models), which is said. Of a wrapper
    without a pipeline of its own (``ConcatDataset``, ``RepeatDataset``) the first part is taken,
    and this is said.

    Args:
        dataset (dict): Config of the data set.

    Raises:
        ValueError: Nothing is known about its type; a transform is not for inference.
    """
    parts = dataset.get('datasets') or [dataset[k] for k in ('dataset',) if dataset.get(k)]
    if parts and not dataset.get('pipeline'):
        if len(parts) > 1:
            print_log(f'the export describes its input by the first of the {len(parts)} test sets '
                      f'in {dataset["type"]}', logger='current')
        return plain_dataset(parts[0])
    kind = resolve(dataset['type'], DATASETS)
    if kind is None:
        raise ValueError(f'the test data set is a {dataset["type"]}, which is not registered: '
                         'import its module with custom_imports')
    shared = dict(test_mode=True, pipeline=plain_pipeline(dataset.get('pipeline') or []),
                  metainfo=inlined_metainfo(dataset))
    if is_kind(dataset, DATASETS, 'CombinedDataset'):
        known = [part for part in parts if resolve(part['type'], DATASETS) is not None]
        if len(known) < len(parts):
            print_log(f'the export leaves out {len(parts) - len(known)} of the {len(parts)} test '
                      'sets, the types of which are not registered', logger='current')
        return dict(type='CombinedDataset', datasets=[plain_dataset(part) for part in known],
                    **shared)
    return dict(
        type='CocoDataset' if is_from(kind, DATASETS) else written(dataset['type'], DATASETS),
        data_mode='topdown', **{k: dataset[k] for k in ('data_root', 'bbox_file')
                                if dataset.get(k)},
        ann_file=dataset.get('ann_file', ''), data_prefix=dataset.get('data_prefix', dict(img='')),
        **shared)


def plain_pipeline(pipeline: list[dict]) -> list[dict]:
    """A test pipeline of stock transforms equivalent to one that uses udapose's."""
    plain = []
    for step in pipeline:
        name, arguments = written(step['type'], TRANSFORMS), None
        for ours, stock in _STOCK_TRANSFORMS.items():
            if resolve(step['type'], TRANSFORMS) is TRANSFORMS.get(ours):
                name, arguments = stock
        if name is None:
            continue
        if step.get('border', 'constant') != 'constant' or step.get('shear'):
            raise ValueError(f'the test pipeline holds {step}, but stock TopdownAffine fills its '
                             "border with zeros and does not shear: use border='constant' and no "
                             'shear in test_dataloader.dataset.pipeline')
        if is_from(name, TRANSFORMS):
            raise ValueError(f'the test pipeline holds {name}, which stock MMPose does not know: '
                             'remove it from test_dataloader.dataset.pipeline')
        plain.append(_as_text({
            **{k: v for k, v in step.items() if arguments is None or k in arguments},
            'type': name}, TRANSFORMS, KEYPOINT_CODECS))
    return plain


def inlined_metainfo(dataset: dict) -> dict:
    """A data set's metainfo as a dict instead of a path, so that it works on other machines.

    Args:
        dataset (dict): Config; without ``metainfo`` that of its class is taken.

    Raises:
        FileNotFoundError: It names a file that does not exist.
        ValueError: Neither the config nor the class says which joints there are.
    """
    metainfo = dataset.get('metainfo')
    if not metainfo:
        kind = resolve(dataset['type'], DATASETS)
        if hasattr(kind, '_check_subset_and_metainfo'):  # DeepFashion: by the subset's name
            kind._check_subset_and_metainfo(dataset.get('subset', ''))
        metainfo = kind.METAINFO
    if not metainfo:
        raise ValueError(f'the joints of the data set {kind.__name__} are not known: give it '
                         'metainfo=dict(from_file=...) in test_dataloader.dataset')
    if 'from_file' not in metainfo:
        return copy.deepcopy(metainfo)
    path = Path(metainfo['from_file'])
    if not path.is_file():  # MMPose's own ones are relative to its checkout
        path = Path(mmpose.__file__).parent / '.mim/configs/_base_/datasets' / path.name
    if not path.is_file():
        raise FileNotFoundError(f'metainfo {metainfo["from_file"]} of the data set does not exist')
    return Config.fromfile(path).dataset_info.to_dict()


def dataset_meta(plain: Config) -> dict:
    """What MMPose keeps of the joints in a checkpoint's ``meta``."""
    return parse_pose_metainfo(plain.test_dataloader.dataset.metainfo.to_dict())
