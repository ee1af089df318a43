r"""SyntheticAnimal -> AnimalPose (dog, sheep): source only, phase 1 of the published schedule
without style transfer.

    udapose train \
        configs/source_only/source-only_synthetic-animal-to-animalpose_res101_256x256.py

Data (docs/data_animals.md): data/animal_data/{synthetic_animal,animal-pose}/.
Published PCK@0.05, mean over the joints, in %: no number could be verified.
Estimated for one 80 GB GPU, not run (docs/recipes.md): 5 GB, 0.2 hours.
"""
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/td-hm_res101_mean-only.py',
    '../_base_/datasets/synthetic_animal_to_animalpose_256x256.py',
    '../_base_/schedules/published_source_20000it.py']

model = dict(head=dict(out_channels=_base_.num_keypoints, decoder=_base_.codec))
auto_scale_lr = dict(base_batch_size=32)
train_dataloader = dict(
    batch_size=32, num_workers=8, persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True), dataset=_base_.labeled_source_train)
custom_hooks = [dict(type='PreflightHook'), dict(type='AverageBuffersHook')]
default_hooks = dict(checkpoint=dict(interval=2500))
