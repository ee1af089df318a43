"""Weights of vision transformers from checkpoints of several formats."""
from __future__ import annotations

import contextlib
import os
import os.path as osp
import re
from collections.abc import Mapping

import torch
from mmengine.logging import MMLogger, print_log
from torch import Tensor, nn

from .name_lists import some
from .position_embedding import fit_position_embedding
from .vit_names import PATCH_EMBEDDING, to_mmpretrain

_CONTAINERS = ('state_dict', 'model', 'module', 'teacher', 'student')


def read_state_dict(checkpoint: str | Mapping) -> dict[str, Tensor]:
    """The tensors of a checkpoint.

    Args:
        checkpoint (str | Mapping): A file, an address that MMEngine can load, a folder of a
            training (its ``last_checkpoint``), or the content of a file. The tensors may lie below
            ``state_dict``, ``model`` and the like, or at the top.

    Returns:
        dict[str, Tensor]: Names as in the file.

    Raises:
        FileNotFoundError: No such file, or a folder without a checkpoint.
        RuntimeError: It cannot be read (damaged, say).
        ValueError: No tensors in it.
    """
    name = 'the given state dict'
    if isinstance(checkpoint, (str, os.PathLike)):
        checkpoint = os.fspath(checkpoint)
        name = checkpoint
        if '://' not in checkpoint:
            checkpoint = _existing_file(checkpoint)
        from ...model_files import read_checkpoint  # the other way round at the top
        checkpoint = read_checkpoint(checkpoint)
    found = checkpoint
    for _ in range(2):
        found = next((found[key] for key in _CONTAINERS
                      if isinstance(found.get(key), Mapping)), found)
    tensors = {key: value for key, value in found.items() if isinstance(value, Tensor)}
    if not tensors:
        raise ValueError(f'{name} holds no weights, only {some(found)}')
    return tensors


def _existing_file(path: str) -> str:
    full = osp.expanduser(path)
    if osp.isdir(full):
        pointer = osp.join(full, 'last_checkpoint')
        if not osp.isfile(pointer):
            raise FileNotFoundError(f'{path} is a folder without a file last_checkpoint: has its '
                                    'training saved a checkpoint yet? Or name a file')
        with open(pointer, 'rb') as file:
            target = os.fsdecode(file.read().strip())  # a path, whatever the locale is
        # written as on the machine of the training; the folder may have been moved since
        moved = osp.join(full, osp.basename(target))
        full = moved if osp.isfile(moved) else target
    if not osp.isfile(full):
        raise FileNotFoundError(
            f'{full} does not exist. It should be a checkpoint with a vision transformer: run the '
            'pre-training first, or set init_cfg.checkpoint (init_cfg=None trains from scratch)')
    return full


def encoder_prefix(tensors: Mapping[str, Tensor], prefix: str | None = None) -> str:
    """The prefix of a transformer among a model's tensors, found by its patch embedding.

    Args:
        tensors (Mapping[str, Tensor]): Of a transformer or of a model around one.
        prefix (str, optional): The caller's choice, with or without the last dot.

    Returns:
        str: Empty, or ending in a dot.

    Raises:
        ValueError: No transformer, or several ones.
    """
    if prefix is not None:
        prefix = prefix.rstrip('.') + '.' if prefix else ''
        if not any(key.startswith(prefix) for key in tensors):
            raise ValueError(f'no entry has the prefix {prefix!r}, there are {some(tensors)}')
        return prefix
    stems = sorted({m.group(1) for m in map(PATCH_EMBEDDING.match, tensors) if m})
    # the frozen copy beside the model is the worse choice of the two
    stems = [s for s in stems if not s.startswith(('auxiliary.', 'alignments.'))] or stems
    if len(stems) > 1:
        raise ValueError(f'it holds several transformers, {stems}: choose one, e.g. '
                         f'prefix={stems[-1]!r} in init_cfg')
    if not stems:
        raise ValueError('it holds no vision transformer (no patch_embed.projection.weight, '
                         'patch_embed.proj.weight or embeddings.patch_embeddings.projection.weight'
                         f'), but {some(tensors)}')
    return stems[0]


def encoder_state_dict(tensors: Mapping[str, Tensor], prefix: str = '') -> dict[str, Tensor]:
    """One transformer's tensors under mmpretrain's names.

    Args:
        tensors (Mapping[str, Tensor]): Of MAE, timm, mmpretrain, ViTPose, Hugging Face's
            transformers, or of a model of this package around such a transformer.
        prefix (str): Of the transformer, see :func:`encoder_prefix`.

    Returns:
        dict[str, Tensor]: E.g. ``layers.0.attn.qkv.weight``; entries of no known name keep theirs.
    """
    return to_mmpretrain({key[len(prefix):]: value for key, value in tensors.items()
                          if key.startswith(prefix)})


def load_vit(module: nn.Module, checkpoint: str | Mapping, prefix: str | None = None,
             source_grid: tuple[int, int] | None = None) -> None:
    """Load a checkpoint into a transformer and log what was loaded and what was not.

    Args:
        module (nn.Module): Like mmpretrain's ``VisionTransformer`` (also ``MAEViT``).
        checkpoint, prefix: See :func:`read_state_dict`, :func:`encoder_prefix`.
        source_grid: See :func:`fit_position_embedding`.

    Raises:
        ValueError: Nothing fits, a layer of the module is not in the checkpoint, or shapes differ;
            says whether width, depth or patch size is the cause.
    """
    name = checkpoint if isinstance(checkpoint, str) else 'state dict'
    own = module.state_dict()
    try:
        tensors = read_state_dict(checkpoint)
        prefix = encoder_prefix(tensors, prefix)
        given = encoder_state_dict(tensors, prefix)
        _check_architecture(own, given)
        notes = _fit(module, own, given, source_grid)
    except ValueError as error:
        raise ValueError(f'{name} does not fit {type(module).__name__}: {error}') from None
    loaded = {k: v for k, v in given.items() if k in own}
    missing = [k for k in own if k not in loaded]
    unused = [k for k in given if k not in own] + [
        k for k in tensors if not k.startswith(prefix)]
    with torch.no_grad():
        for key, value in loaded.items():
            own[key].copy_(value)
    print_log(f'{type(module).__name__}: {len(loaded)} of {len(own)} entries loaded from {name}'
              + ''.join(f'; {note}' for note in notes)
              + (f'; not in the checkpoint, left as initialised: {some(missing)}'
                 if missing else '')
              + (f'; in the checkpoint but not used: {some(unused)}' if unused else ''),
              logger=MMLogger.get_current_instance())


def _fit(module: nn.Module, own: dict, given: dict, source_grid) -> list[str]:
    """Adapt the position embedding in place; returns what was done."""
    notes = []
    if own.get('pos_embed') is not None and 'pos_embed' in given:
        before = given['pos_embed']
        grid = tuple(module.patch_embed.init_out_size)
        extra = own['pos_embed'].shape[1] - grid[0] * grid[1]
        mode = getattr(module, 'interpolate_mode', 'bicubic')
        given['pos_embed'], positioned = _fit_positions(given, grid, extra, mode, source_grid)
        if given['pos_embed'].shape != before.shape or source_grid is not None:
            notes.append(f'position embedding from {before.shape[1]} to '
                         f'{own["pos_embed"].shape[1]} tokens ({grid[0]} x {grid[1]} patches'
                         f'{" and a class token" if extra else ""})')
        elif grid[0] != grid[1]:
            notes.append(f'position embedding read as {grid[0]} x {grid[1]} patches (rows, '
                         'columns)')
        if extra and not positioned:
            notes.append('the checkpoint has no position for its class token: zero')
    other = [f'{k} {tuple(given[k].shape)} instead of {tuple(v.shape)}'
             for k, v in own.items() if k in given and given[k].shape != v.shape]
    if other:
        raise ValueError(f'other shapes: {some(other)}')
    return notes


def _fit_positions(given: dict, grid, extra: int, mode: str, source_grid) -> tuple[Tensor, bool]:
    """The position embedding on another grid; whether a class token that is there has a row."""
    tokens = ('cls_token' in given) + ('dist_token' in given)

    def fit(source_extra: int) -> Tensor:
        return fit_position_embedding(given['pos_embed'], grid, extra, mode, source_grid,
                                      source_extra)

    if not tokens:
        # ViTPose's first code and Hugging Face's have no class token, but its row, which they add
        # to the positions of all patches
        fitted = fit_position_embedding(given['pos_embed'], grid, 1, mode, source_grid)
        fitted[:, 1:] += fitted[:, :1]
        return fitted[:, 1 - extra:], True
    try:
        return fit(tokens), True
    except ValueError:
        # timm's DeiT III and ViTs with registers (no_embed_class) add no position to such tokens
        with contextlib.suppress(ValueError):
            return fit(0), False
        raise


def _check_architecture(own: dict, given: dict) -> None:
    """Say in words what differs between two transformers."""
    stem = 'patch_embed.projection.weight'
    depth = [1 + max((int(k.split('.')[1]) for k in state if re.match(r'layers\.\d+\.', k)),
                     default=-1) for state in (own, given)]
    if stem not in given or not depth[1]:
        raise ValueError(f'none of its entries belongs to a vision transformer: {some(given)}')
    problems = []
    shapes = own[stem].shape, given[stem].shape
    first = 'layers.0.ffn.layers.0.0.weight'
    hidden = [len(s[first]) if first in s else None for s in (own, given)]
    for what, (a, b) in (
            ('width (embed_dims)', (shapes[0][0], shapes[1][0])),
            ('depth (num_layers)', depth),
            ('hidden width (feedforward_channels)', hidden),
            ('patch size', (tuple(shapes[0][2:]), tuple(shapes[1][2:]))),
            ('input channels', (shapes[0][1], shapes[1][1]))):
        if a != b:
            problems.append(f'{what} is {b} in the checkpoint and {a} in the model')
    if problems:
        raise ValueError('; '.join(problems) + '. Use the same arch and patch_size as the '
                         'checkpoint, or another checkpoint')
