"""Weighted masked autoencoder around the ViT of the embedded 3D configs at 96x96: 12x12 patches of
8 px. The encoder is that of `AttentionViT` with the same `vit` arguments."""
_base_ = ['./mae_vit-tiny_64x64.py']
vit = dict(img_size=96)
model = dict(backbone=dict(img_size=96))
