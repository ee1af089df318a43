"""Backbones."""
from ..utils.pretrained_backbone import PretrainedBackbone  # noqa: F401  (registers it)
from .attention_vit import AttentionViT

__all__ = ['AttentionViT']
