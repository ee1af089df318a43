"""Config and weights as users name them, with one sentence where they are something else."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mmengine.config import Config
from mmengine.runner import CheckpointLoader
from torch import nn

from .models.pose_estimators.branch_checkpoint import BRANCHES, rename_old_keys
from .models.pose_estimators.checkpoint_formats import check_fit, model_entries, take_single

#: Where `udapose adapt`, `export`, a training and `quickstart` leave the plain model in a folder.
PLAIN_FOLDERS = ('model', '', 'exported', 'adapted_model')


def find_model_files(folder: Path) -> tuple[Path, Path] | None:
    """Config and weights of the plain model that a command has left in a folder; None if none."""
    for place in PLAIN_FOLDERS:
        files = folder / place / 'config.py', folder / place / 'model.pth'
        if all(file.is_file() for file in files):
            return files
    return None


def read_config(path: str | Path) -> Config:
    """The config of a pose model.

    Raises:
        ValueError: The file is no config, or has no model; names it.
    """
    try:
        cfg = Config.fromfile(path)
    except (SyntaxError, ImportError, NameError, TypeError, AttributeError, OSError, ValueError
            ) as error:  # also what is no text, or of a kind that MMEngine does not know
        raise ValueError(f'{path} cannot be read as a config ({type(error).__name__}: {error}): '
                         'name the config of a pose model') from error
    if 'model' not in cfg:
        raise ValueError(f'{path} has no model: name the config of a pose model')
    return cfg


def read_checkpoint(path: str | Path) -> Mapping:
    """The content of a file of weights, on the CPU.

    Args:
        path (str | Path): A file (also ``.safetensors``, if that package is installed), or an
            address to download it from.

    Raises:
        RuntimeError: It cannot be read or downloaded, or is something else; names it.
    """
    path = str(path)
    try:
        content = (_safetensors(path) if path.endswith('.safetensors') and '://' not in path else
                   CheckpointLoader.load_checkpoint(path, map_location='cpu'))
    except Exception as error:  # no network, an address that moved, a truncated file, ...
        what, remedy = ('be read', 'name the weights of this model, a .pth file')
        if '://' in path:
            what, remedy = 'be downloaded', ('without a network, fetch it elsewhere and name the '
                                             'file (--checkpoint FILE)')
        raise RuntimeError(f'the checkpoint {path} cannot {what} ({type(error).__name__}: '
                           f'{error}): {remedy}') from error
    if not isinstance(content, Mapping):
        raise RuntimeError(f'the checkpoint {path} holds a {type(content).__name__}, no weights: '
                           'name the weights of this model, a .pth file')
    return content


def _safetensors(path: str) -> Mapping:
    try:
        from safetensors.torch import load_file
    except ImportError as error:
        raise ImportError('files of this kind need: pip install safetensors') from error
    return load_file(path)


def check_complete(model: nn.Module, content: Mapping) -> None:
    """Whether a checkpoint has all weights of a model; MMPose predicts with what it has.

    Args:
        model (nn.Module): As built from its config, a plain one or a wrapper.
        content (Mapping): Of the checkpoint; what it has besides does not matter.

    Raises:
        RuntimeError: Weights are missing or of another shape; names the first ones.
        ValueError: There are no weights in it.
    """
    if hasattr(model, 'plain_names'):  # wrappers check by themselves
        return
    entries, own = model_entries(content), model.state_dict()
    take_single(entries)
    inside = sorted({name.split('.')[0] for name in entries} & set(BRANCHES))
    if inside and not own.keys() & entries.keys():
        raise RuntimeError(f'wrong checkpoint: it is that of an adaptation ({", ".join(inside)}), '
                           'and the config is that of a plain model. Use the config that it was '
                           'trained with, or export it first (udapose export)')
    rename_old_keys(model, entries)
    check_fit(own, {name: entries[name] for name in own.keys() & entries.keys()})
