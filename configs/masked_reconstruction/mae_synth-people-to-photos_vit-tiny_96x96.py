"""Rendered people and photographs at 96x96: masked reconstruction of both (arXiv 2501.08408, stage
one). No labels are read; without masks, foreground and background weigh the same.

    udapose synth --kind people --out data/synthpose/people
    udapose synth --kind people --version 2 --source-train 4000 --target-train 8000 \\
        --out data/synthpose/people2
    udapose train configs/masked_reconstruction/mae_synth-people-to-photos_vit-tiny_96x96.py

The folder of the photographs: docs/real_photos.md.
"""
_base_ = [
    '../_base_/default_runtime.py', '../_base_/models/mae_vit-tiny_96x96.py',
    '../_base_/datasets/synth_people_to_photos_96x96.py',
    '../_base_/schedules/reconstruction_12000it.py']

model = dict(loss=dict(background_weight=1.0))
auto_scale_lr = dict(base_batch_size=64)
train_dataloader = dict(
    batch_size=64, num_workers=0,
    sampler=dict(type='TwoDomainSampler', batch_size=64, source_ratio=[1, 1]),
    dataset=dict(
        type='TwoDomainDataset', source=_base_.source_reconstruction,
        target=_base_.target_reconstruction))
val_dataloader = None
val_evaluator = None
val_cfg = None
test_dataloader = None
test_evaluator = None
test_cfg = None

# in place of AverageBuffersHook: there is no batch norm
custom_hooks = [
    dict(type='ReconstructionVisualizationHook', interval=2000, scale=2),
    dict(type='PlainAttentionHook')]
