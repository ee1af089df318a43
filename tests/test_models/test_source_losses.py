"""A pose estimator of a user's own, with losses of its own."""
import copy

import pytest
import torch
from mmpose.models import TopdownPoseEstimator
from mmpose.registry import MODELS
from test_mean_teacher import batch, plain_config


class WithTerms(TopdownPoseEstimator):
    """Adds what mirrored images cost, and the features' size."""

    def loss(self, inputs, data_samples):
        losses = super().loss(inputs, data_samples)
        losses['loss_size'] = self.extract_feat(inputs)[-1].square().mean()
        mirrored = self.extract_feat(inputs.flip(3))
        losses['loss_mirrored'] = self.head.loss(mirrored, data_samples)['loss_kpt']
        return losses


@pytest.mark.parametrize('joint', [True, False])
def test_losses_of_the_models_own_are_kept(joint):
    """Only its head's were: an adaptation trained without the others, and did not say so."""
    torch.manual_seed(0)
    model = MODELS.build(dict(
        type='MeanTeacherPoseEstimator', pose_estimator=dict(plain_config(), type=WithTerms),
        train_cfg=dict(joint_forward=joint)))
    model.eval()  # batch norms treat each image alike, however many passes
    inputs, samples = batch()
    expected = copy.deepcopy(model.student).loss(inputs['source'], samples['source'])
    calls, backbone = [], model.student.backbone.forward
    model.student.backbone.forward = lambda x: calls.append(len(x)) or backbone(x)
    losses = model.loss(inputs, samples)
    for name in ('loss_kpt', 'loss_size', 'loss_mirrored'):
        torch.testing.assert_close(losses[name], expected[name], msg=name)
    assert calls == ([4, 2] if joint else [2, 2, 2])  # the mirrored ones alone are new
    total, _ = model.parse_losses(losses)
    total.backward()
    assert all(p.grad is not None for p in model.student.parameters())
    assert 'loss' not in vars(model.student.head) and 'extract_feat' not in vars(model.student)
