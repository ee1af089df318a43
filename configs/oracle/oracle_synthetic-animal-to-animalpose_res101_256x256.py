r"""SyntheticAnimal -> AnimalPose (dog, sheep): the upper bound, supervised on labelled source
and target images.

    udapose train \
        configs/source_only/source-only_synthetic-animal-to-animalpose_res101_256x256.py
    udapose train configs/oracle/oracle_synthetic-animal-to-animalpose_res101_256x256.py

Data (docs/data_animals.md): data/animal_data/{synthetic_animal,animal-pose}/.
Published PCK@0.05, mean over the joints, in %: no number could be verified.
Half of each batch is of either domain.
Estimated for one 80 GB GPU, not run (docs/recipes.md): 9 GB, 0.3 hours.
"""
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/td-hm_res101_mean-only.py',
    '../_base_/datasets/synthetic_animal_to_animalpose_256x256.py',
    '../_base_/schedules/published_adapt_15000it.py']

load_from = 'work_dirs/source-only_synthetic-animal-to-animalpose_res101_256x256/iter_20000.pth'

model = dict(head=dict(out_channels=_base_.num_keypoints, decoder=_base_.codec))
auto_scale_lr = dict(base_batch_size=64)
train_dataloader = dict(
    batch_size=64, num_workers=8, persistent_workers=True,
    sampler=dict(type='TwoDomainSampler', batch_size=64, source_ratio=[1, 1]),
    dataset=dict(
        type='TwoDomainDataset', source=_base_.labeled_source_train,
        target=_base_.labeled_target_train))
custom_hooks = [dict(type='PreflightHook'), dict(type='AverageBuffersHook')]
default_hooks = dict(checkpoint=dict(interval=2500))
