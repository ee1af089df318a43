"""Embedded people: masked reconstruction of both domains with a ViT-S of 4-pixel patches, for GPUs.

    udapose train configs/masked_reconstruction/mae_synth-people_vit-small_64x64.py

Batch and iterations are estimates for a GPU, not run. Both stages by one command:
udapose two-stage (docs/masked_autoencoder.md).
"""
_base_ = ['./mae_synth-people_vit-tiny_64x64.py']

model = dict(
    backbone=dict(patch_size=4, arch=dict(
        embed_dims=384, num_layers=12, num_heads=6, feedforward_channels=1536)),
    neck=dict(decoder_embed_dim=256, decoder_depth=4, decoder_num_heads=8))
auto_scale_lr = dict(base_batch_size=256)
train_dataloader = dict(
    batch_size=256, num_workers=8, persistent_workers=True, pin_memory=True,
    sampler=dict(batch_size=256))
train_cfg = dict(max_iters=20000)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=1000),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=1000, end=20000, eta_min=1e-6)]
default_hooks = dict(checkpoint=dict(interval=2000))
custom_hooks = [dict(type='ReconstructionVisualizationHook', interval=2000, scale=2)]
