"""Embedded hands in 3D with a ViT-S of 4-pixel patches, from scratch, for a GPU.

    udapose train configs/masked_reconstruction/scratch_synth-hands_vit-small_64x64.py

Batch and iterations are estimates for a GPU, not run.
"""
_base_ = ['./scratch_synth-hands_vit-tiny_64x64.py']

model = dict(
    backbone=dict(patch_size=4, arch=dict(
        embed_dims=384, num_layers=12, num_heads=6, feedforward_channels=1536)),
    head=dict(  # 16x16 patches already are the volume's height and width
        in_channels=384, deconv_out_channels=(), deconv_kernel_sizes=(),
        conv_out_channels=(256, ), conv_kernel_sizes=(3, )))
auto_scale_lr = dict(base_batch_size=64)
train_dataloader = dict(
    batch_size=64, num_workers=8, persistent_workers=True, pin_memory=True)
train_cfg = dict(max_iters=20000, val_interval=2000)
optim_wrapper = dict(optimizer=dict(lr=5e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.02, by_epoch=False, begin=0, end=500),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=500, end=20000, eta_min=0.)]
default_hooks = dict(checkpoint=dict(interval=2000))
# without PlainAttentionHook: with 256 patches fused attention is the faster one (docs/costs.md)
custom_hooks = [dict(type='PreflightHook'), dict(type='AverageBuffersHook')]
