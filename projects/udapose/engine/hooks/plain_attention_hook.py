"""The faster attention for small transformers on CPUs."""
from __future__ import annotations

import torch
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmpose.registry import HOOKS


@HOOKS.register_module()
class PlainAttentionHook(Hook):
    """Let torch compute attention on a CPU as matrix products and a softmax.

    With some tens of tokens in bfloat16, torch's fused attention is slower on CPUs than the plain
    products, above all backwards (docs/costs.md). It saves memory on long sequences only. Models
    on other devices keep fused attention. The choice holds for the whole process, until the run
    ends.
    """

    _switched = False

    def before_run(self, runner) -> None:
        """Switch the fused kernel off."""
        device = next(runner.model.parameters()).device
        if device.type == 'cpu' and torch.backends.cuda.flash_sdp_enabled():
            torch.backends.cuda.enable_flash_sdp(False)  # CPU's kernel, too, despite the name
            self._switched = True
            print_log('attention on the CPU: plain matrix products', logger='current')

    def after_run(self, runner) -> None:
        """Switch it on again."""
        if self._switched:
            torch.backends.cuda.enable_flash_sdp(True)
