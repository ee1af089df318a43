"""L2 distance of the weights to those that the adaptation began with (L2-SP)."""
from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

if TYPE_CHECKING:
    from ..pose_estimators.adaptation_batch import AdaptationBatch


class _SquaredDistance(torch.autograd.Function):
    """Half the squared distance of two lists of tensors, in a few kernels for all of them."""

    @staticmethod
    def forward(ctx, count: int, *tensors: Tensor) -> Tensor:
        ctx.count = count
        ctx.save_for_backward(*tensors)
        changes = torch._foreach_sub(list(tensors[:count]), list(tensors[count:]))
        return 0.5 * torch.stack(torch._foreach_norm(changes)).float().square().sum()

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple:
        tensors = ctx.saved_tensors
        changes = torch._foreach_sub(list(tensors[:ctx.count]), list(tensors[ctx.count:]))
        torch._foreach_mul_(changes, gradient)
        return (None, *changes, *(None,) * ctx.count)


@MODELS.register_module()
class StartWeightLoss(nn.Module):
    r"""Keep the student's weights near the start model's: L2-SP.

    .. math:: \frac{\alpha}{2} \sum_i (\theta_i - \theta^0_i)^2

    over all trained parameters of the student (arXiv 1802.01483, eq. 2, without the second term for
    new layers: there are none). It looks at no image, so it costs the same at any batch size.

    An alignment term of :class:`MeanTeacherPoseEstimator`, with or without source images.

    Args:
        loss_weight (float): :math:`\alpha`. Defaults to 1e-4.

    Raises:
        ValueError: A negative weight.
    """

    needs_start = True

    def __init__(self, loss_weight: float = 1e-4) -> None:
        super().__init__()
        if loss_weight < 0:
            raise ValueError(f'StartWeightLoss: loss_weight must be >= 0, got {loss_weight}')
        self.loss_weight = loss_weight

    def forward(self, batch: AdaptationBatch) -> dict[str, Tensor]:
        """Compute the term.

        Args:
            batch (AdaptationBatch): Uses ``student`` and ``start.model``.

        Returns:
            dict[str, Tensor]: ``loss_start_weights``.
        """
        pairs = [(own, other) for own, other in zip(
            batch.student.parameters(), batch.start.model.parameters(), strict=True)
            if own.requires_grad]
        own, start = zip(*pairs, strict=True)
        distance = _SquaredDistance.apply(len(own), *own, *start)
        return dict(loss_start_weights=self.loss_weight * distance)
