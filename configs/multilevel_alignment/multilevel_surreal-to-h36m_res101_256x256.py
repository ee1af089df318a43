r"""SURREAL -> Human3.6M: multi-level alignment (arXiv 2404.14885) with the published hyper-
parameters.

    # phase 1
    udapose train \
        configs/style_only/style-only_surreal-to-h36m_res101_256x256.py
    udapose train configs/multilevel_alignment/multilevel_surreal-to-h36m_res101_256x256.py

Data (docs/data_bodies.md): data/surreal_processed/{train,test}/run{0,1,2},
data/h36m_uda/{annotations,images}/.
Published PCK@0.05, mean over the joints, in %: not known: the official code has the data
  set, but no command for it.
Estimated for one 80 GB GPU, not run (docs/recipes.md): 10 GB, 0.6 hours.
"""
_base_ = [
    '../_base_/default_runtime.py',
    '../_base_/models/td-hm_res101.py',
    '../_base_/datasets/surreal_to_h36m_256x256.py',
    '../_base_/schedules/published_adapt_15000it.py',
    '../_base_/recipes/multilevel_2d.py']

load_from = 'work_dirs/style-only_surreal-to-h36m_res101_256x256/iter_20000.pth'

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
        checkpoint='work_dirs/adain-vgg19_surreal-to-h36m_256x256/iter_160000.pth')),
    *_base_.hooks]
default_hooks = dict(checkpoint=dict(interval=2500))
