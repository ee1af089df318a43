"""Bodies of the published 2D benchmarks: pipelines and metric of both domains."""
_base_ = ['./published_views_256x256.py']

num_keypoints = 16
source_view = _base_.body_source_view
source_train = dict(
    pipeline=[*source_view, dict(type='GenerateTarget', encoder=_base_.codec),
              dict(type='PackBranches', branch='source')])
labeled_source_train = dict(
    pipeline=[*source_view, dict(type='GenerateTarget', encoder=_base_.codec),
              dict(type='PackPoseInputs')])
target_train = dict(
    pipeline=[*_base_.load_square,
              dict(type='ForkViews', teacher=_base_.body_view, student=_base_.body_view)])
labeled_target_train = labeled_source_train
target_test = dict(pipeline=_base_.test_view)
val_dataloader = test_dataloader = dict(dataset=target_test)
val_evaluator = test_evaluator = dict(groups='body16')
