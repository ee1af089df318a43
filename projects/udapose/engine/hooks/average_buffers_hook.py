"""The same batch-norm statistics on all ranks."""
from __future__ import annotations

import torch
from mmengine.dist import all_reduce, is_distributed
from mmengine.hooks import Hook
from mmpose.registry import HOOKS


@HOOKS.register_module()
class AverageBuffersHook(Hook):
    """Average floating-point buffers over ranks after each training iteration.

    MMEngine's DDP does not broadcast buffers, so batch-norm statistics drift apart, and what is
    evaluated and saved would be rank 0's. All buffers travel in one flat all-reduce, which is
    small beside the gradients'. Without distributed training the hook does nothing. It runs
    before :class:`EMATeacherHook`, hence the teacher's averages are equal on all ranks as well.

    Args:
        interval (int): In iterations; a divisor of the checkpoint and validation intervals.
            Defaults to 1.
    """

    priority = 'ABOVE_NORMAL'

    def __init__(self, interval: int = 1) -> None:
        self.interval = interval

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """All-reduce the buffers."""
        if is_distributed() and self.every_n_train_iters(runner, self.interval):
            average_buffers(runner.model)


@torch.no_grad()
def average_buffers(model: torch.nn.Module) -> None:
    """Replace each floating-point buffer by its mean over ranks."""
    buffers = [b for b in model.buffers() if b.is_floating_point()]
    if not buffers:
        return
    flat = torch.cat([b.flatten().float() for b in buffers])
    all_reduce(flat, op='mean')
    for buffer, mean in zip(buffers, flat.split([b.numel() for b in buffers]), strict=True):
        buffer.copy_(mean.view_as(buffer))
