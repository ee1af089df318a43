"""Adversarial alignment of features (DANN)."""
from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from mmpose.registry import MODELS
from torch import Tensor, nn

from ..layers.gradient_reversal import GradientReversal

if TYPE_CHECKING:
    from ..pose_estimators.adaptation_batch import AdaptationBatch


@MODELS.register_module()
class DomainAdversarialLoss(nn.Module):
    r"""Make features of both domains indistinguishable to a discriminator.

    A discriminator learns to tell source (0) from target (1) features with binary cross-entropy;
    the gradient is reversed on its way into the pose estimator, which so learns the opposite
    (arXiv 1409.7495; on pose features: arXiv 2404.14885, feature level).

    An alignment term of :class:`MeanTeacherPoseEstimator` (``docs/design.md``). Its parameters
    are in ``alignments.<name>.discriminator``: give them their own learning rate with
    ``optim_wrapper.paramwise_cfg.custom_keys={'discriminator': dict(lr_mult=..)}``.

    Args:
        feature (str): The submodule of the pose estimator whose output is aligned, e.g.
            ``'backbone.layer4'``, ``'neck'``, ``'head.deconv_layers'`` (default, published).
        discriminator (dict): Config of the discriminator. Defaults to the published
            ``PatchDiscriminator(in_channels=256)``.
        loss_weight (float): Of each domain's term (the paper's lambda_b). Defaults to 0.1.
        reversal (dict, optional): Arguments of :class:`GradientReversal`. Defaults to a constant
            coefficient of 1 (published).
        name (str): Log keys are ``loss_{name}`` and ``{name}_accuracy``; two terms of a model need
            two names. Defaults to ``'adversarial'``.

    Raises:
        ValueError: See :class:`GradientReversal`; a feature that does not exist (raised by the
            estimator, with the names that do).
    """

    needs_source = True

    def __init__(self, feature: str = 'head.deconv_layers', discriminator: dict | None = None,
                 loss_weight: float = 0.1, reversal: dict | None = None,
                 name: str = 'adversarial') -> None:
        super().__init__()
        self.features = (feature,)  # the estimator collects these
        self.discriminator = MODELS.build(discriminator or dict(type='PatchDiscriminator'))
        self.reversal = GradientReversal(**(reversal or {}))
        self.loss_weight, self.name = loss_weight, name
        self.last_maps: tuple[Tensor, Tensor] | None = None  # for visualisation hooks

    def init_weights(self) -> None:
        """Initialise the discriminator as its ``init_cfg`` says."""
        if hasattr(self.discriminator, 'init_weights'):
            self.discriminator.init_weights()

    def forward(self, batch: AdaptationBatch) -> dict[str, Tensor]:
        """Loss and accuracy.

        Args:
            batch (dict): ``source_features`` and ``target_features``, dicts of (N, C, H, W)
                tensors by feature name, and ``progress``.

        Returns:
            dict[str, Tensor]: ``loss_adversarial``, ``adversarial_accuracy`` (balanced accuracy in
            [0, 1]; 0.5 = aligned or a discriminator that has given up).
        """
        source, target = (d.features[self.features[0]] for d in (batch.source, batch.target))
        mixed = self.reversal(torch.cat([source, target]), batch.progress)
        source_logits, target_logits = self.discriminator(mixed).float().split(
            [len(source), len(target)])
        # softplus is the cross-entropy of logits against constant labels
        loss = F.softplus(source_logits).mean() + F.softplus(-target_logits).mean()
        with torch.no_grad():
            accuracy = ((source_logits < 0).float().mean()
                        + (target_logits > 0).float().mean()) / 2
        self.last_maps = (source_logits.detach(), target_logits.detach())
        return {f'loss_{self.name}': self.loss_weight * loss, f'{self.name}_accuracy': accuracy}
