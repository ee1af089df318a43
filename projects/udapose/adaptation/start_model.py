"""The model that an adaptation starts from: an MMPose alias, a name, a config or a folder."""
from __future__ import annotations

import os
from pathlib import Path

from mmengine.config import Config
from mmengine.infer import BaseInferencer
from mmengine.registry import init_default_scope
from mmpose.apis.inferencers.utils import get_model_aliases
from mmpose.registry import MODELS

from ..config_types import is_kind
from ..export import export
from ..model_files import find_model_files, read_checkpoint, read_config
from ..models.readouts import build_readout


def find_model(model: str | None = None, config: str | None = None,
               checkpoint: str | None = None) -> tuple[Path, str]:
    """Config file and checkpoint (file or address) of what the user named.

    Args:
        model (str, optional): An alias of MMPose's inferencer (``'human'``), a name of its model
            zoo (``'rtmpose-m_8xb256-420e_coco-256x192'``), a config, or a folder with ``config.py``
            and ``model.pth`` (an export, a training, or a run of ``udapose adapt``).
        config (str, optional): A config, instead of ``model``.
        checkpoint (str, optional): Its weights; else the model zoo's.

    Returns:
        tuple[Path, str]: Existing config; checkpoint.

    Raises:
        FileNotFoundError: A file does not exist.
        ValueError: Neither or both were named, nothing goes by that name, or there is no
            checkpoint.
    """
    if bool(model) == bool(config):
        raise ValueError('name the model: either --model NAME (an alias or name of MMPose, a '
                         'config, or the folder of an exported model), or --config FILE with '
                         '--checkpoint FILE')
    model, config, checkpoint = (value and os.fspath(value)
                                 for value in (model, config, checkpoint))
    if checkpoint and '://' not in checkpoint and not Path(checkpoint).expanduser().is_file():
        raise FileNotFoundError(f'--checkpoint {checkpoint} does not exist')
    checkpoint = checkpoint and (checkpoint if '://' in checkpoint
                                 else str(Path(checkpoint).expanduser().resolve()))
    name = config or model
    path = Path(name).expanduser()
    if path.is_dir():
        found = find_model_files(path.resolve())
        if found is None and model in get_model_aliases('mmpose'):
            path = Path()  # a folder of images that happens to be called `hand`
        elif found is None:
            raise FileNotFoundError(f'{name} has no config.py with model.pth: name the folder of '
                                    'an exported model, or of a run of udapose adapt')
        else:
            return found[0], checkpoint or str(found[1])
    if path.suffix == '.py' or config:
        if not path.is_file():
            raise FileNotFoundError(f'{name} does not exist: name an existing config')
        beside = path.parent / 'model.pth'
        if not checkpoint and not beside.is_file():
            raise ValueError(f'{name} needs its weights: give --checkpoint FILE')
        return path.resolve(), checkpoint or str(beside.resolve())
    zoo = Path(BaseInferencer._get_repo_or_mim_dir('mmpose'))
    entry = _in_zoo(name, zoo)
    weights = entry.get('Weights')
    weights = weights[0] if isinstance(weights, list) else weights
    if not checkpoint and not weights:
        raise ValueError(f'{name} has no public weights: give --checkpoint FILE')
    return zoo / entry['Config'], checkpoint or weights


def _in_zoo(name: str, zoo: Path) -> dict:
    known = {str(entry['Name']).lower(): entry
             for entry in BaseInferencer._get_models_from_metafile(str(zoo))}
    aliases = {alias.lower(): full.lower() for alias, full in get_model_aliases('mmpose').items()}
    key = aliases.get(name.lower(), name.lower())
    if key in known:
        return known[key]
    by_file = {Path(entry['Config']).stem.lower(): entry for entry in known.values()}
    if key in by_file:
        return by_file[key]
    words = [w for w in key.replace('-', '_').split('_') if w]
    near = sorted(known, key=lambda k: (-sum(word in k for word in words), len(k)))[:5]
    raise ValueError(f'--model {name}: no such file, folder, alias or name of MMPose. Aliases: '
                     f'{", ".join(sorted(aliases))}. Near names: {", ".join(near)}')


def prepare_start(config: Path, checkpoint: str, out: Path) -> Config:
    """Write the plain start model into a folder, checked.

    Args:
        config (Path): Of a plain model or an adaptation.
        checkpoint (str): File or address.
        out (Path): Folder for ``config.py`` and ``model.pth``.

    Returns:
        Config: The written plain config.

    Raises:
        RuntimeError: The checkpoint does not fit the config, or cannot be fetched.
        ValueError: The model is not one that can be adapted.
    """
    init_default_scope('mmpose')
    cfg = read_config(config)
    _check_top_down(cfg)
    content = read_checkpoint(checkpoint)
    try:
        export(cfg, content, out)
    except (KeyError, RuntimeError) as error:
        raise RuntimeError(f'{checkpoint} does not fit {config}: {error.args[0]}') from error
    plain = Config.fromfile(out / 'config.py')
    check_adaptable(plain)
    return plain


def check_adaptable(plain: Config) -> None:
    """Whether a plain model can be adapted.

    Raises:
        ValueError: Not top-down, no readout for its codec, or joints without names.
    """
    _check_top_down(plain, only='TopdownPoseEstimator')
    model = MODELS.build(plain.model)
    build_readout(model)


def _check_top_down(cfg: Config, only: str | None = None) -> None:
    if is_kind(cfg.model, MODELS, only or 'BottomupPoseEstimator') != bool(only):
        raise ValueError(f'{cfg.model.get("type")} is not top-down: bottom-up and one-stage models '
                         'cannot be adapted; choose a top-down model such as rtmpose-m')
