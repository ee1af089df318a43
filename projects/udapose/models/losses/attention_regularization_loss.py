"""Distance between the attention of an encoder and of a frozen one."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

_SMALLEST = 1e-12  # of a probability in a logarithm; attention in half precision underflows to 0


@MODELS.register_module()
class AttentionRegularizationLoss(nn.Module):
    r"""Keep an encoder's attention near that of the frozen, pre-trained encoder.

    With student's map :math:`a` and auxiliary map :math:`b` (rows over the keys, each summing to 1)
    the distance is one of

    - ``'mse'``: mean of :math:`(a - b)^2` over all entries. An entry is some 1/L (L tokens), so
      values are tiny; the weight has to make up for it.
    - ``'kl'``: :math:`\sum_k b_k \log (b_k / a_k)`, averaged over rows; in nats.
    - ``'cosine'``: :math:`1 - \cos(a, b)` of the rows, averaged; in [0, 1].

    Source: arXiv 2501.08408 (attention regularization); the choices are options of this package.

    Args:
        distance (str): ``'mse'`` (default), ``'kl'`` or ``'cosine'``.
        heads (str): ``'average'`` (default) compares maps averaged over heads, ``'match'`` each
            head with its namesake (both encoders must have the same number).
        tokens (str): ``'all'`` (default) compares the rows of all tokens, ``'class_token'`` only
            that of the first token.
        layers (Sequence[int], optional): Layers of both encoders, negative ones from the end.
            Defaults to the backbone's ``attention_layers``, or else the last.
        layer_maps (str): ``'match'`` (default) averages the distances of the layers, ``'average'``
            compares the maps averaged over the layers.
        loss_weight (float): Defaults to 1.

    Raises:
        ValueError: Unknown choices; maps that cannot be compared (which shapes).
    """

    def __init__(self, distance: str = 'mse', heads: str = 'average', tokens: str = 'all',
                 layers: Sequence[int] | None = None, layer_maps: str = 'match',
                 loss_weight: float = 1.) -> None:
        super().__init__()
        for name, value, choices in (
                ('distance', distance, ('mse', 'kl', 'cosine')),
                ('heads', heads, ('average', 'match')), ('tokens', tokens, ('all', 'class_token')),
                ('layer_maps', layer_maps, ('match', 'average'))):
            if value not in choices:
                raise ValueError(f'AttentionRegularizationLoss: {name} must be one of {choices}, '
                                 f'got {value!r}')
        self.distance, self.heads = distance, heads
        self.tokens, self.layer_maps = tokens, layer_maps
        self.layers = None if layers is None else tuple(layers)
        self.loss_weight = loss_weight

    @property
    def class_token_only(self) -> bool:
        """bool: Whether the other tokens' rows are not needed."""
        return self.tokens == 'class_token'

    def forward(self, student: Mapping[int, Tensor] | Sequence[Tensor],
                auxiliary: Mapping[int, Tensor] | Sequence[Tensor]) -> Tensor:
        """Compute the loss.

        Args:
            student (Mapping[int, Tensor] | Sequence[Tensor]): Maps (N, H, Q, L) after the softmax,
                one per layer; Q is L, or 1 if only the class token's row was computed.
            auxiliary (Mapping[int, Tensor] | Sequence[Tensor]): Those of the frozen encoder, in
                the same order.

        Returns:
            Tensor: The scalar loss; no gradient goes to ``auxiliary``.
        """
        student, auxiliary = self._prepared(student), self._prepared(auxiliary)
        if student.shape != auxiliary.shape:
            raise ValueError(
                f'attention maps of {tuple(student.shape)} and {tuple(auxiliary.shape)} (layers, '
                'images, heads, queries, keys) cannot be compared: both encoders need the same '
                "patches and class token, with heads='match' also the same number of heads")
        return self.loss_weight * self._distance(student, auxiliary.detach())

    def _prepared(self, maps: Mapping[int, Tensor] | Sequence[Tensor]) -> Tensor:
        """Stack to (layers, N, heads, queries, L) in float32, averaged as configured."""
        maps = list(maps.values()) if isinstance(maps, Mapping) else list(maps)
        if self.class_token_only:
            maps = [m[..., :1, :] for m in maps]
        if self.heads == 'average':
            maps = [m.mean(1, keepdim=True) for m in maps]
        stacked = torch.stack(maps).float()
        return stacked.mean(0, keepdim=True) if self.layer_maps == 'average' else stacked

    def _distance(self, a: Tensor, b: Tensor) -> Tensor:
        if self.distance == 'mse':
            return (a - b).square().mean()
        if self.distance == 'cosine':
            return (1 - torch.cosine_similarity(a, b, dim=-1)).mean()
        logs = b.clamp(min=_SMALLEST).log() - a.clamp(min=_SMALLEST).log()
        return (b * logs).sum(-1).mean()
