r"""Embedded hands in 3D at 96x96: labelled source images, half of them before another background,
from an encoder pre-trained on both domains.

    udapose two-stage configs/masked_reconstruction/mae_synth-hands_vit-tiny_96x96.py \
        configs/masked_reconstruction/finetune_synth-hands_vit-tiny_96x96.py
"""
_base_ = ['./scratch_synth-hands_vit-tiny_96x96.py']

model = dict(backbone=dict(init_cfg=dict(  # the last checkpoint in this folder
    type='PretrainedViT', checkpoint='work_dirs/mae_synth-hands_vit-tiny_96x96')))
train_dataloader = dict(dataset=_base_.augmented_source_train)
