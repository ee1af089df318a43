"""Loading plain MMPose checkpoints into models with a student and a teacher."""
from __future__ import annotations

import logging

from mmengine.logging import MMLogger, print_log
from torch import nn

from ..utils.name_lists import some
from .checkpoint_formats import drop_average_copies, take_single

BRANCHES = ('student', 'teacher')


def fill_branches(model: nn.Module, state_dict: dict) -> bool:
    """Complete a state dict so that it fills both branches; edits it in place.

    Accepts a checkpoint of the whole model (left as it is), of a plain model or of one with
    attention regularization (goes into both branches), or of one branch only (also copied to the
    other one).

    Args:
        model (nn.Module): Has ``student`` and ``teacher`` of the same architecture.
        state_dict (dict): Checkpoint entries, maybe without the branches' prefixes.

    Returns:
        bool: Whether the checkpoint brought a teacher of its own.

    Raises:
        RuntimeError: Nothing fits, or a tensor has another shape; names the first ones.
    """
    own = {key: value for key, value in model.student.state_dict().items()}
    for key in [k for k in state_dict if k.startswith('data_preprocessor.')]:
        del state_dict[key]
    drop_average_copies(state_dict)
    parts = {branch: _part(state_dict, f'{branch}.') for branch in BRANCHES}
    if not any(parts.values()):
        take_single(state_dict)
        rename_old_keys(model.student, state_dict)
    plain = {k: v for k, v in state_dict.items() if k in own}
    present = [branch for branch in BRANCHES if parts[branch]]
    given = plain if plain and not present else parts[present[0]] if present else {}
    _check_fit(own, given, state_dict)
    if len(present) == 2:
        _check_fit(own, parts['teacher'], state_dict)
        return True
    unused = [key for key in (given if present else state_dict) if key not in own]
    for key in plain:
        del state_dict[key]
    for branch in BRANCHES:
        state_dict.update({f'{branch}.{key}': value for key, value in given.items()})
    missing = [key for key in own if key not in given and 'num_batches_tracked' not in key]
    print_log(f'checkpoint of a {"single branch" if present else "plain model"}: '
              f'{len(given)} of {len(own)} entries go into both student and teacher'
              + (f'; not in the checkpoint: {some(missing, 3)}' if missing else ''),
              logger=MMLogger.get_current_instance())
    lost = sorted({k.split('.')[0] for k in own} - {k.split('.')[0] for k in given})
    if lost and unused:
        print_log(f'no weights for {", ".join(lost)} in this checkpoint, but it holds '
                  f'{some(unused, 3)}, which the model does not know: {", ".join(lost)} would be '
                  'trained from scratch. Is it of another architecture?',
                  logger=MMLogger.get_current_instance(), level=logging.WARNING)
    return False


def rename_old_keys(model: nn.Module, state_dict: dict) -> None:
    """Let a plain model rename entries of older versions, as if it loaded them itself.

    MMPose does so in hooks that run once the model's own entries are looked at, too late for a
    wrapper that must know which entries are the plain model's.

    Args:
        model (nn.Module): A plain model.
        state_dict (dict): Entries without a prefix; edited in place.
    """
    metadata = getattr(state_dict, '_metadata', None) or {}
    for name, module in model.named_modules():
        for hook in module._load_state_dict_pre_hooks.values():
            hook(state_dict, f'{name}.' if name else '', metadata.get(name, {}), True, [], [], [])


def _part(state_dict: dict, prefix: str) -> dict:
    return {k[len(prefix):]: v for k, v in state_dict.items() if k.startswith(prefix)}


def _check_fit(own: dict, given: dict, state_dict: dict) -> None:
    if not any(key in own for key in given):
        raise RuntimeError(
            'wrong checkpoint: none of its entries belongs to this model. It holds '
            f'{some(list(state_dict), 3)}; the model expects {some(list(own), 3)} (as they are, or '
            'with the prefix "student.", "teacher." or "pose_model."). Set load_from to a '
            "checkpoint of the same architecture; a backbone's own file belongs into "
            "init_cfg=dict(type='Pretrained', checkpoint=...) of the backbone")
    other = [f'{key}: {tuple(given[key].shape)} instead of {tuple(value.shape)}'
             for key, value in own.items() if key in given and given[key].shape != value.shape]
    if other:
        raise RuntimeError(
            f'wrong checkpoint: {len(other)} entries have another shape, {some(other, 3)}. Was it '
            'trained with another backbone, input size or set of joints?')
