"""Weighted masked autoencoder around the ViT of the embedded 3D configs: 8x8 patches of 8 px.

The encoder is that of `AttentionViT` with the same `vit` arguments.
"""
vit = dict(
    arch=dict(embed_dims=192, num_layers=6, num_heads=3, feedforward_channels=768),
    img_size=64, patch_size=8)
model = dict(
    type='WeightedMAE',
    data_preprocessor=dict(
        type='ReconstructionDataPreprocessor', bgr_to_rgb=True,
        mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    backbone=dict(type='MaskedViT', mask_ratio=0.75, **vit),
    neck=dict(
        type='MaskedPatchDecoder', decoder_embed_dim=128, decoder_depth=2, decoder_num_heads=4),
    loss=dict(
        type='WeightedReconstructionLoss', foreground_weight=1.0, background_weight=0.2,
        normalize_pixels=True))
