"""Whether a checkpoint belongs to the plain model that is about to load it."""
from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Mapping

from mmengine.logging import print_log
from mmengine.model import BaseTTAModel, is_model_wrapper
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils.hooks import RemovableHandle

from ..models.pose_estimators.branch_checkpoint import rename_old_keys
from ..models.pose_estimators.plain_models import plain_models
from ..models.utils.name_lists import some


def check_when_loaded(model: nn.Module, checkpoint, name: str) -> RemovableHandle | None:
    """Call :func:`check_fit` at the moment when the model loads the checkpoint.

    Not before: until then other hooks may change the checkpoint, and who loads it may rename its
    entries (``revise_keys`` of MMEngine's ``load_checkpoint``).

    Args:
        model (nn.Module): The runner's, maybe wrapped for DDP or test-time augmentation.
        checkpoint: As read from the file.
        name (str): Of the file, for messages.

    Returns:
        RemovableHandle | None: Takes the check off the model, after loading. None: the wrappers of
        this package check their checkpoints themselves, and FSDP's parts have other names.

    Raises:
        ValueError: The file holds an object, no weights.
    """
    weights = checkpoint.get('state_dict', checkpoint) if isinstance(checkpoint, Mapping) \
        else checkpoint
    if not isinstance(weights, Mapping):
        raise ValueError(f'wrong checkpoint: {name} holds a whole {type(weights).__name__} object '
                         'instead of weights by name: save its state_dict()')
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):  # as MMEngine does
        model = model.module
    if '' not in plain_models(model) or any('_flat_param' in key for key, _ in
                                            model.named_parameters()):
        return None
    return model._register_load_state_dict_pre_hook(_Once(name), with_module=True)


class _Once:
    """A hook of the model: the check at the first loading (a class, so that it can be pickled)."""

    def __init__(self, name: str) -> None:
        self.name, self.done = name, False

    def __call__(self, model: nn.Module, state_dict: dict, prefix: str, metadata: dict,
                 *others) -> None:
        if not self.done and not prefix:
            self.done = True  # the check calls the model's hooks
            check_fit(model, state_dict, self.name)


def check_fit(model: nn.Module, state_dict: Mapping, name: str) -> None:
    """Refuse a checkpoint of which nothing would be loaded; say so if it is little.

    MMEngine loads what fits and leaves the rest as it was initialised: a checkpoint of another
    model is a long warning, and then random weights are trained or scored.

    Args:
        model (nn.Module): A plain model, not wrapped.
        state_dict (Mapping): Weights by name, as the model gets them. Not changed.
        name (str): Of the file, for the message.

    Raises:
        ValueError: No entry has the name and shape of one of the model's.
    """
    own = _tensors(model.state_dict(keep_vars=True))
    given = _tensors(state_dict)
    fitting = _fitting(own, given)
    if not own or len(fitting) >= len(own) / 2:
        return
    present = list(given) or list(state_dict)
    rename_old_keys(model, given)
    # LoRA's models, for example, save less than they can load
    loadable = {**own, **dict(model.named_parameters())}
    fitting = max(fitting, _fitting(own, given), _fitting(loadable, given), key=len)
    if len(fitting) >= len(own) / 2:
        return
    found = (f'{len(fitting)} of the {len(own)} entries of {type(model).__name__} are in {name}, '
             'with the same shape')
    if fitting:
        missing = [key for key in own if key not in set(fitting)]
        question = 'Is it a checkpoint of another model?' if len(fitting) < len(given) else \
            'All that it holds is loaded.'
        print_log(f'only {found}: the others, such as {some(missing, 3)}, stay as they were '
                  f'initialised. {question}', logger='current', level=logging.WARNING)
        return
    raise ValueError(f'wrong checkpoint: none {found[2:]}. It holds {some(present, 3)}; the model '
                     f'expects {some(list(own), 3)}. {_remedy(own, _tensors(state_dict))}')


def _tensors(state_dict: Mapping) -> OrderedDict:
    """The weights alone, with the versions by which modules rename old entries."""
    found = OrderedDict((key, value) for key, value in state_dict.items()
                        if isinstance(value, Tensor) and not is_lazy(value))
    found._metadata = getattr(state_dict, '_metadata', None)
    return found


def _fitting(own: Mapping, given: Mapping) -> list[str]:
    """Entries that would be loaded; not those that the model's hooks have put there themselves."""
    return [key for key, value in own.items() if key in given and given[key] is not value
            and not is_lazy(value) and given[key].shape == value.shape]


def _remedy(own: Mapping, given: Mapping) -> str:
    parts = {str(key).split('.')[0] for key in given}
    if parts & {'student', 'teacher', 'pose_model'}:
        return ('It is a checkpoint of a whole training with several models: give it the config '
                'of that training, or first make a plain one of it (of one with udapose: udapose '
                'export CONFIG CHECKPOINT --out DIR)')
    prefix = f'{next(iter(parts))}.' if len(parts) == 1 else ''
    if prefix and _fitting(own, {key.removeprefix(prefix): value for key, value in given.items()}):
        return f'All names begin with {prefix!r}, which the model\'s do not: take it off'
    return ("Name a checkpoint of this architecture; a backbone's own file belongs into "
            "init_cfg=dict(type='Pretrained', checkpoint=...) of the backbone")
