"""SURREAL -> Human3.6M (docs/data_bodies.md).

By the published protocol; `protocol='clean'` of the data sets repairs its leaks. Validation is on
the target's test set as in the literature: a checkpoint chosen by it is an oracle's choice.
"""
_base_ = ['./published_views_256x256.py']

num_keypoints = 16
source_view = [*_base_.load_crop, *_base_.body_view]
source_train = dict(
    type='SurrealUDADataset', data_root='data/surreal_processed/',
    split='train',
    pipeline=[*source_view, dict(type='GenerateTarget', encoder=_base_.codec),
              dict(type='PackBranches', branch='source')])
labeled_source_train = dict(
    source_train, pipeline=[*source_view, dict(type='GenerateTarget', encoder=_base_.codec),
                            dict(type='PackPoseInputs')])
target_train = dict(  # labels=False: only the crops that the protocol derives from them
    type='Human36mUDADataset', data_root='data/h36m_uda/',
    split='train', labels=False,
    pipeline=[*_base_.load_crop,
              dict(type='ForkViews', teacher=_base_.body_view, student=_base_.body_view)])
labeled_target_train = dict(  # for the oracle only
    target_train, labels=True,
    pipeline=[*_base_.load_crop, *_base_.body_view,
              dict(type='GenerateTarget', encoder=_base_.codec), dict(type='PackPoseInputs')])
target_test = dict(
    target_train, split='test', labels=True, test_mode=True,
    pipeline=_base_.test_view)

val_dataloader = dict(
    batch_size=32, num_workers=4, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=target_test)
test_dataloader = val_dataloader
val_evaluator = dict(type='GroupedPCK', mode='published', groups='body16', thresholds=[0.05],
                     prefix='target')
test_evaluator = val_evaluator
val_cfg = dict(type='TeacherStudentValLoop')
test_cfg = dict(type='TeacherStudentTestLoop')
