r"""Human3.6M -> 3DPW in 3D: the upper bound, pre-trained as the method is, then supervised on
labelled source and target images, half of each batch from either.

    udapose two-stage \
        configs/masked_reconstruction/mae_h36m-to-3dpw_vit-base_256x256.py \
        configs/oracle/oracle_h36m-to-3dpw_vit-base_256x256.py

Data: docs/data_bodies_3d.md.
Estimated for one 80 GB GPU, not run (docs/recipes.md): 14 GB, 1.9 hours.
"""
_base_ = ['../masked_reconstruction/finetune_h36m-to-3dpw_vit-base_256x256.py']

train_dataloader = dict(
    sampler=dict(_delete_=True, type='TwoDomainSampler', batch_size=64, source_ratio=[1, 1]),
    dataset=dict(
        _delete_=True, type='TwoDomainDataset', source=_base_.labeled_source_train,
        target=_base_.labeled_target_train))
