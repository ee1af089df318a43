r"""Human3.6M -> MPI-INF-3DHP: labelled source images, from an encoder pre-trained on both
domains.

    udapose two-stage \
        configs/masked_reconstruction/mae_h36m-to-mpi-inf-3dhp_vit-base_256x256.py \
        configs/masked_reconstruction/finetune_h36m-to-mpi-inf-3dhp_vit-base_256x256.py

Estimated for one 80 GB GPU, not run (docs/recipes.md): 14 GB, 1.9 hours.
"""
_base_ = ['./scratch_h36m-to-mpi-inf-3dhp_vit-base_256x256.py']

model = dict(backbone=dict(init_cfg=dict(  # the last checkpoint in this folder
    type='PretrainedViT', checkpoint='work_dirs/mae_h36m-to-mpi-inf-3dhp_vit-base_256x256')))
optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=0.75))
