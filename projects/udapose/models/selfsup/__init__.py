"""Self-supervised pre-training."""
from .masked_vit import MaskedPatchDecoder, MaskedViT
from .patches import patch_statistics, patchify, unpatchify
from .weighted_mae import WeightedMAE

__all__ = ['MaskedPatchDecoder', 'MaskedViT', 'WeightedMAE', 'patch_statistics', 'patchify',
           'unpatchify']
