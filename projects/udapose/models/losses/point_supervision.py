"""What terms with further pseudo-labels have in common: how these supervise the student."""
from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

if TYPE_CHECKING:
    from ..pose_estimators.adaptation_batch import AdaptationBatch


class PointSupervision(nn.Module):
    """Base of alignment terms that compare outputs of the student with labels made of points.

    Args:
        loss_weight (float): Of the term.
        loss (dict, optional): Config of the consistency loss. Defaults to the readout's, as for
            the model's own ``consistency``: ``HeatmapConsistencyLoss`` for heatmaps, the head's
            loss for all others.
    """

    def __init__(self, loss_weight: float = 1., loss: dict | None = None) -> None:
        super().__init__()
        if loss_weight < 0:
            raise ValueError(f'{type(self).__name__}: loss_weight must be >= 0, got {loss_weight}')
        self.loss_weight, self.loss_cfg = loss_weight, loss
        self._loss: nn.Module | None = None

    def supervise(self, batch: AdaptationBatch, output, targets, weights: Tensor,
                  mask: Tensor | None = None) -> Tensor:
        """The weighted loss.

        Args:
            batch (AdaptationBatch): For ``student`` and ``readout``.
            output: Of the student, in the head's own form.
            targets: As from ``readout.targets``.
            weights (Tensor): (B, K), 0 rejects a joint.
            mask (Tensor, optional): (B, 1, h, w), 0 leaves out a pixel.

        Returns:
            Tensor: Scalar.
        """
        if self._loss is None:  # which one depends on the student's readout
            self._loss = batch.readout.build_consistency(self.loss_cfg)
        return self.loss_weight * self._loss(output, targets, weights, mask, batch=batch)
