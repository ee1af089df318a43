"""Which statistics the batch norms of a model use, and whether they keep them."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def set_batch_norms(model: nn.Module, training: bool) -> None:
    """Let batch norms use and track the statistics of their batches, or those that they have."""
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.train(training)


@contextmanager
def untracked_batch_norms(model: nn.Module) -> Iterator[None]:
    """Inside of the block batch norms normalise as usual, but keep nothing of what they see.

    For images that are not of the kind that the model is for, such as mixed ones.
    """
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm) and m.training]
    momenta = [norm.momentum for norm in norms]
    tracked = [norm.num_batches_tracked for norm in norms]
    try:
        for norm in norms:
            norm.momentum, norm.num_batches_tracked = 0., None
        yield
    finally:
        for norm, momentum, number in zip(norms, momenta, tracked, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, number
