"""The model that an adaptation began with, frozen: what keeps it from drifting away."""
from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import torch
from mmengine.logging import MMLogger, print_log
from mmengine.model import PretrainedInit
from torch import Tensor, nn

from ..utils.view_geometry import ViewGeometry
from .adaptation_batch import PseudoLabels
from .plain_models import head_output

PREFIX = 'start.'


class StartPass:
    """The start model in one training step; it runs only if a term asks for its output.

    Args:
        model (nn.Module): The plain model, frozen.
        images (Tensor): (B, 3, H, W), the teacher's view.
        geometry (ViewGeometry | None): From that view to the frame; None without a teacher.
        pseudo_labels (Callable): From model, images, output and geometry to pseudo-labels:
            ``TwoViewPasses.pseudo_labels``, as for the teacher.

    Attributes:
        model (nn.Module): As given.
        output: The head's, float32, in the teacher's view; no gradients.
        pseudo (PseudoLabels): What it tells the student, in the teacher's place.
    """

    def __init__(self, model: nn.Module, images: Tensor, geometry: ViewGeometry | None,
                 pseudo_labels: Callable[..., PseudoLabels]) -> None:
        self.model, self._images, self._geometry = model, images, geometry
        self._pseudo_labels = pseudo_labels

    @cached_property
    def output(self):
        with torch.no_grad():
            return head_output(self.model, self._images)

    @cached_property
    def pseudo(self) -> PseudoLabels:
        return self._pseudo_labels(self.model, self._images, self.output, self._geometry)


def fill_start(model: nn.Module, state_dict: dict) -> bool:
    """Complete a state dict that has no start model of its own; edits it in place.

    The start model is then the checkpoint's teacher: a plain model's checkpoint fills both.

    Args:
        model (nn.Module): Its ``start`` is a plain model.
        state_dict (dict): Entries of a student and a teacher.

    Returns:
        bool: Whether all of the start model is in the checkpoint.
    """
    if not any(key.startswith(PREFIX) for key in state_dict):
        state_dict.update({PREFIX + key.removeprefix('teacher.'): value
                           for key, value in state_dict.items() if key.startswith('teacher.')})
        print_log('the start model, to which the student is tied, is the model of this checkpoint',
                  logger=MMLogger.get_current_instance())
    return all(PREFIX + key in state_dict for key in model.start.state_dict()
               if 'num_batches_tracked' not in key)


def is_pretrained(model: nn.Module) -> bool:
    """Whether ``init_cfg`` loads weights into the whole model, not into the backbone alone."""
    init_cfg = getattr(model, 'init_cfg', None) or []
    # the two spellings that MMEngine knows; loaded by another one, weights are overwritten later
    return any(cfg.get('type') in ('Pretrained', PretrainedInit)
               for cfg in (init_cfg if isinstance(init_cfg, list) else [init_cfg]))


def check_start(loaded: bool) -> None:
    """Refuse to tie the student to random weights.

    Raises:
        ValueError: Nothing, or only a part of it, was loaded.
    """
    if not loaded:
        raise ValueError(
            'a term against drift (alignments with needs_start) ties the student to the model '
            'that the adaptation began with, but no checkpoint filled all of it: its weights are '
            'random. Set load_from to a trained pose model (backbone and head) of this '
            'architecture')
