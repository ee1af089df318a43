r"""SyntheticAnimal -> TigDog (horse, tiger): multi-level alignment (arXiv 2404.14885) with the
published hyper-parameters.

    # phase 1
    udapose train \
        configs/style_only/style-only_synthetic-animal-to-tigdog_res101_256x256.py
    udapose train \
        configs/multilevel_alignment/multilevel_synthetic-animal-to-tigdog_res101_256x256.py

Data (docs/data_animals.md): data/animal_data/{synthetic_animal,behaviorDiscovery2.0}/.
Published PCK@0.05, mean over the joints, in %: no number could be verified.
Estimated for one 80 GB GPU, not run (docs/recipes.md): 10 GB, 0.6 hours.
"""
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/td-hm_res101_mean-only.py',
    '../_base_/datasets/synthetic_animal_to_tigdog_256x256.py',
    '../_base_/schedules/published_adapt_15000it.py',
    '../_base_/recipes/multilevel_2d.py']

load_from = 'work_dirs/style-only_synthetic-animal-to-tigdog_res101_256x256/iter_20000.pth'

model = dict(
    _delete_=True, **_base_.mean_teacher,
    pose_estimator=dict(
        _base_.model,
        head=dict(_base_.model.head, out_channels=_base_.num_keypoints, decoder=_base_.codec)))
auto_scale_lr = dict(base_batch_size=64)
train_dataloader = dict(
    batch_size=64, num_workers=8, persistent_workers=True,
    sampler=dict(type='TwoDomainSampler', batch_size=64, source_ratio=[1, 1]),
    dataset=dict(
        type='TwoDomainDataset', source=_base_.source_train, target=_base_.target_train))
custom_hooks = [
    dict(_base_.style_hook, stylizer=dict(
        _base_.style_hook.stylizer,
        input=dict(mean=[0.3999, 0.3909, 0.3871], std=[1., 1., 1.]),
        checkpoint='work_dirs/adain-vgg19_synthetic-animal-to-tigdog_256x256/iter_160000.pth')),
    *_base_.hooks]
default_hooks = dict(checkpoint=dict(interval=2500))
