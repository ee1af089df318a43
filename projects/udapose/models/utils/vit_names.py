"""Names of vision transformers' tensors in public checkpoints, to mmpretrain's."""
from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

#: The patch embedding of any of them; group 1 is what stands before the transformer's own names.
PATCH_EMBEDDING = re.compile(
    r'^(.*?)(?:patch_embed\.(?:proj|projection)|embeddings\.patch_embeddings\.projection)'
    r'\.weight$')

_RENAMED = tuple((re.compile(pattern), name) for pattern, name in (
    # Hugging Face's ViT, ViTMAE, VitPose and DINOv2, in the names of versions 4 and 5
    (r'^embeddings\.cls_token$', 'cls_token'),
    (r'^embeddings\.position_embeddings$', 'pos_embed'),
    (r'^embeddings\.patch_embeddings\.', 'patch_embed.'),
    (r'^encoder\.layer\.(\d+)\.', r'layers.\1.'),
    (r'^(layers\.\d+)\.attention\.(?:output\.dense|o_proj)\.', r'\1.attn.proj.'),
    (r'^(layers\.\d+)\.layernorm_before\.', r'\1.ln1.'),
    (r'^(layers\.\d+)\.layernorm_after\.', r'\1.ln2.'),
    (r'^(layers\.\d+)\.intermediate\.dense\.', r'\1.ffn.layers.0.0.'),
    (r'^(layers\.\d+)\.output\.dense\.', r'\1.ffn.layers.1.'),
    (r'^(layers\.\d+)\.layer_scale1\.lambda1$', r'\1.attn.gamma1.weight'),
    (r'^(layers\.\d+)\.layer_scale2\.lambda1$', r'\1.ffn.gamma2.weight'),
    (r'^layernorm\.', 'ln1.'),
    # timm, Facebook's MAE and ViTPose's first code (last_norm)
    (r'^patch_embed\.proj\.', 'patch_embed.projection.'),
    (r'^blocks\.(\d+)\.', r'layers.\1.'),
    (r'^(layers\.\d+)\.norm([12])\.', r'\1.ln\2.'),
    (r'^(layers\.\d+)\.mlp\.fc1\.', r'\1.ffn.layers.0.0.'),
    (r'^(layers\.\d+)\.mlp\.fc2\.', r'\1.ffn.layers.1.'),
    (r'^(layers\.\d+)\.ls1\.gamma$', r'\1.attn.gamma1.weight'),
    (r'^(layers\.\d+)\.ls2\.gamma$', r'\1.ffn.gamma2.weight'),
    (r'^(norm|last_norm)\.', 'ln1.'),
    (r'^norm_pre\.', 'pre_norm.')))
# Hugging Face keeps the three parts of a layer's projection apart
_PART = re.compile(r'^(layers\.\d+)\.attention\.(?:attention\.)?'
                   r'(?:(query|q_proj)|(key|k_proj)|(?:value|v_proj))\.(weight|bias)$')


def to_mmpretrain(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A transformer's tensors under the names of mmpretrain's ``VisionTransformer``.

    Args:
        tensors (Mapping[str, Tensor]): Under the names of timm, Facebook's MAE, mmpretrain,
            ViTPose or Hugging Face's transformers, without a prefix.

    Returns:
        dict[str, Tensor]: E.g. ``layers.0.attn.qkv.weight`` (3 C, C); entries of no known name
        keep theirs.

    Example:
        >>> list(to_mmpretrain({'blocks.0.norm1.weight': torch.ones(4)}))
        ['layers.0.ln1.weight']
    """
    renamed, parts = {}, {}
    for key, value in tensors.items():
        for pattern, name in _RENAMED:
            key = pattern.sub(name, key)
        part = _PART.match(key)
        if part is None:
            renamed[key] = value
        else:
            place = 0 if part[2] else 1 if part[3] else 2
            parts.setdefault(f'{part[1]}.attn.qkv.{part[4]}', {})[place] = key, value
    for key, found in parts.items():
        if len(found) == 3:
            renamed[key] = torch.cat([found[place][1] for place in range(3)])
        else:  # incomplete: they stay what they are, and are said to be unused
            renamed.update(found.values())
    return renamed
