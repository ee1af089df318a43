"""Attention maps of vision transformers, collected while the model runs."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn


def resolve_layers(backbone: nn.Module, layers: Sequence[int]) -> tuple[int, ...]:
    """Indices of a transformer's layers, counted from the front.

    Args:
        backbone (nn.Module): With ``layers[i].attn.qkv``, such as mmpretrain's
            ``VisionTransformer``.
        layers (Sequence[int]): Negative ones count from the end.

    Returns:
        tuple[int, ...]: In [0, number of layers), in the given order.

    Raises:
        TypeError: The backbone has no attention that this module can read.
        ValueError: No layer, a layer twice, or one that does not exist.
    """
    blocks = getattr(backbone, 'layers', None)
    first = next(iter(blocks), None) if isinstance(blocks, nn.ModuleList) else None
    if not hasattr(getattr(first, 'attn', None), 'qkv'):
        raise TypeError(f'{type(backbone).__name__} has no self-attention (layers[i].attn.qkv) to '
                        "read: use a vision transformer, e.g. backbone=dict(type='AttentionViT')")
    count = len(blocks)
    resolved = tuple(i + count if i < 0 else i for i in layers)
    if not resolved or len(set(resolved)) < len(resolved) or \
            not all(0 <= i < count for i in resolved):
        raise ValueError(f'attention layers {list(layers)}: expected one or more different layers '
                         f'in [-{count}, {count - 1}], as {type(backbone).__name__} has {count}')
    return resolved


def check_attention(backbone: nn.Module, layers: Sequence[int],
                    class_token_only: bool = False) -> tuple[int, ...]:
    """:func:`resolve_layers`, and that there is a class token if its row is wanted.

    Raises:
        TypeError, ValueError: Says what the backbone lacks.
    """
    indices = resolve_layers(backbone, layers)
    if class_token_only and getattr(backbone, 'cls_token', None) is None:
        raise ValueError('the attention of the class token was asked for, but this '
                         f'{type(backbone).__name__} has none: set with_cls_token=True, or ask for '
                         "the full map (tokens='all')")
    return indices


def maps_from_qkv(qkv: Tensor, num_heads: int, class_token_only: bool = False) -> Tensor:
    r"""Attention of a layer, :math:`\mathrm{softmax}(Q K^T / \sqrt d)`, d the width of a head.

    Args:
        qkv (Tensor): (N, L, 3 C), output of the layer's joint projection: queries, keys, values.
        num_heads (int): H, a divisor of C.
        class_token_only (bool): Only the first query's row.

    Returns:
        Tensor: (N, H, L or 1, L) in float32; each row sums to 1. Dropout on the attention, if the
        model has any, is not in it.
    """
    queries, keys = qkv.unflatten(-1, (3, num_heads, -1)).permute(2, 0, 3, 1, 4)[:2]
    if class_token_only:
        queries = queries[:, :, :1]
    # scaled before the product, which may be in half precision
    logits = (queries * queries.shape[-1]**-0.5) @ keys.transpose(-2, -1)
    return logits.float().softmax(-1)


@contextmanager
def attention_maps(backbone: nn.Module, layers: Sequence[int],
                   class_token_only: bool = False) -> Iterator[dict[int, Tensor]]:
    """Collect the attention of some layers during the block.

    Fused attention never forms the map, so it is computed beside it, from the projection that the
    layer makes anyway: the model's output and the other layers are untouched. Costs N * H * L * L
    floats and one matrix product per layer that was asked for. Gradients flow through the maps.

    Args:
        backbone (nn.Module): Runs once inside of the block.
        layers (Sequence[int]): Which layers, negative ones from the end.
        class_token_only (bool): Only the class token's row, (N, H, 1, L).

    Yields:
        dict[int, Tensor]: Layer, counted from the front, to its map (N, H, L, L); filled while the
        model runs, in the order of ``layers``. A second run overwrites the first.

    Raises:
        TypeError, ValueError: See :func:`check_attention`.
    """
    indices = check_attention(backbone, layers, class_token_only)
    maps: dict[int, Tensor] = dict.fromkeys(indices)

    def keep(index: int, num_heads: int):
        def hook(module: nn.Module, inputs: tuple, qkv: Tensor) -> None:
            maps[index] = maps_from_qkv(qkv, num_heads, class_token_only)
        return hook

    handles = [attn.qkv.register_forward_hook(keep(i, attn.num_heads))
               for i, attn in ((i, backbone.layers[i].attn) for i in indices)]
    try:
        yield maps
    finally:
        for handle in handles:
            handle.remove()


#: What :func:`attention_heat` can show.
HEAT_MODES = ('auto', 'class_token', 'received')


@torch.no_grad()
def attention_heat(backbone: nn.Module, images: Tensor, layer: int = -1,
                   mode: str = 'auto') -> Tensor:
    """Where a transformer looks: attention over the image's patches, averaged over heads.

    Args:
        backbone (nn.Module): With ``patch_embed`` as in mmpretrain; its mode (training or
            evaluation) is kept.
        images (Tensor): (N, 3, H, W), normalised.
        layer (int): Which one; negative from the end.
        mode (str): ``'class_token'``, the class token's row; ``'received'``, the attention that a
            patch receives from all patches, on average; ``'auto'`` (default), the former if the
            class token is the backbone's output. Where the feature map is, as for poses, nothing
            ever trains the class token's row of the last layer.

    Returns:
        Tensor: (N, h, w) on the grid of patches; each map sums to 1.
    """
    if mode not in HEAT_MODES:
        raise ValueError(f'mode must be one of {HEAT_MODES}, got {mode!r}')
    if mode == 'auto':
        from_token = getattr(backbone, 'out_type', '') == 'cls_token'
        mode = 'class_token' if from_token else 'received'
    with attention_maps(backbone, [layer], mode == 'class_token') as maps:
        grid = _run(backbone, images)
    heat, = maps.values()
    patches = grid[0] * grid[1]
    heat = heat.mean(1)[:, :, -patches:]  # extra tokens come first
    heat = heat[:, 0] if mode == 'class_token' else heat[:, -patches:].mean(1)
    return (heat / heat.sum(-1, keepdim=True)).unflatten(-1, grid)


def _run(backbone: nn.Module, images: Tensor) -> tuple[int, int]:
    """Run a transformer, whatever it returns; the grid (h, w) of its patches."""
    grids = []
    handle = backbone.patch_embed.register_forward_hook(
        lambda module, inputs, output: grids.append(tuple(output[1])))
    try:
        # MAE's encoder masks patches unless it is told not to
        backbone(images, mask=None) if hasattr(backbone, 'mask_ratio') else backbone(images)
    finally:
        handle.remove()
    return grids[0]
