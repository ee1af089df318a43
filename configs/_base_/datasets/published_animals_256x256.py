"""Animals of the published 2D benchmarks: pipelines and metric of both domains."""
_base_ = ['./published_views_256x256.py']

codec = dict(_base_.codec, sigma=1)
source_view = _base_.animal_source_view
source_train = dict(
    pipeline=[*source_view, dict(type='GenerateTarget', encoder=codec),
              dict(type='PackBranches', branch='source')])
labeled_source_train = dict(
    pipeline=[*source_view, dict(type='GenerateTarget', encoder=codec),
              dict(type='PackPoseInputs')])
target_train = dict(
    pipeline=[*_base_.load_crop,
              dict(type='ForkViews', teacher=_base_.animal_view, student=_base_.animal_view)])
labeled_target_train = dict(
    pipeline=[*_base_.load_crop, *_base_.animal_view,
              dict(type='GenerateTarget', encoder=codec), dict(type='PackPoseInputs')])
target_test = dict(pipeline=_base_.animal_test_view)
val_dataloader = test_dataloader = dict(dataset=target_test)
val_evaluator = test_evaluator = dict(by='species')
