"""Linear behaviour between target images (mixup of the target with itself)."""
from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from mmpose.registry import MODELS
from torch import Tensor
from torch.distributions import Beta

from ..utils.batch_norms import untracked_batch_norms
from ..utils.structures import map_tensors
from .point_supervision import PointSupervision

if TYPE_CHECKING:
    from ..pose_estimators.adaptation_batch import AdaptationBatch


@MODELS.register_module()
class SelfMixupLoss(PointSupervision):
    r"""Predict both poses of two superposed target images, each with the weight of its image.

    .. math:: L(f(\lambda x_i + (1-\lambda) x_j),\; \lambda\,\hat y_i \oplus (1-\lambda)\,\hat y_j)

    that is :math:`\lambda L(\cdot, \hat y_i) + (1-\lambda) L(\cdot, \hat y_j)`, with the same
    gradient as the mixed label for a loss that is quadratic or linear in the label. The student
    so behaves linearly between target images and cannot fit single noisy pseudo-labels (MAPS,
    arXiv 2302.04589; mixup: arXiv 1710.09412). Of MAPS only the abstract was at hand: the partner
    (another image of the batch), one :math:`\lambda \sim Beta(\alpha, \alpha)` per step, and the
    teacher's points as labels are this project's decisions; its progressive selection is not part
    of this term.

    An alignment term of :class:`MeanTeacherPoseEstimator`, with or without source images. It costs
    a second pass of the student over the target, whose batch norms do not track it.

    Args:
        loss_weight (float): Defaults to 1.
        alpha (float): Of the Beta distribution, > 0. Defaults to 1 (uniform).
        loss (dict, optional): See :class:`PointSupervision`.

    Raises:
        ValueError: Arguments out of range.
    """

    needs_teacher = True

    def __init__(self, loss_weight: float = 1., alpha: float = 1., loss: dict | None = None
                 ) -> None:
        super().__init__(loss_weight, loss)
        if alpha <= 0:
            raise ValueError(f'SelfMixupLoss: alpha must be > 0, got {alpha}')
        self.alpha = alpha

    def forward(self, batch: AdaptationBatch) -> dict[str, Tensor]:
        """Compute the term.

        Args:
            batch (AdaptationBatch): Uses ``target.inputs`` and ``pseudo``, both in the student's
                view, ``student`` and ``readout``.

        Returns:
            dict[str, Tensor]: ``loss_mixup``.
        """
        images, pseudo, readout = batch.target.inputs, batch.pseudo, batch.readout
        # drawn on the host: no device is read
        share = float(Beta(self.alpha, self.alpha).sample())
        partner = torch.randperm(len(images)).to(images.device, non_blocking=True)
        mixed = share * images + (1 - share) * images[partner]
        with untracked_batch_norms(batch.student):
            output = batch.student.head.forward(batch.student.extract_feat(mixed))
        scale = torch.as_tensor(readout.scale_factor).to(pseudo.points, non_blocking=True)
        targets, weights = readout.targets(pseudo.points / scale), pseudo.weights
        output = readout.align(output, None)
        loss = share * self.supervise(batch, output, targets, weights) + (1 - share) * \
            self.supervise(batch, output, map_tensors(lambda t: t[partner], targets),
                           weights[partner])
        return dict(loss_mixup=loss)
