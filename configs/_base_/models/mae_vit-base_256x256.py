"""Weighted masked autoencoder around ViT-B/16 at 256x256 (arXiv 2501.08408; the sizes are those of
MAE, arXiv 2111.06377: the paper's own settings could not be read)."""
vit = dict(arch='base', img_size=256, patch_size=16)
model = dict(
    type='WeightedMAE',
    data_preprocessor=dict(
        type='ReconstructionDataPreprocessor', bgr_to_rgb=True,
        mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    backbone=dict(type='MaskedViT', mask_ratio=0.75, **vit),
    neck=dict(
        type='MaskedPatchDecoder', decoder_embed_dim=512, decoder_depth=8, decoder_num_heads=16),
    loss=dict(
        type='WeightedReconstructionLoss', foreground_weight=1.0, background_weight=0.2,
        unknown_weight='mean',  # images without a mask count as much as others
        normalize_pixels=True))
