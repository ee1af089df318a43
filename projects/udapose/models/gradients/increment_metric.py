"""A metric from the increments that an optimizer really made."""
from __future__ import annotations

import torch
from torch import Tensor, nn

KINDS = ('none', 'channel', 'element')


class IncrementMetric(nn.Module):
    r"""Diagonal metric of the last layer's channels, HamiPose's :math:`D_k` (secondary source).

    .. math:: D_k = (\alpha_k + \epsilon) I, \qquad
              \alpha_k \leftarrow \mu \alpha_k + (1 - \mu) \, mean((\delta \theta^{(k)})^2)

    with the increments :math:`\delta\theta` of the parameters since the last step, whichever
    optimizer made them. Steps without an increment (gradient accumulation) leave it as it is.

    As :math:`D_k` is a number times the identity, it cancels in every ratio of products within
    one channel: with ``'channel'`` the gate is that of ``'none'`` (tested). ``'element'`` keeps one
    :math:`\alpha` for each parameter, which does not cancel; that is our variant.

    Args:
        kind (str): ``'none'``, ``'channel'`` (as described) or ``'element'``.
        decay (float): The paper's mu, in [0, 1]. Defaults to 0.99.
        eps (float): Defaults to 1e-8.

    Raises:
        ValueError: Unknown kind, decay outside of [0, 1], eps not positive.
    """

    def __init__(self, kind: str = 'none', decay: float = 0.99, eps: float = 1e-8) -> None:
        super().__init__()
        if kind not in KINDS:
            raise ValueError(f'metric must be one of {KINDS}, got {kind!r}')
        if not 0 <= decay <= 1 or eps <= 0:
            raise ValueError(f'metric: decay in [0, 1] and eps > 0 are needed, got {decay}, {eps}')
        self.kind, self.decay, self.eps = kind, decay, eps

    def allocate(self, rows: Tensor) -> None:
        """Make the state for parameters (K, P); it is part of checkpoints."""
        if self.kind == 'none':
            return
        columns = rows.shape[1] if self.kind == 'element' else 1
        self.register_buffer('alpha', rows.new_zeros(len(rows), columns))
        self.register_buffer('last', torch.zeros_like(rows))
        self.register_buffer('started', torch.zeros((), dtype=torch.bool, device=rows.device))

    @torch.no_grad()
    def update(self, rows: Tensor) -> Tensor | None:
        """Take notice of the parameters as they are now.

        Args:
            rows (Tensor): (K, P).

        Returns:
            Tensor | None: (K, 1 or P), the diagonal of the inverse metric; None for ``'none'``.
        """
        if self.kind == 'none':
            return None
        increments = rows - self.last
        squares = increments.square()
        if self.kind == 'channel':
            squares = squares.mean(1, keepdim=True)
        moved = self.started & (increments != 0).any()  # no reading back
        self.alpha.copy_(torch.where(
            moved, self.decay * self.alpha + (1 - self.decay) * squares, self.alpha))
        self.last.copy_(rows)
        self.started.fill_(True)
        return 1 / (self.alpha + self.eps)
