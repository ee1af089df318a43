"""RegDA's adversarial regression disparity: who learns what, ground-false maps, prefixes."""
import numpy as np
import pytest
import torch
from mmpose.codecs import MSRAHeatmap
from mmpose.registry import MODELS
from test_mean_teacher import CODEC, batch, plain_config

from udapose.export import plain_state_dict
from udapose.models.losses import ground_false
from udapose.models.pose_estimators.student_teacher import StudentTeacher

SECOND = dict(type='HeatmapHead', in_channels=8, out_channels=3, deconv_out_channels=None,
              conv_out_channels=(8,), conv_kernel_sizes=(3,), decoder=CODEC,
              loss=dict(type='KeypointMSELoss'))


def build(progress=None, monkeypatch=None, train_cfg=None, **term):
    if monkeypatch is not None:
        monkeypatch.setattr(StudentTeacher, 'progress', progress)
    torch.manual_seed(1)
    model = MODELS.build(dict(
        type='MeanTeacherPoseEstimator', pose_estimator=plain_config(), consistency=None,
        train_cfg=dict(frozen_teacher=True, **(train_cfg or {})),
        alignments=dict(second=dict({'type': 'RegressionDisparity', **term}))))
    torch.nn.init.normal_(model.student.head.final_layer.weight, std=0.1)
    torch.nn.init.normal_(model.alignments['second'].head.final_layer.weight, std=0.1)
    return model.train()


def gradients(loss, modules):
    return [[None if g is None else g.clone() for g in torch.autograd.grad(
        loss, [*m.parameters()], retain_graph=True, allow_unused=True)] for m in modules]


def some(found):
    return any(g is not None and g.abs().sum() > 0 for g in found)


def test_losses_of_a_step_and_no_teacher():
    model = build()
    assert not model.uses_teacher
    losses = model.loss(*batch())
    assert set(losses) == {'loss_kpt', 'loss_disparity_source', 'loss_disparity_false',
                           'loss_disparity_truth', 'disparity_agreement'}
    assert 0 <= losses['disparity_agreement'] <= 1
    assert all(torch.isfinite(v) for v in losses.values())


@pytest.mark.parametrize('feature', [None, 'head.deconv_layers'])
def test_who_learns_what(feature, monkeypatch):
    """The second head learns the ground-false maps, the features the opposite; the student's own
    last layer nothing at all."""
    head = {} if feature is None else dict(head=SECOND, feature=feature)
    model = build(0.5, monkeypatch, **head)
    losses = model.loss(*batch(4))
    second = model.alignments['second'].head
    modules = [model.student.backbone, model.student.head.deconv_layers,
               model.student.head.final_layer, second]
    learns = {key: [some(g) for g in gradients(losses[f'loss_disparity_{key}'], modules)]
              for key in ('source', 'false', 'truth')}
    deconvs = feature is not None  # shared by both heads
    assert learns == dict(source=[True, deconvs, False, True], false=[False, False, False, True],
                          truth=[True, deconvs, False, False])


def test_the_features_step_is_the_gradient_at_a_frozen_head(monkeypatch):
    """Slow reference: copy the head, freeze it, differentiate, multiply."""
    model = build(0.5, monkeypatch, train_cfg=dict(joint_forward=False),
                  reversal=dict(coefficient=0.3), criterion='kl')
    inputs, samples = batch(4)
    losses = model.loss(inputs, samples)
    (found,) = gradients(losses['loss_disparity_truth'], [model.student.backbone])
    student, second = model.student, model.alignments['second'].head
    feats = student.extract_feat(inputs['target_student'])
    with torch.no_grad():
        peaks = student.head(feats).flatten(2).argmax(2)
    codec = MSRAHeatmap((16, 16), (16, 16), sigma=1.5)
    aims = torch.stack([torch.from_numpy(codec.encode(
        torch.stack([peak % 16, peak // 16], -1).numpy()[None].astype('float32'),
        np.ones((1, 3), 'float32'))['heatmaps']) for peak in peaks])
    p = (aims + 1e-7) / (aims + 1e-7).sum((2, 3), keepdim=True)
    q = second(feats).flatten(2).log_softmax(-1).view_as(p)
    expected = (p * (p.log() - q)).sum((2, 3)).mean()
    torch.testing.assert_close(losses['loss_disparity_truth'], expected, rtol=1e-4, atol=1e-5)
    (wanted,) = gradients(expected, [student.backbone])
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, 0.3 * b, rtol=1e-3, atol=1e-5)
    false = (aims.sum(1, keepdim=True) - aims).clamp(max=1)
    p = (false + 1e-7) / (false + 1e-7).sum((2, 3), keepdim=True)
    torch.testing.assert_close(losses['loss_disparity_false'],
                               (p * (p.log() - q)).sum((2, 3)).mean(), rtol=1e-4, atol=1e-5)


def test_reversal_sends_the_heads_gradient_backwards(monkeypatch):
    found = {}
    for coefficient in (0.2, 0.4):
        model = build(0.5, monkeypatch, goal='reversal', reversal=dict(coefficient=coefficient))
        losses = model.loss(*batch(4))
        assert 'loss_disparity_truth' not in losses
        found[coefficient], head = gradients(losses['loss_disparity_false'], [
            model.student.backbone, model.alignments['second'].head])
        assert some(head)
    # a small step along the features' gradient raises the second head's loss
    with torch.no_grad():
        for p, g in zip(model.student.backbone.parameters(), found[0.4], strict=True):
            p -= 1e-3 * g
    assert model.loss(*batch(4))['loss_disparity_false'] > losses['loss_disparity_false']
    for a, b in zip(found[0.2], found[0.4], strict=True):
        torch.testing.assert_close(2 * a, b, rtol=1e-3, atol=1e-6)


def test_what_reaches_the_features_rises_with_the_training(monkeypatch):
    sizes = []
    for progress in (0., 0.1, 1.):
        model = build(progress, monkeypatch)
        losses = model.loss(*batch(4))
        (found,) = gradients(losses['loss_disparity_source'] + losses['loss_disparity_truth'],
                             [model.student.backbone])
        sizes.append(sum(float(g.norm()) for g in found if g is not None))
    assert sizes[0] == 0 < sizes[1] < sizes[2]


def test_ground_false_is_the_others():
    truth = torch.rand(2, 4, 5, 5)
    for b in range(2):
        for k in range(4):
            others = sum(truth[b, j] for j in range(4) if j != k).clamp(max=1)
            torch.testing.assert_close(ground_false(truth)[b, k], others)


def test_hidden_source_keypoints_do_not_count():
    model = build(margin=1.)
    inputs, samples = batch()
    for s in samples['source']:
        s.gt_instance_labels.keypoint_weights[:] = 0
    assert model.loss(inputs, samples)['loss_disparity_source'] == 0


def test_mse_and_weights():
    a, b = (build(criterion='mse', loss_weight=w, margin=m) for w, m in ((1., 1.), (2., 3.)))
    la, lb = a.loss(*batch()), b.loss(*batch())
    torch.testing.assert_close(6 * la['loss_disparity_source'], lb['loss_disparity_source'])
    torch.testing.assert_close(2 * la['loss_disparity_false'], lb['loss_disparity_false'])


def test_by_default_it_weighs_as_much_as_the_labels():
    """The same error costs in the disparity what it costs in MMPose's loss of heatmap heads; the
    divergence is another scale, which is said."""
    torch.manual_seed(0)
    maps, aims = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)
    own = MODELS.build(dict(type='KeypointMSELoss'))(maps, aims, torch.ones(2, 3))
    term = MODELS.build(dict(type='RegressionDisparity'))
    torch.testing.assert_close(term._loss(maps, aims), own)


@pytest.mark.parametrize('criterion', ['kl', 'mse'])
def test_a_divergence_beside_squared_errors_is_said(criterion, monkeypatch):
    said = []
    monkeypatch.setattr('udapose.models.losses.regression_disparity.print_log',
                        lambda text, **_: said.append(text))
    build(criterion=criterion)
    assert [("Use criterion='mse'" in text) for text in said] == [True] * (criterion == 'kl')


def test_the_second_head_starts_anew_and_stays_out_of_exports():
    model = build()
    model.init_weights()
    second, first = model.alignments['second'].head, model.student.head
    assert type(second) is type(first)
    assert not torch.equal(second.final_layer.weight, first.final_layer.weight)
    state = model.state_dict()
    mine = {k for k in state if k.startswith('alignments.second.head.')}
    assert len(mine) == len(first.state_dict())
    assert set(plain_state_dict(state, 'student')) == set(model.student.state_dict())


def test_a_few_steps_teach_the_second_head(monkeypatch):
    model = build(0., monkeypatch)
    optimizer = torch.optim.Adam(model.alignments['second'].parameters(), lr=1e-2)
    seen = []
    for _ in range(12):
        losses = model.loss(*batch(4))
        optimizer.zero_grad()
        (losses['loss_disparity_source'] + losses['loss_disparity_false']).backward()
        optimizer.step()
        seen.append([losses[f'loss_disparity_{k}'].item() for k in ('source', 'false')])
    assert seen[-1][0] < 0.8 * seen[0][0] and seen[-1][1] < seen[0][1]


@pytest.mark.parametrize('term,message', [
    (dict(goal='x'), 'goal must be'), (dict(criterion='x'), 'criterion must be'),
    (dict(feature='neck'), 'needs a head for these features')])
def test_wrong_arguments(term, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(dict(type='RegressionDisparity', **term))


def test_profiles_are_refused():
    codec = dict(type='SimCCLabel', input_size=(32, 32), sigma=4.9, simcc_split_ratio=2.0)
    head = dict(type='SimCCHead', in_channels=32, out_channels=3, input_size=(32, 32),
                in_featuremap_size=(1, 1), simcc_split_ratio=2.0, deconv_out_channels=None,
                loss=dict(type='KLDiscretLoss'), decoder=codec)
    with pytest.raises(ValueError, match='RegressionDisparity understands maps'):
        MODELS.build(dict(type='MeanTeacherPoseEstimator', consistency=None,
                          pose_estimator=dict(plain_config(), head=head),
                          alignments=dict(second=dict(type='RegressionDisparity'))))
