r"""SyntheticAnimal -> TigDog (horse, tiger): phase 1, half of the batches in the style of
target images.

    # once
    udapose train \
        configs/style_transfer/adain-vgg19_synthetic-animal-to-tigdog_256x256.py
    udapose train configs/style_only/style-only_synthetic-animal-to-tigdog_res101_256x256.py

Data (docs/data_animals.md): data/animal_data/{synthetic_animal,behaviorDiscovery2.0}/.
Published PCK@0.05, mean over the joints, in %: 64.71 on real animals (README of UDA-Animal,
  its synthetic-only model).
That number is without style transfer; for this phase none is published.
Estimated for one 80 GB GPU, not run (docs/recipes.md): 5 GB, 0.4 hours.
"""
_base_ = ['../source_only/source-only_synthetic-animal-to-tigdog_res101_256x256.py']

custom_hooks = [
    dict(type='AdaINStyleHook', prob=0.5, alpha=(0., 1.), per_sample=False,
         style_images=_base_.target_train,
         stylizer=dict(
             type='AdaINStyleTransfer', decoder=dict(type='StyleDecoder'),
             input=dict(mean=[0.3999, 0.3909, 0.3871], std=[1., 1., 1.]),
             encoder=dict(type='VGG19StyleEncoder', weights='checkpoints/vgg_normalised.pth'),
             checkpoint='work_dirs/adain-vgg19_synthetic-animal-to-tigdog_256x256/iter_160000.pth')),
    dict(type='PreflightHook'), dict(type='AverageBuffersHook')]
