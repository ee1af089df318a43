r"""Embedded people in 3D with a ViT-S, half of the images before another background, an encoder
pre-trained on both domains. For a GPU, not run.

    udapose two-stage configs/masked_reconstruction/mae_synth-people_vit-small_64x64.py \
        configs/masked_reconstruction/finetune_synth-people_vit-small_64x64.py
"""
_base_ = ['./scratch_synth-people_vit-small_64x64.py']

model = dict(backbone=dict(init_cfg=dict(  # the last checkpoint in this folder
    type='PretrainedViT', checkpoint='work_dirs/mae_synth-people_vit-small_64x64')))
train_dataloader = dict(dataset=_base_.augmented_source_train)
