r"""Embedded hands in 3D with a ViT-S: masked reconstruction with attention regularization
(arXiv 2501.08408). For a GPU, not run.

    udapose two-stage configs/masked_reconstruction/mae_synth-hands_vit-small_64x64.py \
        configs/masked_reconstruction/attention-regularized_synth-hands_vit-small_64x64.py
"""
_base_ = ['./finetune_synth-hands_vit-small_64x64.py']

model = dict(
    _delete_=True, type='AttentionRegularizedPoseEstimator', on=('source',),
    pose_model=_base_.model,
    loss=dict(type='AttentionRegularizationLoss', distance='kl', loss_weight=0.3))
custom_hooks = [*_base_.custom_hooks, dict(type='AttentionVisualizationHook', interval=2000)]
