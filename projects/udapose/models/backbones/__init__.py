"""Backbones."""
from .attention_vit import AttentionViT

__all__ = ['AttentionViT']
