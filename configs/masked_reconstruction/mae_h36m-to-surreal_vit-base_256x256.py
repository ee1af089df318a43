r"""Human3.6M -> SURREAL: masked reconstruction of images of both domains (arXiv 2501.08408,
stage one).

    udapose train \
        configs/masked_reconstruction/mae_h36m-to-surreal_vit-base_256x256.py

Data: docs/data_bodies_3d.md. A public MAE checkpoint as the start: --cfg-options
model.backbone.init_cfg.type=PretrainedViT model.backbone.init_cfg.checkpoint=FILE. Without
mask files (docs/masks.md) all pixels weigh the same and no background is exchanged.
Estimated for one 80 GB GPU, not run (docs/recipes.md): 48 GB, 5.5 hours.
"""
_base_ = [
    '../_base_/default_runtime.py', '../_base_/models/mae_vit-base_256x256.py',
    '../_base_/datasets/h36m_to_surreal_3d_256x256.py',
    '../_base_/schedules/reconstruction_60000it.py']

auto_scale_lr = dict(base_batch_size=256)
train_dataloader = dict(
    batch_size=256, num_workers=14, persistent_workers=True,
    sampler=dict(type='TwoDomainSampler', batch_size=256, source_ratio=[1, 1]),
    dataset=dict(
        type='TwoDomainDataset', source=_base_.source_images, target=_base_.target_images))
custom_hooks = [dict(type='ReconstructionVisualizationHook', interval=2500)]
default_hooks = dict(checkpoint=dict(interval=5000))
