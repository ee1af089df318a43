r"""SyntheticAnimal -> AnimalPose (dog, sheep): HamiPose (CVPR 2026), after secondary
summaries (docs/hamipose.md).

    # phase 1
    python tools/train.py \
        configs/source_only/source-only_synthetic-animal-to-animalpose_res101_256x256.py
    python tools/train.py \
        configs/hamipose/hamipose_synthetic-animal-to-animalpose_res101_256x256.py

Data (docs/data_animals.md): data/animal_data/{synthetic_animal,animal-pose}/.
Published PCK@0.05, mean over the joints, in %: not reported.
Estimated for one 80 GB GPU, not run (docs/recipes.md): 9 GB, 0.4 hours.
"""
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/td-hm_res101_mean-only.py',
    '../_base_/datasets/synthetic_animal_to_animalpose_256x256.py',
    '../_base_/schedules/hamipose_15000it.py',
    '../_base_/recipes/hamipose_2d.py']

load_from = 'work_dirs/source-only_synthetic-animal-to-animalpose_res101_256x256/iter_20000.pth'

# the target's views: rotation +-30 degrees, shift +-5 %
narrow = [dict(t, rotate_factor=30) if t['type'] == 'QuickRandomBBoxTransform' else t
          for t in _base_.target_train['pipeline'][-1]['student']]
model = dict(
    _delete_=True, **_base_.hamipose,
    pose_estimator=dict(
        _base_.model,
        head=dict(_base_.model.head, out_channels=_base_.num_keypoints, decoder=_base_.codec)))
auto_scale_lr = dict(base_batch_size=64)
train_dataloader = dict(
    batch_size=64, num_workers=8, persistent_workers=True,
    sampler=dict(type='TwoDomainSampler', batch_size=64, source_ratio=[1, 1]),
    dataset=dict(
        type='TwoDomainDataset', source=_base_.source_train,
        target=dict(_base_.target_train, pipeline=[
            *_base_.target_train['pipeline'][:-1],
            dict(type='ForkViews', teacher=narrow, student=narrow)])))
custom_hooks = _base_.hamipose_hooks
default_hooks = dict(checkpoint=dict(interval=2500))
