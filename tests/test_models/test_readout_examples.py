"""The two examples of docs/readouts.md, run as they are printed."""
import re

import pytest
import torch
from mmpose.registry import MODELS
from test_readouts import HEADS, SIZE, encode, plain_config, two_domains


@pytest.fixture(scope='module')
def examples(repository):
    text = (repository / 'docs/readouts.md').read_text(encoding='utf-8')
    blocks = re.findall(r'```python\n(.*?)```', text, re.S)
    space = {}
    for block in blocks:
        if 'register' in block:
            exec(block, space)
    return space


def test_a_codec_of_ones_own_adapts(examples):
    codec = dict(type='CentredLabel', input_size=SIZE)
    cfg = plain_config('regression')
    cfg['head']['decoder'] = codec
    model = MODELS.build(dict(type='MeanTeacherPoseEstimator', pose_estimator=cfg)).train()
    model.init_weights()
    assert type(model.readout).__name__ == 'CentredReadout'
    points = torch.rand(2, 3, 2) * 30
    torch.testing.assert_close(model.readout.points(model.readout.targets(points))[0], points)
    losses = model.loss(*two_domains(codec))
    assert losses['pseudo_coverage'] == 1 and losses['loss_consistency'] > 0
    losses['loss_consistency'].backward()
    assert model.student.head.fc.weight.grad.abs().sum() > 0
    assert encode(codec, torch.zeros(3, 2).numpy()).gt_instance_labels.keypoint_labels.eq(-1).all()


def test_an_alignment_loss_of_ones_own_adapts(examples):
    model = MODELS.build(dict(
        type='MeanTeacherPoseEstimator', pose_estimator=plain_config('rtmcc'),
        alignments=dict(mean=dict(type='FeatureMeanLoss')))).train()
    losses = model.loss(*two_domains(HEADS['rtmcc']['decoder']))
    assert losses['loss_feature_mean'] > 0
    losses['loss_feature_mean'].backward()
    assert model.student.backbone.conv1.weight.grad.abs().sum() > 0
