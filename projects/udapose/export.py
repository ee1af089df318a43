"""Plain MMPose checkpoints and configs from adapted models."""
from __future__ import annotations

import copy
from pathlib import Path

import mmpose
import torch
from mmengine.config import Config
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import DATASETS, KEYPOINT_CODECS, MODELS, TRANSFORMS

from .models.pose_estimators.branch_checkpoint import BRANCHES

# Models of ours with a stock equivalent, and their arguments that it lacks.
_STOCK_MODELS = {'AttentionViT': (
    'mmpretrain.VisionTransformer', ('attention_layers', 'position_init'),
    dict(out_type='featmap'))}  # whose default differs

# Wrappers with a single model inside.
_SINGLE = 'pose_model'

# Transforms of ours that have a stock equivalent at inference, and the arguments that it takes
# (None: all of them). Without WholeImageBBox MMPose takes the caller's box or the whole image.
_STOCK_TRANSFORMS = {
    'LoadPoseImage': ('LoadImage', None), 'WholeImageBBox': (None, None),
    # a user's image has no camera: predictions are pixels and depths relative to the root
    'PackPose3DInputs': ('PackPoseInputs', ()),
    'RecordedTopdownAffine': ('TopdownAffine', ('input_size', 'use_udp'))}


def plain_state_dict(state_dict: dict, branch: str = 'teacher') -> dict:
    """One branch's entries without the prefix; a plain state dict is returned as it is.

    Args:
        state_dict (dict): Of a student-teacher, of a model with attention regularization (whose
            only branch is taken), or of a plain model.
        branch (str): ``'teacher'`` or ``'student'``.

    Raises:
        KeyError: The branch is missing though another one is there.
    """
    if any(key.startswith(f'{_SINGLE}.') for key in state_dict):
        branch = _SINGLE
    prefix = f'{branch}.'
    part = {k[len(prefix):]: v for k, v in state_dict.items() if k.startswith(prefix)}
    if part:
        return part
    others = sorted({k.split('.')[0] for k in state_dict} & set(BRANCHES))
    if others:
        raise KeyError(f'the checkpoint has no branch {branch!r}, only {others}: export one of '
                       'these with --branch')
    return {k: v for k, v in state_dict.items() if not k.startswith('data_preprocessor.')}


def plain_model_config(cfg: Config) -> dict:
    """The ``model`` of the plain config: without student, teacher, and pre-trained weights."""
    model = cfg.model.to_dict()
    wrapped = next((key for key in ('pose_estimator', _SINGLE) if key in model), None)
    if wrapped:
        plain = model[wrapped]
        # the outer one comes first, as in MeanTeacherPoseEstimator; MMEngine has two places for it
        outer = model.get('data_preprocessor') or _dict(cfg.get('data_preprocessor'))
        if outer.get('type') == 'MultiBranchDataPreprocessor':
            outer = outer.get('data_preprocessor')
        if outer:
            plain['data_preprocessor'] = outer
        plain.setdefault('data_preprocessor', dict(type='PoseDataPreprocessor'))
        model = plain
    elif 'data_preprocessor' in cfg:  # MMEngine's other place for it
        model.setdefault('data_preprocessor', cfg.data_preprocessor.to_dict())
    model.pop('train_cfg', None)
    backbone = model.get('backbone', {})
    if backbone.get('type') in _STOCK_MODELS:
        stock, ours, defaults = _STOCK_MODELS[backbone['type']]
        model['backbone'] = {
            **defaults, **{k: v for k, v in backbone.items() if k not in ours}, 'type': stock}
    return _without(model, 'init_cfg')


def _dict(node) -> dict:
    return node.to_dict() if hasattr(node, 'to_dict') else node or {}


def _without(node, key: str):
    if isinstance(node, dict):
        return {k: _without(v, key) for k, v in node.items() if k != key}
    return type(node)(_without(v, key) for v in node) if isinstance(node, (list, tuple)) else node


def plain_config(cfg: Config) -> Config:
    """A config for inference with stock MMPose, which needs no udapose.

    3D heads and their codec are udapose's: such a config imports it.

    The data set is that of ``test_dataloader`` (or else ``val_dataloader``), with the metainfo
    written out. Only its ``data_root`` and ``ann_file`` name files, which inference does not read.

    Args:
        cfg (Config): Of the adaptation (or of a plain training).

    Returns:
        Config: With ``model``, ``test_dataloader`` (stock transforms, whose box is the caller's or
        the whole image), ``test_evaluator`` and what ``MMPoseInferencer`` asks for.

    Raises:
        ValueError: The config has no data set to test on, or its pipeline holds a transform of
            udapose that is not for inference.
    """
    loader = cfg.get('test_dataloader') or cfg.get('val_dataloader')
    if not loader:
        raise ValueError('an export takes pipeline and joint names from test_dataloader or '
                         'val_dataloader, but the config has neither: keep one of them (its files '
                         'need not exist), or remove ExportTeacherHook')
    dataset = loader.dataset.to_dict()
    kind = dataset['type']
    if DATASETS.get(kind).__module__.startswith('udapose.'):
        kind = 'CocoDataset'
    model = plain_model_config(cfg)
    plain_dataset = dict(
        type=kind, data_mode='topdown', test_mode=True,
        **{k: dataset[k] for k in ('data_root', 'bbox_file') if dataset.get(k)},
        ann_file=dataset.get('ann_file', ''), data_prefix=dataset.get('data_prefix', dict(img='')),
        pipeline=plain_pipeline(dataset['pipeline']), metainfo=inlined_metainfo(dataset))
    imports = [name for name in (cfg.get('custom_imports') or {}).get('imports', ())
               if name.split('.')[0] != 'udapose']  # e.g. of the user's own backbone
    if _uses_udapose(model):
        imports.append('udapose')
    return Config(dict(
        default_scope='mmpose',
        visualizer=dict(type='PoseLocalVisualizer', name='visualizer'),  # MMPoseInferencer's
        default_hooks=dict(visualization=dict(  # what test.py --show-dir switches on
            type='PoseVisualizationHook', enable=False)),
        **(dict(custom_imports=dict(imports=imports)) if imports else {}),
        dataset_type=kind, data_mode='topdown', codec=model['head'].get('decoder'), model=model,
        test_dataloader=dict(batch_size=32, num_workers=0, dataset=plain_dataset,
                             sampler=dict(type='DefaultSampler', shuffle=False)),
        test_evaluator=dict(type='PCKAccuracy', thr=0.05, norm_item='bbox'), test_cfg=dict()))


def _uses_udapose(node) -> bool:
    """Whether a part of a model's config is known to stock MMPose only with udapose imported."""
    if isinstance(node, dict):
        kinds = [registry.get(node['type']) for registry in (MODELS, KEYPOINT_CODECS)
                 if isinstance(node.get('type'), str)]
        return any(kind is not None and kind.__module__.startswith('udapose.') for kind in kinds) \
            or any(map(_uses_udapose, node.values()))
    return isinstance(node, (list, tuple)) and any(map(_uses_udapose, node))


def plain_pipeline(pipeline: list[dict]) -> list[dict]:
    """A test pipeline of stock transforms equivalent to one that uses udapose's."""
    plain = []
    for step in pipeline:
        name, arguments = _STOCK_TRANSFORMS.get(step['type'], (step['type'], None))
        if name is None:
            continue
        if step.get('border', 'constant') != 'constant' or step.get('shear'):
            raise ValueError(f'the test pipeline holds {step}, but stock TopdownAffine fills its '
                             "border with zeros and does not shear: use border='constant' and no "
                             'shear in test_dataloader.dataset.pipeline')
        if TRANSFORMS.get(name).__module__.startswith('udapose.'):
            raise ValueError(f'the test pipeline holds {name}, which stock MMPose does not know: '
                             'remove it from test_dataloader.dataset.pipeline')
        plain.append({**{k: v for k, v in step.items() if arguments is None or k in arguments},
                      'type': name})
    return plain


def inlined_metainfo(dataset: dict) -> dict:
    """A data set's metainfo as a dict instead of a path, so that it works on other machines.

    Args:
        dataset (dict): Config; without ``metainfo`` that of its class is taken.
    """
    metainfo = dataset.get('metainfo') or DATASETS.get(dataset['type']).METAINFO
    if 'from_file' not in metainfo:
        return copy.deepcopy(metainfo)
    path = Path(metainfo['from_file'])
    if not path.is_file():  # MMPose's own ones are relative to its checkout
        path = Path(mmpose.__file__).parent / '.mim/configs/_base_/datasets' / path.name
    if not path.is_file():
        raise FileNotFoundError(f'metainfo {metainfo["from_file"]} of the data set does not exist')
    return Config.fromfile(path).dataset_info.to_dict()


def export(cfg: Config, checkpoint: dict, out: str | Path, branch: str = 'teacher') -> Path:
    """Write ``model.pth`` and ``config.py`` and check that they fit each other.

    Args:
        cfg (Config): The training's config.
        checkpoint (dict): With ``state_dict``, or a state dict itself.
        out (str | Path): Folder to write.
        branch (str): ``'teacher'`` or ``'student'``.

    Returns:
        Path: The folder.

    Raises:
        KeyError: The checkpoint does not hold the branch.
        ValueError: See :func:`plain_config`.
        RuntimeError: The weights do not fit the plain model exactly.
    """
    out = Path(out)
    plain = plain_config(cfg)
    state = plain_state_dict(checkpoint.get('state_dict', checkpoint), branch)
    model = MODELS.build(copy.deepcopy(plain.model))
    _check_fit(model.state_dict(), state)
    model.load_state_dict(state, strict=True)
    metainfo = plain.test_dataloader.dataset.metainfo.to_dict()
    out.mkdir(parents=True, exist_ok=True)
    part = out / 'model.part'  # never half a file under the final name
    torch.save(dict(meta=dict(dataset_meta=parse_pose_metainfo(metainfo)),
                    state_dict={k: v.cpu() for k, v in state.items()}), part)
    part.replace(out / 'model.pth')
    plain.dump(str(out / 'config.py'))
    return out


def _check_fit(own: dict, given: dict) -> None:
    """Raise one readable error instead of torch's page of names."""
    problems = {
        'not in the checkpoint': sorted(own.keys() - given.keys()),
        'not in the model': sorted(given.keys() - own.keys()),
        'of another shape': [
            f'{k} {tuple(given[k].shape)} instead of {tuple(own[k].shape)}'
            for k in own.keys() & given.keys() if given[k].shape != own[k].shape]}
    found = '; '.join(f'{len(names)} {what}, e.g. {", ".join(names[:3])}'
                      for what, names in problems.items() if names)
    if found:
        what = 'neither a student-teacher nor a plain checkpoint of this model' \
            if not own.keys() & given.keys() else 'its weights do not fit the plain model'
        raise RuntimeError(f'wrong checkpoint, {what}: {found}. Use the config that it was '
                           'trained with')
