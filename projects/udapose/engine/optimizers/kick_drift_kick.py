"""HamiPose's kick-drift-kick optimizer."""
from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from mmengine.registry import OPTIMIZERS
from torch import Tensor
from torch.optim import Optimizer


@OPTIMIZERS.register_module()
class KickDriftKick(Optimizer):
    r"""Move parameters like particles: momentum, kicked by the gradient, and a metric.

    With step size h (``lr``), momentum p, gradient g and metric :math:`D = (\alpha + \epsilon) I`

    .. math:: p \leftarrow p - \tfrac h2 g, \qquad
              \delta\theta = h D^{-1} p, \quad \theta \leftarrow \theta + \delta\theta, \qquad
              p \leftarrow p - \tfrac h2 g, \qquad
              \alpha \leftarrow \mu \alpha + (1 - \mu) \, mean(\delta\theta^2)

    (HamiPose, CVPR 2026, as described by secondary summaries). :math:`\alpha` averages the
    increments really made, so large increments slow the next ones down. The first step starts at
    :math:`\alpha` = ``initial_square``: with 0 the inverse metric is 1 / eps, and a warm-up of
    ``lr`` keeps it short.

    Two halves of a kick with the *same* gradient are no symplectic integrator: on a quadratic with
    constant D the amplitude grows by :math:`\sqrt{1 + h^2 k / 2D}` in each step (tested; the
    growing D, the falling ``lr`` or ``friction`` hold it). ``second_kick='next'`` makes the second
    half with the next step's gradient, which is the leapfrog method at no further cost.

    State (momenta, :math:`\alpha`) is in ``state_dict``. Sparse gradients are refused.

    Args:
        params (Iterable): Parameters or groups of them; each group may have its own ``lr`` and
            ``weight_decay`` (MMEngine's ``paramwise_cfg``).
        lr (float): Step size h. Defaults to 1e-3.
        mu (float): Decay of :math:`\alpha`, in [0, 1]; 1 keeps it constant. Defaults to 0.99.
        eps (float): Defaults to 1e-8.
        friction (float): Share of the momentum that is lost before each step, in [0, 1). Defaults
            to 0 (as described).
        second_kick (str): ``'same'`` (as described) or ``'next'``.
        metric (str): One :math:`\alpha` for all parameters, ``'global'`` (as described), or one
            for each ``'tensor'``.
        initial_square (float): :math:`\alpha` at the start, >= 0. Defaults to 0.
        weight_decay (float): Added to the gradient times the parameter. Defaults to 0.

    Raises:
        ValueError: An argument out of range.
        RuntimeError: A sparse gradient.
    """

    def __init__(self, params: Iterable, lr: float = 1e-3, mu: float = 0.99, eps: float = 1e-8,
                 friction: float = 0., second_kick: str = 'same', metric: str = 'global',
                 initial_square: float = 0., weight_decay: float = 0.) -> None:
        if lr < 0 or eps <= 0 or initial_square < 0 or weight_decay < 0:
            raise ValueError('lr, initial_square and weight_decay must be >= 0 and eps > 0, got '
                             f'{lr}, {initial_square}, {weight_decay}, {eps}')
        if not 0 <= mu <= 1 or not 0 <= friction < 1:
            raise ValueError('mu must be in [0, 1] and friction in [0, 1), got '
                             f'mu={mu}, friction={friction}')
        for name, value, choices in (('second_kick', second_kick, ('same', 'next')),
                                     ('metric', metric, ('global', 'tensor'))):
            if value not in choices:
                raise ValueError(f'{name} must be one of {choices}, got {value!r}')
        self.mu, self.eps, self.friction = mu, eps, friction
        self.second_kick, self.metric = second_kick, metric
        self.initial_square = initial_square
        super().__init__(params, dict(lr=lr, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:
        """One step for all parameters that have a gradient; nothing is read back.

        Args:
            closure (Callable, optional): Computes the loss anew, as in PyTorch.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        moved, increments = [], []
        for group in self.param_groups:
            params = [p for p in group['params'] if p.grad is not None]
            if params:
                moved += params
                increments += self._move(params, group['lr'], group['weight_decay'])
        if moved:
            self._update_metric(moved, increments)
        return loss

    def _move(self, params: list[Tensor], lr: float, weight_decay: float) -> list[Tensor]:
        """Kick, drift, kick; returns the increments."""
        gradients = [p.grad for p in params]
        if any(g.is_sparse for g in gradients):
            raise RuntimeError('KickDriftKick does not take sparse gradients: use sparse=False in '
                               'the embedding')
        if weight_decay:
            gradients = torch._foreach_add(gradients, params, alpha=weight_decay)
        momenta = self._momenta(params, gradients, lr)
        if self.friction:
            torch._foreach_mul_(momenta, 1 - self.friction)
        same = self.second_kick == 'same'
        torch._foreach_add_(momenta, gradients, alpha=-lr / 2 if same else -lr)
        increments = torch._foreach_mul(momenta, lr)
        if self.metric == 'global':
            torch._foreach_div_(increments, self._square(self._first) + self.eps)
        else:
            torch._foreach_div_(increments, [self._square(p) + self.eps for p in params])
        torch._foreach_add_(params, increments)
        if same:
            torch._foreach_add_(momenta, gradients, alpha=-lr / 2)
        return increments

    def _momenta(self, params: list[Tensor], gradients: list[Tensor], lr: float) -> list[Tensor]:
        for p, g in zip(params, gradients, strict=True):
            if 'momentum' not in self.state[p]:
                # 'next': the first kick has no second half of an earlier one to make up for
                self.state[p]['momentum'] = torch.zeros_like(p) if self.second_kick == 'same' \
                    else (lr / 2 * g / (1 - self.friction)).clone()
        return [self.state[p]['momentum'] for p in params]

    @property
    def _first(self) -> Tensor:
        """Keeps the global alpha in its state."""
        return self.param_groups[0]['params'][0]

    def _square(self, p: Tensor) -> Tensor:
        """Alpha, 0-dimensional."""
        state = self.state[p]
        if 'square' not in state:
            state['square'] = torch.full((), self.initial_square, dtype=p.dtype, device=p.device)
        return state['square']

    def _update_metric(self, params: list[Tensor], increments: list[Tensor]) -> None:
        sizes = [p.numel() for p in params]
        squares = torch.stack([n.square() for n in torch._foreach_norm(increments)])
        if self.metric == 'global':
            self._square(self._first).mul_(self.mu).add_(
                squares.sum() / sum(sizes), alpha=1 - self.mu)
            return
        means = torch._foreach_div(list(squares.unbind()), [float(n) for n in sizes])
        kept = [self._square(p) for p in params]
        torch._foreach_mul_(kept, self.mu)
        torch._foreach_add_(kept, means, alpha=1 - self.mu)
