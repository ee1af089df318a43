"""Embedded hands at 96x96: masked reconstruction of images of both domains (arXiv 2501.08408, stage
one), ten times as long as at 64x64.

    udapose train configs/masked_reconstruction/mae_synth-hands_vit-tiny_96x96.py

No labels are read. Pictures: work_dirs/mae_synth-hands_vit-tiny_96x96/vis_data/reconstruction.
Both stages by one command: udapose two-stage (docs/masked_autoencoder.md).
"""
_base_ = [
    '../_base_/default_runtime.py', '../_base_/models/mae_vit-tiny_96x96.py',
    '../_base_/datasets/synth_hands_reconstruction_96x96.py',
    '../_base_/schedules/reconstruction_12000it.py']

auto_scale_lr = dict(base_batch_size=64)
train_dataloader = dict(
    batch_size=64, num_workers=0,
    sampler=dict(type='TwoDomainSampler', batch_size=64, source_ratio=[1, 1]),
    dataset=dict(
        type='TwoDomainDataset', source=_base_.source_train, target=_base_.target_train))

# in place of AverageBuffersHook: there is no batch norm
custom_hooks = [
    dict(type='ReconstructionVisualizationHook', interval=2000, scale=2),
    dict(type='PlainAttentionHook')]
