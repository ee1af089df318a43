"""A vision transformer that can show its attention."""
from __future__ import annotations

from collections.abc import Sequence

from mmengine.registry import WEIGHT_INITIALIZERS
from mmpose.registry import MODELS
from mmpretrain.models import VisionTransformer
from torch import Tensor

from ...config_types import is_kind
from ..utils.attention_maps import attention_maps, resolve_layers
from ..utils.position_embedding import sincos_position_embedding
from ..utils.pretrained_vit import PretrainedLast


class _PositionedViT(VisionTransformer):
    """Chooses how the position embedding starts, before any checkpoint is loaded."""

    position_init = 'normal'

    def init_weights(self) -> None:
        super().init_weights()
        loaded = isinstance(self.init_cfg, dict) and is_kind(
            self.init_cfg, WEIGHT_INITIALIZERS, 'Pretrained')
        if self.position_init == 'sincos' and not loaded:
            embedding = sincos_position_embedding(self.patch_resolution, self.embed_dims)
            self.pos_embed.data.copy_(embedding[:, embedding.shape[1] - self.pos_embed.shape[1]:])


@MODELS.register_module()
class AttentionViT(PretrainedLast, _PositionedViT):
    r"""mmpretrain's ``VisionTransformer`` that also returns attention maps of chosen layers.

    Same arguments, same state dict (hence ViTPose's, too), same output. The maps are
    :math:`\mathrm{softmax}(Q K^T / \sqrt d)`; every layer keeps using fused attention, and without
    ``return_attention`` nothing is added at all. ``attention_maps`` of the module
    ``udapose.models.utils.attention_maps`` does the same for any other model around such a
    backbone. Source of the architecture: arXiv 2010.11929.

    Args:
        *args, **kwargs: See ``mmpretrain.VisionTransformer`` (``arch``, ``img_size`` (height,
            width), ``patch_size``, ...).
        attention_layers (Sequence[int]): Layers whose maps are returned when asked for; negative
            ones count from the end. Defaults to the last.
        out_type (str): Defaults to ``'featmap'``, what a pose head takes.
        with_cls_token (bool): Whether there is a class token; MMPose's ViTPose has none. Defaults
            to True.
        position_init (str): How the learned position embedding starts without a checkpoint:
            ``'normal'`` (mmpretrain's), or ``'sincos'``, that of masked autoencoders
            (arXiv 2111.06377), from which small models learn where things are far sooner
            (docs/design.md). Defaults to ``'normal'``.

    Raises:
        ValueError: ``attention_layers`` are not different layers of the transformer; unknown
            ``position_init``.
    """

    def __init__(self, *args, attention_layers: Sequence[int] = (-1,), out_type: str = 'featmap',
                 with_cls_token: bool = True, position_init: str = 'normal', **kwargs) -> None:
        if position_init not in ('normal', 'sincos'):
            raise ValueError(f"position_init={position_init!r} is not 'normal' or 'sincos'")
        super().__init__(*args, out_type=out_type, with_cls_token=with_cls_token, **kwargs)
        self.position_init = position_init
        self.attention_layers = resolve_layers(self, attention_layers)

    def train(self, mode: bool = True) -> AttentionViT:
        """Set the mode; returns the model, as torch does and mmpretrain's backbones do not."""
        super().train(mode)
        return self

    def forward(self, x: Tensor, return_attention: bool = False
                ) -> tuple[Tensor, ...] | tuple[tuple[Tensor, ...], dict[int, Tensor]]:
        """Features, and if asked for the attention.

        Args:
            x (Tensor): (N, 3, H, W).
            return_attention (bool): Defaults to False.

        Returns:
            tuple[Tensor, ...]: (N, C, h, w) per output layer. With ``return_attention`` a pair of
            this and of dict[int, Tensor]: layer, counted from the front, to (N, heads, L, L)
            float32, L the number of tokens, the class token first if there is one.
        """
        if not return_attention:
            return super().forward(x)
        with attention_maps(self, self.attention_layers) as maps:
            features = super().forward(x)
        return features, maps
