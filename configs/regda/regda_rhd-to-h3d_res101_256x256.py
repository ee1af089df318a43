"""RHD -> Hand-3D-Studio (H3D): RegDA (CVPR 2021, arXiv 2103.06175), docs/regda.md.

    python tools/train.py configs/source_only/source-only_rhd-to-h3d_res101_256x256.py   # phase 1
    python tools/train.py configs/regda/regda_rhd-to-h3d_res101_256x256.py

Data (docs/data_hands.md): data/RHD_published_v2/{training,evaluation}/,
data/H3D_crop/{annotation.json,part1..part5}/.
Published PCK@0.05, mean over the joints, in %: 72.5 (README of the Transfer-Learning-
  Library).
Estimated for one 80 GB GPU, not run (docs/recipes.md): 11 GB, 0.4 hours.
"""
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/td-hm_res101.py',
    '../_base_/datasets/rhd_to_h3d_256x256.py',
    '../_base_/schedules/published_adapt_15000it.py',
    '../_base_/recipes/regda_2d.py']

load_from = 'work_dirs/source-only_rhd-to-h3d_res101_256x256/iter_20000.pth'

model = dict(
    _delete_=True, **_base_.regda,
    pose_estimator=dict(
        _base_.model,
        head=dict(_base_.model.head, out_channels=_base_.num_keypoints, decoder=_base_.codec)))
model['alignments']['disparity']['head'] = dict(
    _base_.second_head, out_channels=_base_.num_keypoints, decoder=_base_.codec)
auto_scale_lr = dict(base_batch_size=64)
train_dataloader = dict(
    batch_size=64, num_workers=8, persistent_workers=True,
    sampler=dict(type='TwoDomainSampler', batch_size=64, source_ratio=[1, 1]),
    dataset=dict(
        type='TwoDomainDataset', source=_base_.source_train, target=_base_.target_train))
custom_hooks = _base_.regda_hooks
val_cfg = dict(branches=('student',))
test_cfg = dict(branches=('student',))
default_hooks = dict(checkpoint=dict(interval=2500))
