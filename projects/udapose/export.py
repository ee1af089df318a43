"""Plain MMPose checkpoints and configs from adapted models."""
from __future__ import annotations

import copy
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import torch
from mmengine.config import Config
from mmpose.registry import MODELS
from torch import nn

from .config_writing import write_config
from .export_check import check_export
from .export_config import (
    dataset_meta,
    inlined_metainfo,
    inner_model_config,
    plain_config,
    plain_model_config,
    plain_pipeline,
)
from .models.pose_estimators.branch_checkpoint import BRANCHES, rename_old_keys
from .models.pose_estimators.checkpoint_formats import SINGLE, check_fit, model_entries
from .random_state import random_state_kept

__all__ = ['evaluated_branch', 'export', 'inlined_metainfo', 'plain_config', 'plain_model_config',
           'plain_pipeline', 'plain_state_dict', 'rehearse_export']


def plain_state_dict(state_dict: dict, branch: str = 'teacher') -> dict:
    """One branch's entries without the prefix; those of a plain state dict are returned as is.

    Args:
        state_dict (dict): Of a student-teacher, of a model with attention regularization (whose
            only branch is taken), or of a plain model.
        branch (str): ``'teacher'`` or ``'student'``.

    Raises:
        KeyError: The branch is missing though another one is there.
    """
    if any(key.startswith(f'{SINGLE}.') for key in state_dict):
        branch = SINGLE
    prefix = f'{branch}.'
    part = {k[len(prefix):]: v for k, v in state_dict.items() if k.startswith(prefix)}
    if part:
        return part
    others = sorted({k.split('.')[0] for k in state_dict} & set(BRANCHES))
    if others:
        raise KeyError(f'the checkpoint has no branch {branch!r}, only {others}: export one of '
                       'these with --branch')
    plain = copy.copy(state_dict)  # with the modules' versions
    for key in [k for k in plain if k.startswith('data_preprocessor.')]:
        del plain[key]
    return plain


def evaluated_branch(cfg: Config) -> str | None:
    """Which branch an adaptation's model predicts with in validation and test.

    Args:
        cfg (Config): The training's.

    Returns:
        str | None: ``'teacher'`` or ``'student'``; None if the model is a plain one or has one
        branch only.
    """
    model = cfg.model.to_dict()
    if 'pose_estimator' not in model:
        return None
    return (model.get('test_cfg') or {}).get('predict_on', 'teacher')


def export(cfg: Config, checkpoint: Mapping, out: str | Path, branch: str | None = None) -> Path:
    """Write ``model.pth`` and ``config.py``, once they are proven to work.

    The files are read again, the plain model is built from them, and it must predict what the
    trained one predicts (see :func:`check_export`); nothing is written otherwise.

    Args:
        cfg (Config): The training's config.
        checkpoint (Mapping): With ``state_dict``, or a state dict itself; names may have DDP's
            ``module.`` in front, entries may be those of MMPose 0.x.
        out (str | Path): Folder to write.
        branch (str, optional): ``'teacher'`` or ``'student'``; by default the one with which the
            model is evaluated.

    Returns:
        Path: The folder.

    Raises:
        KeyError: The checkpoint does not hold the branch.
        ValueError: See :func:`plain_config`; there are no weights in the checkpoint.
        RuntimeError: The weights do not fit the plain model exactly, or the export does not
            predict like the trained model.
        OSError: The files cannot be written.
    """
    out = Path(out)
    plain = plain_config(cfg)
    branch = branch or evaluated_branch(cfg) or 'teacher'
    state = plain_state_dict(model_entries(checkpoint), branch)
    with random_state_kept():
        trained = _trained_model(cfg, state)
        out.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix='.export-', dir=out.parent))
        try:
            content = dict(meta=dict(dataset_meta=dataset_meta(plain)),
                           state_dict={k: v.detach().cpu() for k, v in state.items()})
            try:
                torch.save(content, part / 'model.pth')
            except RuntimeError as error:  # PyTorch's way to say that the disk is full
                raise OSError(f'cannot write {out / "model.pth"}: is the disk full? '
                              f'({str(error).splitlines()[0]})') from error
            write_config(plain, part / 'config.py')
            check_export(part / 'config.py', part / 'model.pth', trained)
            out.mkdir(exist_ok=True)
            for name in ('model.pth', 'config.py'):  # never half a file under the final name
                (part / name).replace(out / name)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return out


def rehearse_export(cfg: Config, model: nn.Module, folder: str | Path,
                    branch: str = 'teacher') -> None:
    """Find out before a training whether its end could be exported; leaves no files.

    Args:
        cfg (Config): The training's config.
        model (nn.Module): The model to be trained.
        folder (str | Path): Where there is room for one more checkpoint for a moment.
        branch (str): ``'teacher'`` or ``'student'``.

    Raises:
        KeyError, RuntimeError, ValueError: See :func:`export`.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix='.rehearsal-', dir=folder) as out:
        export(cfg, model.state_dict(), Path(out) / 'export', branch)


def _trained_model(cfg: Config, state: dict) -> nn.Module:
    """The plain model as the training had it, with the weights, which may get new names."""
    model = inner_model_config(cfg)[0]
    model.pop('data_preprocessor', None)
    model = MODELS.build(copy.deepcopy(model))
    rename_old_keys(model, state)
    check_fit(model.state_dict(), state)
    model.load_state_dict(state, strict=True)
    model.eval()
    return model
