"""Information maximization on heatmaps and SimCC's profiles."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

if TYPE_CHECKING:
    from ..pose_estimators.adaptation_batch import AdaptationBatch


def softmax_entropy(logits: Tensor) -> Tensor:
    """Entropy in nats of the softmax over the last axis, in float32: (..., N) to (...)."""
    log_p = logits.float().log_softmax(-1)
    return -(log_p.exp() * log_p).sum(-1)


@MODELS.register_module()
class InformationMaximizationLoss(nn.Module):
    r"""Confident heatmaps for each sample, diverse ones on average.

    .. math:: L = H_x + H_y - H_{mean}

    ``form='profiles'`` is the published one (arXiv 2404.14885, official code): :math:`H_x` and
    :math:`H_y` are the entropies of the softmax of each heatmap's average along the other axis,
    :math:`H_{mean}` that of the softmax of the batch-mean heatmap over all positions, each divided
    by H*W (``normalize='pixels'``), at temperature 1. With heatmaps in [0, 1] all three
    distributions are then nearly uniform and the gradient is negligible.
    ``form='joint'`` makes the term matter: each heatmap becomes *one* distribution
    :math:`p_{bk} = softmax(h_{bk} / T)` over all positions, whose marginals give :math:`H_x` and
    :math:`H_y`, and :math:`H_{mean}` is the entropy of :math:`\frac1B \sum_b p_{bk}`; a lower
    temperature (0.05: a peak of 1 counts e^20 times the background) and ``normalize='log'`` (each
    entropy in [0, 1]) belong to it.

    Heads that classify x and y (SimCC, RTMPose) have the two profiles at hand: H_x and H_y are
    theirs, H_mean the sum of the entropies of both batch means.

    An alignment term of :class:`MeanTeacherPoseEstimator`; :meth:`entropies` works on any
    heatmaps, :meth:`profile_entropies` on any profiles.

    Args:
        loss_weight (float): The paper's lambda_c. Defaults to 0.3.
        temperature (float): Divides the heatmaps. Defaults to 1 (published).
        normalize (str | None): ``'pixels'`` divides each entropy by H*W (published), ``'log'`` by
            the largest value it can have, None not at all. Defaults to ``'pixels'``.
        form (str): ``'profiles'`` (published) or ``'joint'``. Defaults to ``'profiles'``.
        diversity_weight (float): Factor of H_mean. Defaults to 1 (published).

    Raises:
        ValueError: Unknown option or temperature <= 0.
    """

    kinds = ('maps', 'profiles')  # of readouts that it understands

    def __init__(self, loss_weight: float = 0.3, temperature: float = 1.,
                 normalize: str | None = 'pixels', form: str = 'profiles',
                 diversity_weight: float = 1.) -> None:
        super().__init__()
        for key, value, options in (('normalize', normalize, ('pixels', 'log', None)),
                                    ('form', form, ('profiles', 'joint'))):
            if value not in options:
                raise ValueError(f'{key} must be one of {options}, got {value!r}')
        if temperature <= 0:
            raise ValueError(f'temperature must be > 0, got {temperature}')
        self.loss_weight, self.temperature = loss_weight, temperature
        self.normalize, self.form, self.diversity_weight = normalize, form, diversity_weight

    def entropies(self, heatmaps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The three normalised entropies.

        Args:
            heatmaps (Tensor): (B, K, H, W).

        Returns:
            tuple[Tensor, Tensor, Tensor]: Scalars H_x, H_y (means over batch and joints) and
            H_mean (mean over joints).
        """
        height, width = heatmaps.shape[-2:]
        logits = heatmaps.float() / self.temperature
        if self.form == 'profiles':
            values = (softmax_entropy(logits.mean(2)), softmax_entropy(logits.mean(3)),
                      softmax_entropy(logits.mean(0).flatten(1)))
        else:
            p = logits.flatten(2).softmax(-1).view_as(logits)
            values = (_entropy(p.sum(2)), _entropy(p.sum(3)), _entropy(p.mean(0).flatten(1)))
        return self._scaled(values, height, width)

    def profile_entropies(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The three normalised entropies of profiles.

        Args:
            x (Tensor): (B, K, Wx) logits.
            y (Tensor): (B, K, Wy) logits.

        Returns:
            tuple[Tensor, Tensor, Tensor]: As :meth:`entropies`.
        """
        logits = [profile.float() / self.temperature for profile in (x, y)]
        if self.form == 'profiles':
            mean = sum(softmax_entropy(profile.mean(0)) for profile in logits)
        else:
            mean = sum(_entropy(profile.softmax(-1).mean(0)) for profile in logits)
        values = (*(softmax_entropy(profile) for profile in logits), mean)
        return self._scaled(values, y.shape[-1], x.shape[-1])

    def _scaled(self, values: tuple, height: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
        if self.normalize == 'pixels':
            scales = (height * width,) * 3
        elif self.normalize == 'log':
            scales = (math.log(width), math.log(height), math.log(height * width))
        else:
            scales = (1.,) * 3
        return tuple(v.mean() / s for v, s in zip(values, scales, strict=True))

    def forward(self, batch: AdaptationBatch) -> dict[str, Tensor]:
        """Loss on the student's target predictions.

        Args:
            batch (AdaptationBatch): Its ``aligned_output``, in the frame of the comparison.

        Returns:
            dict[str, Tensor]: ``loss_information`` and the three entropies ``entropy_x``,
            ``entropy_y``, ``entropy_mean``.
        """
        output = batch.aligned_output
        if batch.readout.kind == 'profiles':  # as the head is trained: softmax(beta * logits)
            x, y, mean = self.profile_entropies(*(batch.readout.beta * p for p in output))
        else:
            x, y, mean = self.entropies(output)
        loss = self.loss_weight * (x + y - self.diversity_weight * mean)
        return dict(loss_information=loss, entropy_x=x.detach(), entropy_y=y.detach(),
                    entropy_mean=mean.detach())


def _entropy(p: Tensor) -> Tensor:
    """Entropy in nats over the last axis; 0 log 0 = 0, with a finite gradient."""
    return -torch.special.xlogy(p, p.clamp(min=1e-12)).sum(-1)
