"""Which statistics the batch norms of a model use, and whether norms alone are trained."""
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


def train_norms_alone(model: nn.Module) -> None:
    """Freeze all but the scales and shifts of normalisation layers (as TENT, arXiv 2006.10726).

    Layers count by the name of their class, so those of other packages do as well (RTMPose's
    ``ScaleNorm``).

    Raises:
        ValueError: The model has no such weights.
    """
    model.requires_grad_(False)
    norms = [p for m in model.modules() if 'Norm' in type(m).__name__
             for p in m.parameters(recurse=False)]
    if not norms:
        raise ValueError(f"train_cfg.trained='norm': {type(model).__name__} has no normalisation "
                         "layer with weights; 'all' trains the whole model")
    for parameter in norms:
        parameter.requires_grad_(True)


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
