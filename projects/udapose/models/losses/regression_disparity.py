"""Adversarial regression disparity (RegDA)."""
from __future__ import annotations

import copy
import logging
from typing import TYPE_CHECKING

import torch
from mmengine.logging import print_log
from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.func import functional_call

from ..layers.gradient_reversal import GradientReversal, reverse_gradient
from ..readouts import Readout
from ..readouts.base import instance_labels

if TYPE_CHECKING:
    from ..pose_estimators.adaptation_batch import AdaptationBatch, DomainPass


@MODELS.register_module()
class RegressionDisparity(nn.Module):
    r"""A second head looks for disagreement on the target; the features learn to leave none.

    The adversarial head learns to agree with the student's head on source images (weight
    ``margin``), and to predict the *ground-false* map of each keypoint on target images: the sum
    of the other keypoints' Gaussians, where a wrong prediction is likely. The features, which it
    shares with the student's head, learn the opposite: that it agrees on target images, too.
    Source: RegDA, arXiv 2103.06175, sec. 4 (its three optimizer steps are one step here).

    An alignment term of :class:`MeanTeacherPoseEstimator` that needs no teacher. The student's
    head learns from labels alone. The second head lives in ``alignments.<name>.head`` and is in no
    export; ``paramwise_cfg.custom_keys={'alignments.<name>': dict(lr_mult=..)}`` gives it a rate
    of its own.

    Args:
        head (dict, optional): Config of the second head. By default it has the architecture of
            the student's head, with weights of its own.
        feature (str, optional): Submodule of the pose estimator whose output both heads share,
            such as ``'head.deconv_layers'`` (published; then ``head`` is what comes after it). By
            default what the student's head is given.
        margin (float): Weight of the agreement on source images. Defaults to 4 (published code).
        loss_weight (float): Of all parts. Defaults to 1 (published code).
        goal (str): What the features learn on target images: ``'truth'``, to let the second head
            agree (published), or ``'reversal'``, the reversed gradient of its own goal.
        reversal (dict, optional): Coefficient of what reaches the features, as
            :class:`GradientReversal`. Defaults to a rise to 0.01 within the first fifth of the
            training (published: to 0.1, time constant 1,000 of 15,000 iterations, with SGD; with
            Adam that lost the model, docs/regda.md).
        criterion (str): ``'mse'`` (default): mean squared error of the maps, as MMPose's heatmap
            heads learn; ``'kl'``: divergence of the spatial softmax from the normalised map. That
            one is published, for a student's head that learns by it as well: it is some thousand
            times an MSE, so beside one the features would hardly hear the labels.
        name (str): Log keys are ``loss_{name}_source``, ``loss_{name}_false``,
            ``loss_{name}_truth`` (not with ``'reversal'``) and ``{name}_agreement``.

    Raises:
        ValueError: Unknown goal or criterion; a ``feature`` without a ``head``.
    """

    kinds = ('maps',)  # of readouts that it understands
    needs_source = True

    def __init__(self, head: dict | None = None, feature: str | None = None, margin: float = 4.,
                 loss_weight: float = 1., goal: str = 'truth', reversal: dict | None = None,
                 criterion: str = 'mse', name: str = 'disparity') -> None:
        super().__init__()
        if goal not in ('truth', 'reversal'):
            raise ValueError(f"goal must be 'truth' or 'reversal', got {goal!r}")
        if criterion not in ('kl', 'mse'):
            raise ValueError(f"criterion must be 'kl' or 'mse', got {criterion!r}")
        if feature is not None and head is None:
            raise ValueError(f'RegressionDisparity(feature={feature!r}) needs a head for these '
                             "features, e.g. head=dict(type='HeatmapHead', in_channels=256, "
                             'out_channels=16, deconv_out_channels=None)')
        self.head = None if head is None else MODELS.build(head)
        self.features = () if feature is None else (feature,)  # the estimator collects these
        self.margin, self.loss_weight = margin, loss_weight
        self.goal, self.criterion, self.name = goal, criterion, name
        self.reversal = GradientReversal(**(reversal or dict(
            coefficient=0.01, schedule='warmup', gamma=15.)))

    def attach(self, student: nn.Module, readout: Readout) -> None:
        """Copy the student's head, if there is none yet; called once by the estimator."""
        if self.head is None:
            self.head = copy.deepcopy(student.head).requires_grad_(True)
        names = (type(module).__name__ for module in student.head.modules())
        squared = next((name for name in names if 'MSE' in name), None)
        if self.criterion == 'kl' and squared:
            print_log(f"RegressionDisparity(criterion='kl') beside {squared} of the student's "
                      'head: the divergence is some thousand times a mean squared error, and the '
                      "labels are hardly heard. Use criterion='mse', or a head that learns by KL",
                      logger='current', level=logging.WARNING)

    def init_weights(self) -> None:
        """Initialise the second head as its ``init_cfg`` says."""
        if hasattr(self.head, 'init_weights'):
            self.head.init_weights()

    def forward(self, batch: AdaptationBatch) -> dict[str, Tensor]:
        """Losses and agreement.

        Args:
            batch (AdaptationBatch): Source and target.

        Returns:
            dict[str, Tensor]: See ``name``. Agreement: share of the target's keypoints where both
            heads' maxima are at most 2 heatmap pixels apart, in [0, 1].
        """
        if batch.source is None:
            raise ValueError('RegressionDisparity compares both domains, but this batch has no '
                             'source images: remove it from alignments')
        readout, value = batch.readout, self.reversal.value(batch.progress)
        source, target = (self._shared(domain) for domain in (batch.source, batch.target))
        truths = [self._truth(readout, d.output) for d in (batch.source, batch.target)]
        weights = instance_labels(batch.source.samples, 'keypoint_weights').to(truths[0].device)
        # Source: head and features agree. Target: the head's own goal, without the features or, by
        # reversal, against them. One pass per domain, as published: statistics are not mixed.
        agreeing = readout.maps(self.head(scaled(source, value)))
        opposing = readout.maps(self.head(
            scaled(target, -value if self.goal == 'reversal' else 0.)))
        losses = {
            f'loss_{self.name}_source': self.margin * self._loss(agreeing, truths[0], weights),
            f'loss_{self.name}_false': self._loss(opposing, ground_false(truths[1]))}
        if self.goal == 'truth':  # the features' step: the second head holds still
            held = functional_call(
                self.head, {k: p.detach() for k, p in self.head.named_parameters()},
                (scaled(target, value),))
            losses[f'loss_{self.name}_truth'] = self._loss(readout.maps(held), truths[1])
        losses = {k: self.loss_weight * v for k, v in losses.items()}
        with torch.no_grad():
            own, other = (readout.points(maps.float(), subpixel=False)[0]
                          for maps in (readout.maps(batch.target.output), opposing))
            close = (own - other).square().sum(-1) <= 4
            losses[f'{self.name}_agreement'] = close.float().mean()
        return losses

    def _shared(self, domain: DomainPass) -> tuple[Tensor, ...]:
        """What both heads are given."""
        return (domain.features[self.features[0]],) if self.features else tuple(domain.feats)

    @staticmethod
    @torch.no_grad()
    def _truth(readout: Readout, output) -> Tensor:
        """(B, K, H, W) Gaussians of height 1 at the student's maxima."""
        points, _ = readout.points(readout.maps(output).float(), subpixel=False)
        maps = readout.targets(points)
        return maps / maps.amax((2, 3), keepdim=True).clamp(min=1e-6)

    def _loss(self, maps: Tensor, aims: Tensor, weights: Tensor | None = None) -> Tensor:
        """Mean over samples and keypoints."""
        maps = maps.float()
        if self.criterion == 'mse':
            losses = (maps - aims).square().mean((2, 3))
        else:
            aims = (aims + 1e-7).flatten(2)
            aims = aims / aims.sum(-1, keepdim=True)
            losses = (aims * (aims.log() - maps.flatten(2).log_softmax(-1))).sum(-1)
        return (losses if weights is None else losses * weights).mean()


def ground_false(truth: Tensor) -> Tensor:
    """Where a keypoint may be confused with another one (arXiv 2103.06175, eq. 5).

    Args:
        truth (Tensor): (B, K, H, W), Gaussians of height 1.

    Returns:
        Tensor: (B, K, H, W) in [0, 1], for each keypoint the sum of all others, cut off at 1.
    """
    return (truth.sum(1, keepdim=True) - truth).clamp(0, 1)


def scaled(features: tuple[Tensor, ...], factor: float) -> tuple[Tensor, ...]:
    """The same features with their gradient times ``factor``; 0 cuts it off."""
    return tuple(reverse_gradient(f, -factor) if factor else f.detach() for f in features)
