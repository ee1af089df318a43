"""The forms in which weights of a whole pose model come, old ones included."""
from __future__ import annotations

from collections.abc import Mapping

from mmengine.logging import print_log
from torch import Tensor, nn

#: Prefix of the plain model in checkpoints of wrappers with a single one.
SINGLE = 'pose_model'

# What DDP and torch.compile put in front of every name.
_WRAPPERS = ('module.', '_orig_mod.')


def model_entries(checkpoint: Mapping) -> dict[str, Tensor]:
    """The tensors of a checkpoint under the model's own names.

    Takes MMEngine's and mmcv's files (``state_dict``), bare state dicts, and names with DDP's
    ``module.`` or torch.compile's ``_orig_mod.``. The second set of weights that mmcv's EMA hook
    kept (``ema_...``) is left out: the others are the averaged ones at the end of an epoch.

    Args:
        checkpoint (Mapping): The content of a file.

    Returns:
        dict[str, Tensor]: A new dict, with the versions of the modules (``_metadata``), by which
        MMPose renames old entries.

    Raises:
        ValueError: There is no tensor in it; names what there is instead.
    """
    found = checkpoint.get('state_dict', checkpoint)
    found = found if isinstance(found, Mapping) else checkpoint
    metadata = getattr(found, '_metadata', None)
    entries = _StateDict((_own_name(k), v) for k, v in found.items() if isinstance(v, Tensor))
    if not entries:
        raise ValueError(f'the checkpoint holds no weights, only {", ".join(map(str, found))}: it '
                         'should be a file of MMEngine or a state dict')
    if metadata is not None:
        entries._metadata = {_own_name(k): v for k, v in metadata.items()}
    drop_average_copies(entries)
    return entries


class _StateDict(dict):
    """A dict that can carry ``_metadata``, like torch's own state dicts."""


def _own_name(key: str) -> str:
    while key.startswith(_WRAPPERS):
        key = key.split('.', 1)[1]
    return key


def drop_average_copies(state_dict: dict) -> int:
    """Take mmcv's ``ema_...`` entries out of a state dict, and say so.

    Their names have lost their dots (``ema_backbone_conv1_weight``), so they are no model's.

    Args:
        state_dict (dict): Edited in place.

    Returns:
        int: Their number.

    Raises:
        RuntimeError: There is nothing else.
    """
    copies = [key for key in state_dict if key.startswith('ema_') and '.' not in key]
    if not copies:
        return 0
    if len(copies) == len(state_dict):
        raise RuntimeError(
            f'wrong checkpoint: it holds only copies of an EMA hook of mmcv ({copies[0]}, ...), '
            'whose names have lost their dots. Use the whole checkpoint of that training')
    for key in copies:
        del state_dict[key]
    print_log(f'checkpoint of a training with the EMA hook of mmcv: its {len(copies)} entries '
              'ema_... are left out (at the end of an epoch, when mmcv saves, the other entries '
              'are the averaged weights)', logger='current')
    return len(copies)


def take_single(state_dict: dict) -> bool:
    """Turn the checkpoint of a wrapper around one plain model into the plain model's.

    Args:
        state_dict (dict): Edited in place; left as it is if it is of another kind.

    Returns:
        bool: Whether it was such a one.
    """
    prefix = f'{SINGLE}.'
    if not any(key.startswith(prefix) for key in state_dict):
        return False
    own = {k[len(prefix):]: v for k, v in state_dict.items() if k.startswith(prefix)}
    others = len(state_dict) - len(own)
    state_dict.clear()
    state_dict.update(own)
    print_log(f'checkpoint with the prefix {prefix}: its {len(own)} entries are those of the plain '
              f'model; {others} others (auxiliary encoder, preprocessor) are left out',
              logger='current')
    return True


def load_weights(model: nn.Module, checkpoint: Mapping) -> None:
    """Load a checkpoint of any of these forms into a plain model or a wrapper, all of it.

    Args:
        model (nn.Module): As built from its config.
        checkpoint (Mapping): The content of a file.

    Raises:
        RuntimeError: Entries are missing, too many or of another shape; names the first ones.
        ValueError: No weights.
    """
    from .branch_checkpoint import rename_old_keys
    entries = model_entries(checkpoint)
    if not hasattr(model, 'plain_names'):  # wrappers take plain checkpoints by themselves
        take_single(entries)
        rename_old_keys(model, entries)
        check_fit(model.state_dict(), entries)
    model.load_state_dict(entries, strict=True)


def check_fit(own: Mapping, given: Mapping) -> None:
    """Require the same names and shapes; one readable error instead of torch's page of names.

    Args:
        own (Mapping): The model's state dict.
        given (Mapping): The checkpoint's entries.

    Raises:
        RuntimeError: Names the first entries that differ.
    """
    problems = {
        'not in the checkpoint': sorted(own.keys() - given.keys()),
        'not in the model': sorted(given.keys() - own.keys()),
        'of another shape': [
            f'{k} {tuple(given[k].shape)} instead of {tuple(own[k].shape)}'
            for k in own.keys() & given.keys() if given[k].shape != own[k].shape]}
    found = '; '.join(f'{len(names)} {what}, e.g. {", ".join(names[:3])}'
                      for what, names in problems.items() if names)
    if not found:
        return
    what, hint = 'its weights do not fit the plain model', ''
    parts = {k.split('.')[0] for k in given}
    lost = sorted({k.split('.')[0] for k in own} - parts)
    if not own.keys() & given.keys():
        what = 'neither a student-teacher nor a plain checkpoint of this model'
    elif lost and parts <= {k.split('.')[0] for k in own}:
        hint = f'. It holds {" and ".join(sorted(parts))} alone, no {" and no ".join(lost)}'
    raise RuntimeError(f'wrong checkpoint, {what}: {found}{hint}. Use the config that it was '
                       'trained with')
