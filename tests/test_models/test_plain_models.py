"""Wrappers name the plain models inside of them, and whatever looks into a model asks for these."""
import copy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.model import MMDistributedDataParallel
from mmengine.registry import DefaultScope
from mmpose.registry import METRICS, MODELS
from torch import nn

from udapose.engine.hooks.attention_visualization_hook import encoders
from udapose.models.pose_estimators.plain_models import (
    plain_models,
    predicting,
    predicting_model,
    trained_model,
)
from udapose.models.pose_estimators.run_state import RunState

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'test_datasets'))
from tiny_data import make_metainfo, smooth_image  # noqa: E402

CODEC = dict(type='MSRAHeatmap', input_size=(32, 32), heatmap_size=(16, 16), sigma=1.5)
PLAIN = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(type='PoseDataPreprocessor', mean=[100.] * 3, std=[50.] * 3),
    backbone=dict(type='AttentionViT', img_size=32, patch_size=8, arch=dict(
        embed_dims=16, num_layers=1, num_heads=1, feedforward_channels=16)),
    head=dict(type='HeatmapHead', in_channels=16, out_channels=3, deconv_out_channels=(8, 8),
              deconv_kernel_sizes=(4, 4), decoder=CODEC,
              loss=dict(type='KeypointMSELoss', use_target_weight=True)))


def wrapper(kind):
    torch.manual_seed(0)
    return MODELS.build(dict(MeanTeacher=dict(
        type='MeanTeacherPoseEstimator', pose_estimator=copy.deepcopy(PLAIN)), Attention=dict(
        type='AttentionRegularizedPoseEstimator', pose_model=copy.deepcopy(PLAIN)))[kind])


def test_names():
    pair, single = wrapper('MeanTeacher'), wrapper('Attention')
    assert plain_models(pair) == dict(student=pair.student, teacher=pair.teacher)
    assert predicting_model(pair) is pair.teacher and trained_model(pair) is pair.student
    pair.predict_on = 'student'
    assert predicting_model(pair) is pair.student
    assert plain_models(single) == dict(pose_model=single.pose_model)
    assert predicting_model(single) is trained_model(single) is single.pose_model
    plain = pair.teacher
    assert plain_models(plain) == {'': plain} and predicting_model(plain) is plain


@pytest.mark.parametrize('outer,key', [('MeanTeacherPoseEstimator', 'pose_estimator'),
                                       ('AttentionRegularizedPoseEstimator', 'pose_model')])
@pytest.mark.parametrize('inner,inside', [('MeanTeacherPoseEstimator', 'pose_estimator'),
                                          ('AttentionRegularizedPoseEstimator', 'pose_model')])
def test_a_wrapper_inside_of_a_wrapper_is_refused(outer, key, inner, inside):
    """README's lines on a base that has them already: `_base_.model` is no plain model there."""
    with pytest.raises(ValueError, match=rf'{key} is a {inner}.*{key}=_base_\.model\.{inside}$'):
        MODELS.build({'type': outer, key: {'type': inner, inside: copy.deepcopy(PLAIN)}})


def test_the_names_are_the_checkpoints_prefixes():
    for kind in ('MeanTeacher', 'Attention'):
        model = wrapper(kind)
        for name, plain in plain_models(model).items():
            assert {f'{name}.{k}' for k in plain.state_dict()} <= model.state_dict().keys()


def test_through_ddp():
    """Without a process group: only the wrapper's type and its module count."""
    class Wrapped(MMDistributedDataParallel):
        def __init__(self, module):
            nn.Module.__init__(self)
            self.module = module
    model = wrapper('MeanTeacher')
    assert predicting_model(Wrapped(model)) is model.teacher


def test_a_foreign_student_and_teacher_are_not_ours():
    """MMPose's distillers have both; they are not named, so the model stands for itself."""
    model = nn.Module()
    model.student, model.teacher = nn.Linear(1, 1), nn.Linear(1, 1)
    assert plain_models(model) == {'': model}


@pytest.fixture
def criteria(tmp_path):
    view = [dict(type='RandomFlip'), dict(type='RecordedTopdownAffine', input_size=(32, 32))]
    for i in range(6):
        image = smooth_image(np.random.default_rng(i), 40, 40)
        assert cv2.imwrite(str(tmp_path / f'{i}.png'), image)
    with DefaultScope.overwrite_default_scope('mmpose'):
        yield METRICS.build(dict(type='LabelFreeCriteria', num_images=6, dataset=dict(
            type='UnlabeledPoseDataset', data_root=str(tmp_path),
            metainfo=make_metainfo(keypoints=['nose', 'left_hand', 'right_hand']),
            pipeline=[dict(type='LoadPoseImage'), dict(type='GetBBoxCenterScale', padding=1.),
                      dict(type='ForkViews', teacher=view, student=view)]))).prepare()


def test_label_free_criteria_of_an_attention_regularized_model(criteria):
    """They are those of the plain model inside of it."""
    model = wrapper('Attention')
    plain = MODELS.build(copy.deepcopy(PLAIN))
    plain.load_state_dict(model.pose_model.state_dict())
    found, expected = criteria(model), criteria(plain)
    assert found == pytest.approx(expected) and 'teacher_student' not in found
    assert expected['confidence'] != 0


def test_label_free_criteria_of_both_branches(criteria):
    model = wrapper('MeanTeacher')
    for parameter in model.student.parameters():
        nn.init.normal_(parameter, std=0.2)
    by_branch = {}
    for name in ('teacher', 'student'):
        model.predict_on = name
        by_branch[name] = criteria(model)
        plain = MODELS.build(copy.deepcopy(PLAIN))
        plain.load_state_dict(getattr(model, name).state_dict())
        own = criteria(plain)
        assert {k: by_branch[name][k] for k in own} == pytest.approx(own)
    assert by_branch['teacher']['confidence'] != by_branch['student']['confidence']
    assert 'teacher_student' in by_branch['teacher']


def test_attention_pictures_show_the_plain_models_encoder():
    single, pair = wrapper('Attention'), wrapper('MeanTeacher')
    assert encoders(single) == [single.pose_model.backbone, single.auxiliary]
    assert encoders(pair) == [pair.student.backbone]
    assert encoders(pair.student) == [pair.student.backbone]


def test_another_branch_predicts_for_a_while():
    pair, plain = wrapper('MeanTeacher'), nn.Linear(1, 1)
    with predicting(pair, 'student'):
        assert predicting_model(pair) is pair.student
    assert pair.predict_on == 'teacher'
    with pytest.raises(KeyError), predicting(pair, 'student'):
        raise KeyError  # given back after an error, too
    assert pair.predict_on == 'teacher'
    for model, name in ((pair, None), (plain, 'student')):  # nothing to change
        with predicting(model, name):
            assert getattr(model, 'predict_on', 'teacher') == 'teacher'
    assert not hasattr(plain, 'predict_on')


def test_a_batch_is_kept_for_the_step_that_asked():
    state = RunState()
    assert state.adapting
    for wanted, kept in ((False, None), (True, 'second'), (False, None)):
        state.batch_wanted = state.batch_wanted or wanted
        state.keep('second')
        assert state.last_batch == kept and not state.batch_wanted
