"""Source and target images of different sizes are named before anything is computed."""
import sys
from pathlib import Path

import pytest
import torch
from mmpose.codecs import MSRAHeatmap, RegressionLabel
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parent))
from test_mean_teacher import batch, build  # noqa: E402

from udapose.models.pose_estimators.input_sizes import check_input_sizes  # noqa: E402


def head(codec):
    module = nn.Module()
    module.decoder = codec
    return module


def images(source, teacher, student):
    return {name: torch.zeros(1, 3, h, w) for name, (w, h) in dict(
        source=source, target_teacher=teacher, target_student=student).items()}


@pytest.mark.parametrize('joint', [True, False])
@pytest.mark.parametrize('branch', ['source', 'target_teacher', 'target_student'])
def test_a_branch_of_another_size_is_named(branch, joint, monkeypatch):
    model = build(train_cfg=dict(joint_forward=joint)).train()
    inputs, samples = batch()
    inputs[branch] = torch.zeros(2, 3, 32, 64)
    monkeypatch.setattr(model.student, 'extract_feat', None)  # nothing is computed
    with pytest.raises(ValueError, match=f'{branch} 64x32.*MSRAHeatmap.*reads 32x32.*input_size'):
        model(inputs, samples, mode='loss')


def test_all_of_one_size_but_not_the_codecs():
    codec = MSRAHeatmap((64, 48), (16, 12), 2)
    check_input_sizes(images((64, 48), (64, 48), (64, 48)), head(codec))
    with pytest.raises(ValueError, match='source 48x64.*reads 64x48'):
        check_input_sizes(images((48, 64), (48, 64), (48, 64)), head(codec))


def test_coordinates_are_fractions_of_any_source():
    regression = head(RegressionLabel((64, 48)))
    check_input_sizes(images((128, 96), (64, 48), (64, 48)), regression)
    with pytest.raises(ValueError, match='target_student 128x96'):
        check_input_sizes(images((64, 48), (64, 48), (128, 96)), regression)


def test_without_a_codecs_size_the_branches_must_agree():
    check_input_sizes(images((40, 40), (40, 40), (40, 40)), head(None))
    with pytest.raises(ValueError, match='source 40x40, target_teacher 20x20'):
        check_input_sizes(images((40, 40), (20, 20), (40, 40)), head(None))
