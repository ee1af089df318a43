r"""Human3.6M -> SURREAL: masked reconstruction with attention regularization (arXiv
2501.08408).

    udapose two-stage \
        configs/masked_reconstruction/mae_h36m-to-surreal_vit-base_256x256.py \
        configs/masked_reconstruction/attention-regularized_h36m-to-surreal_vit-base_256x256.py

The weight of the regularization is our choice; the paper could not be read.
Estimated for one 80 GB GPU, not run (docs/recipes.md): 14 GB, 2.5 hours.
"""
_base_ = ['./finetune_h36m-to-surreal_vit-base_256x256.py']

model = dict(
    _delete_=True, type='AttentionRegularizedPoseEstimator', on=('source',),
    pose_model=_base_.model,
    loss=dict(type='AttentionRegularizationLoss', distance='kl', loss_weight=0.3))
custom_hooks = [*_base_.custom_hooks, dict(type='AttentionVisualizationHook', interval=2500)]
