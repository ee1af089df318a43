"""Poses with the proportions that the model knew when the adaptation began."""
from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import torch
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import MODELS
from torch import Tensor, nn

if TYPE_CHECKING:
    from ..pose_estimators.adaptation_batch import AdaptationBatch


@MODELS.register_module()
class PosePriorLoss(nn.Module):
    r"""Penalise proportions of the student's poses that the start model's poses do not have.

    For two bones that share a joint, with lengths :math:`l_a, l_b` in the image, the proportion is
    :math:`r = \log l_a - \log l_b`: the same in every position, size and rotation of the pose.
    While training the mean :math:`\mu` and standard deviation :math:`\sigma` of each pair are
    collected from the *start model's* confident joints on the target, and the student pays

    .. math:: \max(0, |r - \mu| / \sigma - \tau)^2

    averaged over the pairs whose joints lie in the view. Foreshortening is within :math:`\sigma`;
    exchanged or stray joints are not. It is in the spirit of POST (arXiv 2308.13954), whose prior
    is learnt from a set of poses; statistics of proportions are this project's decision: they need
    nothing but the model. They are in the checkpoints (``alignments.<name>.``), not in an export.

    An alignment term of :class:`MeanTeacherPoseEstimator`, with or without source images.

    Args:
        metainfo (dict, optional): MMPose's description of the keypoints, such as
            ``dict(from_file='configs/_base_/datasets/coco.py')``, whose skeleton gives the bones.
        skeleton (Sequence[tuple[int, int]], optional): The bones themselves, as pairs of joints.
        loss_weight (float): Defaults to 0.001.
        tolerance (float): :math:`\tau >= 0`. Defaults to 2.
        min_count (int): Observations before a pair is used. Defaults to 200.
        min_sigma (float): Lowest :math:`\sigma`, > 0. Defaults to 0.1.

    Raises:
        ValueError: Arguments out of range, or no two bones that share a joint; in the first
            step, joints that the model does not have.
    """

    needs_teacher = True  # which joints are in the view
    needs_start = True

    def __init__(self, metainfo: dict | None = None,
                 skeleton: Sequence[Sequence[int]] | None = None, loss_weight: float = 0.001,
                 tolerance: float = 2., min_count: int = 200, min_sigma: float = 0.1) -> None:
        super().__init__()
        if loss_weight < 0 or tolerance < 0 or min_count < 2 or min_sigma <= 0:
            raise ValueError(
                'PosePriorLoss needs loss_weight >= 0, tolerance >= 0, min_count >= 2 and '
                f'min_sigma > 0, got {loss_weight}, {tolerance}, {min_count} and {min_sigma}')
        if (metainfo is None) == (skeleton is None):
            raise ValueError("PosePriorLoss needs the bones: either metainfo=dict(from_file=...), "
                             'the data set\'s, or skeleton=[(joint, joint), ...]')
        bones = parse_pose_metainfo(metainfo)['skeleton_links'] if skeleton is None else skeleton
        bones = sorted({tuple(sorted((int(a), int(b)))) for a, b in bones})
        pairs = [pair for pair in combinations(range(len(bones)), 2)
                 if {*bones[pair[0]]} & {*bones[pair[1]]}]
        if not pairs:
            raise ValueError(f'PosePriorLoss: no two of the bones {bones} share a joint (metainfo '
                             'without a skeleton?): give skeleton=[(joint, joint), ...]')
        self.loss_weight, self.tolerance = loss_weight, tolerance
        self.min_count, self.min_sigma = min_count, min_sigma
        self.num_joints = 1 + max(map(max, bones))
        self.register_buffer('bones', torch.tensor(bones), persistent=False)
        self.register_buffer('pairs', torch.tensor(pairs), persistent=False)
        # of all observations so far, per pair: number, sum and sum of squares
        for name in ('count', 'total', 'squares'):
            self.register_buffer(name, torch.zeros(len(pairs)))

    def proportions(self, points: Tensor) -> Tensor:
        """Log ratios of the lengths of bones that share a joint.

        Args:
            points (Tensor): (B, K, 2) input pixels.

        Returns:
            Tensor: (B, P).
        """
        ends = points[:, self.bones]  # (B, bones, 2, 2)
        # plus one pixel: joints on the same spot must not give an infinite gradient
        logs = 0.5 * ((ends[:, :, 0] - ends[:, :, 1]).square().sum(-1) + 1).log()
        return logs[:, self.pairs[:, 0]] - logs[:, self.pairs[:, 1]]

    def both(self, joints: Tensor) -> Tensor:
        """(B, K) of 0, 1 per joint to (B, P) per pair: 1 if all its joints have 1."""
        return joints[:, self.bones].amin(-1)[:, self.pairs].amin(-1)

    @torch.no_grad()
    def observe(self, points: Tensor, weights: Tensor) -> None:
        """Count poses of the start model.

        Args:
            points (Tensor): (B, K, 2) input pixels.
            weights (Tensor): (B, K) of 0, 1.
        """
        values, used = self.proportions(points).float(), self.both(weights).float()
        self.count += used.sum(0)
        self.total += (used * values).sum(0)
        self.squares += (used * values.square()).sum(0)

    def statistics(self) -> tuple[Tensor, Tensor, Tensor]:
        """(P,) each: mean, standard deviation, and 1 where there were enough observations."""
        count = self.count.clamp(min=1)
        mean = self.total / count
        sigma = (self.squares / count - mean.square()).clamp(min=0).sqrt()
        return mean, sigma.clamp(min=self.min_sigma), (self.count >= self.min_count).float()

    def forward(self, batch: AdaptationBatch) -> dict[str, Tensor]:
        """Compute the term.

        Args:
            batch (AdaptationBatch): Uses ``target``, ``pseudo`` (which joints are in the view)
                and ``start``.

        Returns:
            dict[str, Tensor]: ``loss_pose_prior``, and ``implausible``, the share of proportions
            outside of the tolerance.
        """
        readout, start = batch.readout, batch.start.pseudo
        if start.points.shape[1] < self.num_joints:
            raise ValueError(
                f'PosePriorLoss: the skeleton names joint {self.num_joints - 1}, but the model '
                f'predicts {start.points.shape[1]} joints: give the metainfo of its data set')
        if self.training:
            self.observe(start.points, start.weights)
        mean, sigma, known = self.statistics()
        scale = torch.as_tensor(readout.scale_factor).to(start.points, non_blocking=True)
        values = self.proportions(readout.soft_points(batch.target.output) * scale)
        used = known * self.both((batch.pseudo.confidence > 0).float())
        excess = ((values - mean).abs() / sigma - self.tolerance).clamp(min=0)
        number = used.sum().clamp(min=1)
        return dict(loss_pose_prior=self.loss_weight * (used * excess.square()).sum() / number,
                    implausible=(used * (excess.detach() > 0)).sum() / number)
