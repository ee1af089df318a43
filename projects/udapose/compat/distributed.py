"""Distributed training on CPUs (gloo): MMEngine assumes a GPU in two places."""
import atexit
import functools
import logging
import os
import time

from .amp import has_accelerator
from .fixes import is_applied, record


def fix() -> None:
    """Fix process start-up and the model wrapper; both decide when called, not now.

    On a machine with an accelerator MMEngine's own code runs unchanged.
    """
    if has_accelerator() or is_applied('cpu_ddp'):
        return
    _fix_init()
    _fix_wrapper()
    record('cpu_ddp', 'MMEngine selects a CUDA device for every process and for DDP',
           'without an accelerator, processes join by gloo and DDP gets no device_ids')


def _fix_init() -> None:
    import torch.distributed as torch_dist
    from mmengine.dist import utils
    from mmengine.logging import print_log
    original = utils._init_dist_pytorch

    @functools.wraps(original)
    def _init_dist_pytorch(backend, init_backend='torch', **kwargs):
        if has_accelerator() or init_backend != 'torch':
            original(backend, init_backend=init_backend, **kwargs)
            return
        if backend == 'nccl':
            if os.environ.get('RANK', '0') == '0':
                print_log("No GPU: distributed backend 'gloo' is used in place of 'nccl'.",
                          logger='current', level=logging.INFO)
            backend = 'gloo'
        torch_dist.init_process_group(backend=backend, **kwargs)
        atexit.register(_leave)

    utils._init_dist_pytorch = _init_dist_pytorch


def _leave() -> None:
    """Let gloo's threads end before the interpreter does.

    A thread that still holds the tensors of the last collective frees them when there is no
    interpreter any more, which aborts a process whose work is done ("terminate called without an
    active exception", pytorch/pytorch#179291). DDP keeps the group and its threads alive, so that
    destroying it is not enough: they get a moment to let go.
    """
    import torch.distributed as torch_dist
    if torch_dist.is_initialized():
        torch_dist.destroy_process_group()
        time.sleep(0.2)


def _fix_wrapper() -> None:
    from mmengine.model import MMDistributedDataParallel
    original = MMDistributedDataParallel.__init__

    @functools.wraps(original)
    def __init__(self, module, *args, **kwargs):
        if all(p.device.type == 'cpu' for p in module.parameters()):
            kwargs.pop('device_ids', None)
            kwargs.pop('output_device', None)
        original(self, module, *args, **kwargs)

    MMDistributedDataParallel.__init__ = __init__
