"""Gradient reversal."""
from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class _Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx, features: Tensor, coefficient: float) -> Tensor:
        ctx.coefficient = coefficient
        return features.view_as(features)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        return -ctx.coefficient * gradient, None


def reverse_gradient(features: Tensor, coefficient: float = 1.) -> Tensor:
    """Identity whose gradient is multiplied by ``-coefficient`` (arXiv 1409.7495, eq. 9-10)."""
    return _Reverse.apply(features, coefficient)


class GradientReversal(nn.Module):
    r"""Gradient reversal with a constant coefficient or a warm-up.

    The warm-up rises from 0 to ``coefficient`` with
    :math:`\frac{2}{1 + \exp(-\gamma p)} - 1` of the progress p in [0, 1]
    (arXiv 1409.7495, sec. 5.2.2, :math:`\gamma = 10`).

    Args:
        coefficient (float): Final coefficient, >= 0. Defaults to 1 (published).
        schedule (str): ``'constant'`` (published) or ``'warmup'``. Defaults to ``'constant'``.
        gamma (float): Steepness of the warm-up. Defaults to 10.

    Raises:
        ValueError: Unknown schedule or negative coefficient.
    """

    def __init__(self, coefficient: float = 1., schedule: str = 'constant',
                 gamma: float = 10.) -> None:
        super().__init__()
        if schedule not in ('constant', 'warmup'):
            raise ValueError(f"schedule must be 'constant' or 'warmup', got {schedule!r}")
        if coefficient < 0:
            raise ValueError(f'coefficient must be >= 0, got {coefficient}: the layer itself '
                             'changes the sign')
        self.coefficient, self.schedule, self.gamma = coefficient, schedule, gamma

    def value(self, progress: float) -> float:
        """The coefficient at a progress in [0, 1] (a Python number: no host synchronisation)."""
        if self.schedule == 'constant':
            return self.coefficient
        return self.coefficient * (2 / (1 + math.exp(-self.gamma * progress)) - 1)

    def forward(self, features: Tensor, progress: float = 1.) -> Tensor:
        """Return the features unchanged; their gradient will be reversed."""
        return reverse_gradient(features, self.value(progress))
