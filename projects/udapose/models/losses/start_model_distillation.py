"""Distillation from the model that the adaptation began with."""
from __future__ import annotations

from typing import TYPE_CHECKING

from mmpose.registry import MODELS
from torch import Tensor

from .point_supervision import PointSupervision

if TYPE_CHECKING:
    from ..pose_estimators.adaptation_batch import AdaptationBatch


@MODELS.register_module()
class StartModelDistillation(PointSupervision):
    """Keep the student's target predictions near those of the frozen start model.

    The start model sees the teacher's view; its confident joints (selected as the teacher's, by
    ``train_cfg``) become clean labels for the student, in the head's own form. Unlike the teacher
    it cannot drift. The idea of an anchor in the source model is common to source-free methods
    (e.g. arXiv 2308.03202); points as what is distilled are this project's decision.

    An alignment term of :class:`MeanTeacherPoseEstimator`, with or without source images.

    Args:
        loss_weight (float): Relative to the consistency with the teacher. Defaults to 1.
        loss (dict, optional): See :class:`PointSupervision`.
    """

    needs_teacher = True  # its view, and the way from there into the student's
    needs_start = True

    def forward(self, batch: AdaptationBatch) -> dict[str, Tensor]:
        """Compute the term.

        Args:
            batch (AdaptationBatch): Uses ``aligned_output``, ``start`` and ``pseudo``.

        Returns:
            dict[str, Tensor]: ``loss_distillation`` and ``start_drift``, the mean distance between
            the teacher's and the start model's points where both are confident, as a fraction of
            the input's width.
        """
        start = batch.start.pseudo
        loss = self.supervise(batch, batch.aligned_output, start.frame_targets,
                              start.frame_weights, start.frame_mask)
        both = start.weights * batch.pseudo.weights
        distance = (start.points - batch.pseudo.points).norm(dim=-1)
        drift = (distance * both).sum() / both.sum().clamp(min=1)
        return dict(loss_distillation=loss, start_drift=drift / batch.target.inputs.shape[-1])
