"""Whether a checkpoint belongs to the plain model that is about to load it."""
from __future__ import annotations

import logging

from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from torch import Tensor, nn

from ..models.pose_estimators.branch_checkpoint import rename_old_keys
from ..models.pose_estimators.plain_models import plain_models


def check_fit(model: nn.Module, checkpoint: dict, name: str) -> None:
    """Refuse a checkpoint of which nothing would be loaded; say so if it is little.

    MMEngine loads what fits and leaves the rest as it was initialised: a checkpoint of another
    model is a long warning, and then random weights are trained or scored.

    Args:
        model (nn.Module): A plain model, maybe wrapped for DDP. The wrappers of this package
            check their checkpoints themselves and are left alone.
        checkpoint (dict): As read from the file, with or without ``state_dict``.
        name (str): Of the file, for the message.

    Raises:
        ValueError: No entry has the name and shape of one of the model's.
    """
    model = model.module if is_model_wrapper(model) else model
    if '' not in plain_models(model):
        return
    given = checkpoint.get('state_dict', checkpoint)
    given = {key.removeprefix('module.'): value for key, value in given.items()
             if isinstance(value, Tensor)}
    present = list(given) or list(checkpoint)
    rename_old_keys(model, given)
    own = model.state_dict()
    fitting = [key for key, value in own.items()
               if key in given and given[key].shape == value.shape]
    if not own or len(fitting) >= len(own) / 2:
        return
    found = (f'{len(fitting)} of the {len(own)} entries of {type(model).__name__} are in {name}, '
             'with the same shape')
    if fitting:
        missing = [key for key in own if key not in set(fitting)]
        print_log(f'only {found}: the others, such as {_some(missing)}, stay as they were '
                  'initialised. Is it a checkpoint of another model?',
                  logger='current', level=logging.WARNING)
        return
    raise ValueError(f'wrong checkpoint: none {found[2:]}. It holds {_some(present)}; the model '
                     f'expects {_some(list(own))}. {_remedy(present)}')


def _remedy(present: list[str]) -> str:
    parts = {str(key).split('.')[0] for key in present}
    if parts & {'student', 'teacher', 'pose_model'}:
        return ('It is a checkpoint of a training with udapose: give it the config of that '
                'training, or first make a plain one of it: udapose export CONFIG CHECKPOINT '
                '--out DIR')
    return ("Name a checkpoint of this architecture; a backbone's own file belongs into "
            "init_cfg=dict(type='Pretrained', checkpoint=...) of the backbone")


def _some(keys: list[str]) -> str:
    return (', '.join(map(str, keys[:3])) + (', ...' if len(keys) > 3 else '')) or 'nothing'
