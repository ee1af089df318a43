"""RHD -> Hand-3D-Studio (H3D): phase 1, half of the batches in the style of target images.

    udapose train configs/style_transfer/adain-vgg19_rhd-to-h3d_256x256.py   # once
    udapose train configs/style_only/style-only_rhd-to-h3d_res101_256x256.py

Data (docs/data_hands.md): data/RHD_published_v2/{training,evaluation}/,
data/H3D_crop/{annotation.json,part1..part5}/.
Published PCK@0.05, mean over the joints, in %: 61.8 (README of the Transfer-Learning-
  Library).
That number is without style transfer; for this phase none is published.
Estimated for one 80 GB GPU, not run (docs/recipes.md): 5 GB, 0.4 hours.
"""
_base_ = ['../source_only/source-only_rhd-to-h3d_res101_256x256.py']

custom_hooks = [
    dict(type='AdaINStyleHook', prob=0.5, alpha=(0., 1.), per_sample=False,
         style_images=_base_.target_train,
         stylizer=dict(
             type='AdaINStyleTransfer', input='imagenet', decoder=dict(type='StyleDecoder'),
             encoder=dict(type='VGG19StyleEncoder', weights='checkpoints/vgg_normalised.pth'),
             checkpoint='work_dirs/adain-vgg19_rhd-to-h3d_256x256/iter_160000.pth')),
    dict(type='PreflightHook'), dict(type='AverageBuffersHook')]
