"""Plain MMPose checkpoints and configs from adapted models."""
from __future__ import annotations

import copy
from pathlib import Path

import torch
from mmengine.config import Config
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import MODELS

# transforms of ours that have a stock equivalent at inference; None: MMPose passes the box itself
_STOCK_TRANSFORMS = {'LoadPoseImage': 'LoadImage', 'WholeImageBBox': None,
                     'RecordedTopdownAffine': 'TopdownAffine'}


def plain_state_dict(state_dict: dict, branch: str = 'teacher') -> dict:
    """One branch's entries without the prefix; a plain state dict is returned as it is.

    Raises:
        KeyError: The branch is missing though another one is there.
    """
    prefix = f'{branch}.'
    part = {k[len(prefix):]: v for k, v in state_dict.items() if k.startswith(prefix)}
    if part:
        return part
    others = sorted({k.split('.')[0] for k in state_dict} & {'student', 'teacher'})
    if others:
        raise KeyError(f'the checkpoint has no branch {branch!r}, only {others}')
    return {k: v for k, v in state_dict.items() if not k.startswith('data_preprocessor.')}


def plain_model_config(cfg: Config) -> dict:
    """The ``model`` of the plain config: without student, teacher, and pre-trained weights."""
    model = copy.deepcopy(cfg.model.to_dict())
    if 'pose_estimator' in model:
        plain = model['pose_estimator']
        outer = model.get('data_preprocessor') or {}
        plain.setdefault('data_preprocessor', outer.get('data_preprocessor')
                         or dict(type='PoseDataPreprocessor'))
        model = plain
    for part in (model, *(v for v in model.values() if isinstance(v, dict))):
        part.pop('init_cfg', None)
    model.pop('train_cfg', None)
    return model


def plain_config(cfg: Config) -> Config:
    """A config for inference with stock MMPose: needs no udapose, names no files of this machine.

    Args:
        cfg (Config): Of the adaptation (or of a plain training).

    Returns:
        Config: With ``model``, ``test_dataloader`` (stock transforms, whose box is the caller's or
        the whole image), and what ``MMPoseInferencer`` asks for.
    """
    dataset = cfg.test_dataloader.dataset.to_dict()
    pipeline = []
    for step in dataset['pipeline']:
        kind = _STOCK_TRANSFORMS.get(step['type'], step['type'])
        if kind is not None:
            pipeline.append({**step, 'type': kind})
    model = plain_model_config(cfg)
    plain_dataset = dict(type='CocoDataset', data_mode='topdown', test_mode=True,
                         ann_file=dataset.get('ann_file', ''),
                         data_prefix=dataset.get('data_prefix', dict(img='')), pipeline=pipeline,
                         metainfo=inlined_metainfo(dataset.get('metainfo')))
    return Config(dict(
        default_scope='mmpose', dataset_type='CocoDataset', data_mode='topdown',
        codec=model['head'].get('decoder'), model=model,
        test_dataloader=dict(batch_size=32, num_workers=0, dataset=plain_dataset,
                             sampler=dict(type='DefaultSampler', shuffle=False)),
        visualizer=dict(type='PoseLocalVisualizer', name='visualizer'),  # MMPoseInferencer's
        test_evaluator=dict(type='PCKAccuracy', thr=0.05, norm_item='bbox'), test_cfg=dict()))


def inlined_metainfo(metainfo: dict | None) -> dict | None:
    """Metainfo as a dict instead of a path, so that the config works on other machines."""
    if metainfo and 'from_file' in metainfo:
        return Config.fromfile(metainfo['from_file']).dataset_info.to_dict()
    return metainfo


def export(cfg: Config, checkpoint: dict, out: str | Path, branch: str = 'teacher') -> Path:
    """Write ``model.pth`` and ``config.py`` and check that they fit each other.

    Args:
        cfg (Config): The training's config.
        checkpoint (dict): With ``state_dict`` and maybe ``meta``.
        out (str | Path): Folder to write.
        branch (str): ``'teacher'`` or ``'student'``.

    Returns:
        Path: The folder.

    Raises:
        KeyError: The checkpoint does not hold the branch.
        RuntimeError: The weights do not fit the plain model exactly.
    """
    out = Path(out)
    plain = plain_config(cfg)
    state = plain_state_dict(checkpoint['state_dict'], branch)
    model = MODELS.build(copy.deepcopy(plain.model))
    try:
        model.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise RuntimeError(f'the {branch} weights do not fit the plain model of this config; was '
                           f'the checkpoint trained with another one? {error}') from None
    metainfo = plain.test_dataloader.dataset.metainfo
    meta = dict(dataset_meta=parse_pose_metainfo(copy.deepcopy(metainfo.to_dict()))
                if metainfo else checkpoint.get('meta', {}).get('dataset_meta'))
    out.mkdir(parents=True, exist_ok=True)
    part = out / 'model.part'
    torch.save(dict(meta=meta, state_dict={k: v.cpu() for k, v in state.items()}), part)
    part.replace(out / 'model.pth')
    plain.dump(str(out / 'config.py'))
    return out
