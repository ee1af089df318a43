"""Consistency with pseudo-labels, measured by the head's own loss."""
from __future__ import annotations

from mmpose.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class HeadConsistencyLoss(nn.Module):
    """The student's own loss, with pseudo-labels in place of labels.

    The default for heads without heatmaps (SimCC, RTMPose, regression): source and target are
    measured alike, so ``loss_weight`` is the weight of the target relative to the source,
    whatever the head's loss is.

    Args:
        loss_weight (float): Defaults to 1.

    Example:
        >>> model = dict(type='MeanTeacherPoseEstimator', pose_estimator=rtmpose,
        ...              consistency=dict(type='HeadConsistencyLoss', loss_weight=0.5))
    """

    def __init__(self, loss_weight: float = 1.) -> None:
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, output, targets, weights: Tensor, valid_mask: Tensor | None = None, *,
                batch) -> Tensor:
        """Compute the loss.

        Args:
            output: The student's, in the head's own form.
            targets: Pseudo-labels in that form.
            weights (Tensor): (B, K), 0 rejects a joint.
            valid_mask (Tensor, optional): Not used: the head's losses know no pixels to leave out.
            batch (AdaptationBatch): For its ``student`` and ``readout``.

        Returns:
            Tensor: Scalar.
        """
        return self.loss_weight * batch.readout.head_loss(
            batch.student.head, output, targets, weights)
