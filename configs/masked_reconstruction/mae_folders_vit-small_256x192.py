r"""ViT-S at 256x192: masked reconstruction of your own two folders of images, for a GPU.

    udapose train configs/masked_reconstruction/mae_folders_vit-small_256x192.py --amp \
        --cfg-options train_dataloader.dataset.source.data_root=data/my_source/images/ \
        train_dataloader.dataset.target.data_root=data/my_target/images/

Boxes, if the images hold several people: train_dataloader.dataset.target.bbox_file=FILE. To begin
with public MAE weights in a file:
    model.backbone.init_cfg.type=PretrainedViT model.backbone.init_cfg.checkpoint=FILE
The batch is for one 24 GB GPU (estimated, not run); one domain alone: docs/masked_autoencoder.md.
"""
_base_ = ['../_base_/default_runtime.py']

vit = dict(
    arch=dict(embed_dims=384, num_layers=12, num_heads=12, feedforward_channels=1536),
    img_size=(256, 192), patch_size=16)
model = dict(
    type='WeightedMAE',
    data_preprocessor=dict(
        type='ReconstructionDataPreprocessor', bgr_to_rgb=True, non_blocking=True,
        mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    backbone=dict(type='MaskedViT', mask_ratio=0.75, **vit),
    neck=dict(
        type='MaskedPatchDecoder', decoder_embed_dim=256, decoder_depth=4, decoder_num_heads=8),
    loss=dict(
        type='WeightedReconstructionLoss', foreground_weight=1.0, background_weight=0.2,
        unknown_weight='mean',  # images without a mask count as much as others
        normalize_pixels=True))

# masks, where you have them: data/my_source/masks/7.png for data/my_source/images/7.jpg (images/ is
# searched, so no masks in there); docs/masks.md makes them, and has `image_root` for subfolders
load_mask = [dict(type='LoadForegroundMask', folder='../masks', missing='ignore')]
change_background = [dict(type='SegmentationGuidedAugmentation', mask_loader=load_mask[0])]
load_and_augment = [
    dict(type='LoadPoseImage'),
    *load_mask, *change_background,
    dict(type='GetBBoxCenterScale'),
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='QuickRandomBBoxTransform', rotate_factor=45, scale_factor=(0.75, 1.25)),
    dict(type='RecordedTopdownAffine', input_size=(192, 256), use_udp=True),
    dict(type='ColorJitter', brightness=0.25, contrast=0.25, saturation=0.25)]
metainfo = dict(from_file='configs/_base_/datasets/coco.py')  # found in the installed MMPose
auto_scale_lr = dict(base_batch_size=256)
train_dataloader = dict(
    batch_size=256, num_workers=8, persistent_workers=True, pin_memory=True,
    sampler=dict(type='TwoDomainSampler', batch_size=256, source_ratio=[1, 1]),
    dataset=dict(
        type='TwoDomainDataset',
        source=dict(
            type='UnlabeledPoseDataset', data_root='data/my_source/images/', metainfo=metainfo,
            pipeline=[*load_and_augment, dict(type='PackReconstructionInputs', domain='source')]),
        target=dict(
            type='UnlabeledPoseDataset', data_root='data/my_target/images/', metainfo=metainfo,
            pipeline=[*load_and_augment, dict(type='PackReconstructionInputs', domain='target')])))

train_cfg = dict(type='ResumableIterBasedTrainLoop', max_iters=50000)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1.5e-4, betas=(0.9, 0.95), weight_decay=0.05),
    clip_grad=dict(max_norm=1.0),
    paramwise_cfg=dict(
        norm_decay_mult=0., bias_decay_mult=0., flat_decay_mult=0.,
        custom_keys={'cls_token': dict(decay_mult=0.), 'mask_token': dict(decay_mult=0.)}))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=2000),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=2000, end=50000, eta_min=1e-6)]
default_hooks = dict(checkpoint=dict(interval=5000))
# in place of AverageBuffersHook: there is no batch norm
custom_hooks = [dict(type='ReconstructionVisualizationHook', interval=2500)]
