"""The faster attention for small transformers on CPUs."""
from __future__ import annotations

import logging

import torch
import torch.nn.functional as F
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmpose.registry import HOOKS
from torch import Tensor


def plain_attention(query: Tensor, key: Tensor, value: Tensor, *, dropout_p: float = 0.) -> Tensor:
    """Scaled dot product attention as two matrix products and a softmax, in the inputs' type.

    As exact as mmpretrain's own products under autocast: scores in bfloat16 are rounded to it.
    ``F.scaled_dot_product_attention`` without its fused kernel computes them in float32 and looks
    for rows that are masked as a whole.

    Args:
        query, key, value (Tensor): ... x tokens x channels.
        dropout_p (float): Share of the attention that is dropped, 0 to 1.

    Returns:
        Tensor: ... x tokens x channels.
    """
    with torch.autocast(query.device.type, enabled=False):  # it would take softmax to float32
        scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-2, -1)
        return F.dropout(scores.softmax(-1), dropout_p, dropout_p > 0) @ value


@HOOKS.register_module()
class PlainAttentionHook(Hook):
    """Let the attention layers of mmpretrain on a CPU use :func:`plain_attention` in a run.

    With some tens of tokens, torch's fused attention is slower on CPUs than the plain products in
    bfloat16, above all backwards (docs/costs.md). It saves memory on long sequences only. Models
    on other devices keep fused attention; so do layers with an attention of their own.
    """

    def __init__(self) -> None:
        self._switched = []

    def before_run(self, runner) -> None:
        """Switch the layers of the model to plain products."""
        if next(runner.model.parameters()).device.type != 'cpu':
            return
        fused = F.scaled_dot_product_attention
        self._switched = [layer for layer in runner.model.modules() if getattr(
            layer, 'scaled_dot_product_attention', None) is fused]
        for layer in self._switched:
            layer.scaled_dot_product_attention = plain_attention
        if self._switched:
            print_log('attention on the CPU: plain matrix products in '
                      f'{len(self._switched)} layers', logger='current')
        else:
            print_log('PlainAttentionHook changes nothing: the model has no attention layer of '
                      'mmpretrain that is fused', logger='current', level=logging.WARNING)

    def after_run(self, runner) -> None:
        """Switch them back."""
        for layer in self._switched:
            layer.scaled_dot_product_attention = F.scaled_dot_product_attention
        self._switched = []
