r"""Embedded hands in 3D at 96x96: masked reconstruction with attention regularization
(arXiv 2501.08408).

    udapose two-stage configs/masked_reconstruction/mae_synth-hands_vit-tiny_96x96.py \
        configs/masked_reconstruction/attention-regularized_synth-hands_vit-tiny_96x96.py

Compare `loss_attention_source` with the pose's losses in the log before you change the weight
(docs/attention_regularization.md).
"""
_base_ = ['./finetune_synth-hands_vit-tiny_96x96.py']

model = dict(
    _delete_=True, type='AttentionRegularizedPoseEstimator', on=('source',),
    pose_model=_base_.model,
    loss=dict(type='AttentionRegularizationLoss', distance='kl', loss_weight=0.3))
custom_hooks = [*_base_.custom_hooks, dict(type='AttentionVisualizationHook', interval=2000)]
