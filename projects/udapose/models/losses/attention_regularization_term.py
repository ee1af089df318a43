"""Attention regularization as an alignment term of a mean teacher."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from ..utils.attention_maps import attention_maps, check_attention, maps_from_qkv

if TYPE_CHECKING:
    from ..pose_estimators.adaptation_batch import AdaptationBatch


@MODELS.register_module()
class AttentionRegularization(nn.Module):
    """Keep the student's attention near that of a frozen, pre-trained encoder.

    An entry of ``MeanTeacherPoseEstimator.alignments`` for students with a vision transformer; see
    ``AttentionRegularizedPoseEstimator`` for the same around a single model. The encoder is part
    of the training's checkpoints (``alignments.<name>.encoder.``), not of an export.
    Source: arXiv 2501.08408.

    Args:
        encoder (dict): Config of the auxiliary encoder, the student's backbone as it was
            pre-trained: the same ``dict`` with its ``init_cfg`` (``PretrainedViT``).
        loss (dict, optional): Defaults to ``dict(type='AttentionRegularizationLoss')``.
        on (Sequence[str]): ``'source'``, ``'target'`` or both. Defaults to both.

    Raises:
        TypeError, ValueError: The encoder is no vision transformer; layers that do not exist; an
            encoder without ``init_cfg``, which would be random.
    """

    def __init__(self, encoder: dict, loss: dict | None = None,
                 on: Sequence[str] = ('source', 'target')) -> None:
        super().__init__()
        self.on = (on,) if isinstance(on, str) else tuple(on)
        if not self.on or set(self.on) - {'source', 'target'}:
            raise ValueError("AttentionRegularization: on must name 'source', 'target' or both, "
                             f'got {on!r}')
        if not encoder.get('init_cfg'):
            raise ValueError('AttentionRegularization: encoder has no init_cfg, so the attention '
                             "would be kept near a random one: set init_cfg=dict("
                             "type='PretrainedViT', checkpoint=...), the student's own")
        self.needs_source = 'source' in self.on
        self.encoder = MODELS.build(encoder).requires_grad_(False)
        self.loss = MODELS.build(loss or dict(type='AttentionRegularizationLoss'))
        layers = self.loss.layers
        if layers is None:
            layers = getattr(self.encoder, 'attention_layers', (-1,))
        self.layers = check_attention(self.encoder, layers, self.loss.class_token_only)
        # the student's maps come from what its layers computed anyway
        self.features = tuple(f'backbone.layers.{i}.attn.qkv' for i in self.layers)

    def init_weights(self) -> None:
        """Load the pre-trained weights."""
        self.encoder.init_weights()

    def train(self, mode: bool = True) -> AttentionRegularization:
        """Keep the encoder in evaluation mode."""
        super().train(mode)
        self.encoder.eval()
        return self

    def forward(self, batch: AdaptationBatch) -> dict[str, Tensor]:
        """Compute the term.

        Args:
            batch (AdaptationBatch): Uses ``student`` and each domain's ``inputs`` and
                ``features``.

        Returns:
            dict[str, Tensor]: ``loss_attention_source`` and ``loss_attention_target`` (those of
            ``on``), each divided by the number of domains.
        """
        row = self.loss.class_token_only
        layers = batch.student.backbone.layers
        losses = {}
        for name_of_domain in self.on:
            domain = batch.domain(name_of_domain)
            maps = [maps_from_qkv(domain.features[name], layers[i].attn.num_heads, row)
                    for i, name in zip(self.layers, self.features, strict=True)]
            with torch.no_grad(), attention_maps(self.encoder, self.layers, row) as auxiliary:
                self.encoder(domain.inputs)
            losses[f'loss_attention_{name_of_domain}'] = self.loss(maps, auxiliary) / len(self.on)
        return losses
