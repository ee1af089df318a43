"""The keypoint-wise gradient gate, against one autograd call for each keypoint."""
import copy
import math

import pytest
import torch
from mmpose.registry import MODELS
from test_compare_frame import based_batch
from test_mean_teacher import batch, plain_config

from udapose.models.gradients import (
    IncrementMetric,
    gradient_at_output,
    linear_layer_name,
    pull_back,
    with_gradient,
)


@MODELS.register_module(force=True)
class _Towards(torch.nn.Module):
    """Pulls the maps of the first keypoint up, of the second down, of the others anywhere."""

    def __init__(self, loss_weight=1.):
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self, maps, targets, weights, mask, batch):
        g = torch.Generator().manual_seed(2)
        aims = torch.randn(maps.shape[1:], generator=g)
        aims[0] += 2
        aims[1] -= 2
        return self.loss_weight * (maps.float() - aims).square().mean()


TOWARDS = dict(type='_Towards')


def build(seed=1, **kwargs):
    """A model with lively maps and a teacher that is confident to about 0.4."""
    torch.manual_seed(seed)
    model = MODELS.build(dict(type='MeanTeacherPoseEstimator', pose_estimator=plain_config(),
                              **{'consistency': TOWARDS, **kwargs}))
    model.train_cfg['frozen_teacher'] = True  # these steps move the student alone
    with torch.no_grad():
        torch.nn.init.normal_(model.student.head.final_layer.weight, std=0.1)
        model.student.head.final_layer.bias.fill_(0.4)
    model.copy_student_to_teacher()
    return model


def rule(**kwargs):
    return dict(type='KeypointGradientGate', **kwargs)


def gradients(losses, model):
    total, _ = model.parse_losses(losses)
    return torch.autograd.grad(total, [*model.student.parameters()])


class _At:
    """Trains as if a share of the training were done."""

    def __init__(self, monkeypatch, progress):
        monkeypatch.setattr('udapose.models.pose_estimators.student_teacher.StudentTeacher'
                            '.progress', progress)


def reference(model, inputs, samples, gate, gamma, confidence=True):
    """The algorithm as it is described, keypoint by keypoint, on the plain losses.

    Returns the gradients of all student parameters and the cosines.
    """
    layer = model.student.head.final_layer
    kept = {}

    def seen(module, args, output):
        kept['map'] = output

    handle = layer.register_forward_hook(seen)
    plain = model.loss(inputs, samples)
    handle.remove()
    maps, n = kept['map'], len(inputs['source'])  # one joint pass: source, then target
    theta = [layer.weight, layer.bias]
    own = [torch.autograd.grad(plain[k], theta, retain_graph=True)
           for k in ('loss_kpt', 'loss_consistency')]
    at_map = [torch.autograd.grad(plain[k], maps, retain_graph=True)[0]
              for k in ('loss_kpt', 'loss_consistency')]
    assert at_map[0][n:].eq(0).all() and at_map[1][:n].eq(0).all()
    confidences = model.forward_teacher(inputs, samples)[2].confidence
    total, cosines = torch.zeros_like(maps), []
    for k in range(maps.shape[1]):
        hs, ht = (torch.cat([g[0][k].flatten(), g[1][k:k + 1]]) for g in own)
        rho = float(hs @ ht / (hs.norm() * ht.norm()))
        ratio = float(hs @ ht / (hs @ hs))
        parallel = ratio * at_map[0][:, k]
        perpendicular = at_map[1][:, k] - parallel
        seen_in = confidences[:, k][confidences[:, k] > 0]
        c = float(seen_in.clamp(max=1).mean()) if len(seen_in) else 0.
        phi = dict(soft=max(0, math.tanh(gamma * rho)), hard=float(rho > 0), open=1.,
                   closed=0.)[gate]
        phi *= c if confidence and gate in ('soft', 'hard') else 1
        total[:, k] = at_map[0][:, k] + perpendicular + phi * parallel
        cosines.append(rho)
    return torch.autograd.grad(maps, [*model.student.parameters()], total), cosines


@pytest.mark.parametrize('gate', ['soft', 'hard', 'closed', 'open'])
@pytest.mark.parametrize('progress,gamma', [(0.05, 1.), (0.6, 2.)])
def test_one_backward_pass_gives_the_keypoint_wise_gradients(gate, progress, gamma, monkeypatch):
    _At(monkeypatch, progress)
    model = build(gradient_rule=rule(gate=gate)).train()
    inputs, samples = batch(4)
    plain = build().train()
    plain.load_state_dict(model.state_dict(), strict=True)
    expected, cosines = reference(plain, inputs, samples, gate, gamma)
    losses = model.loss(inputs, samples)
    for found, wanted in zip(gradients(losses, model), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-3 * float(wanted.abs().max()))
    assert float(losses['gradient_conflict']) == pytest.approx(
        sum(c < 0 for c in cosines) / len(cosines))
    assert float(losses['gradient_cosine']) == pytest.approx(
        sum(cosines) / len(cosines), abs=1e-4)


def test_the_cases_of_the_reference_hold_conflict_and_agreement():
    """What the test above compares is neither all conflict nor all agreement."""
    model = build(gradient_rule=rule()).train()
    losses = model.loss(*batch(4))
    assert 0 < float(losses['gradient_conflict']) < 1
    assert 0.3 < float(losses['pseudo_confidence']) < 0.6


def test_an_open_gate_is_the_plain_mean_teacher():
    plain, gated = build().train(), build(gradient_rule=rule(gate='open')).train()
    a, b = plain.loss(*batch()), gated.loss(*batch())
    for found, wanted in zip(gradients(b, gated), gradients(a, plain), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize('kwargs', [{}, dict(train_cfg=dict(joint_forward=False))])
def test_losses_are_logged_at_their_true_values(kwargs):
    plain, gated = (build(gradient_rule=r, **kwargs).train() for r in (None, rule(gate='closed')))
    a, b = plain.loss(*batch()), gated.loss(*batch())
    for key, value in a.items():
        assert torch.equal(value, b[key]), key
    assert b.keys() - a.keys() == {'gradient_conflict', 'gradient_cosine', 'gradient_gate',
                                   'gradient_source_weight'}
    torch.testing.assert_close(gated.parse_losses(b)[0], plain.parse_losses(a)[0])
    assert float(b['gradient_gate']) == 0


def test_a_closed_gate_leaves_no_target_gradient_along_the_source_at_the_last_layer():
    model = build(gradient_rule=rule(gate='closed')).train()
    plain = build().train()
    losses, before = model.loss(*batch(4)), plain.loss(*batch(4))
    w = plain.student.head.final_layer.weight
    source = torch.autograd.grad(before['loss_kpt'], w, retain_graph=True)[0].flatten(1)
    bias = torch.autograd.grad(before['loss_kpt'], plain.student.head.final_layer.bias)[0]
    layer = model.student.head.final_layer
    total = torch.autograd.grad(model.parse_losses(losses)[0], [layer.weight, layer.bias])
    change = torch.cat([total[0].flatten(1) - source, (total[1] - bias)[:, None]], 1)
    source = torch.cat([source, bias[:, None]], 1)
    cosine = (change * source).sum(1) / (change.norm(dim=1) * source.norm(dim=1))
    assert cosine.abs().max() < 1e-3


def test_other_terms_keep_their_gradient():
    """Only source loss and consistency are combined."""
    extra = dict(pose=dict(type='InformationMaximizationLoss', loss_weight=1.))
    model = build(gradient_rule=rule(gate='closed'), alignments=extra).train()
    without = build(gradient_rule=rule(gate='closed')).train()
    alone = build(consistency=None, alignments=extra).train()
    term = gradients({k: v for k, v in alone.loss(*batch()).items() if 'information' in k}, alone)
    both, rest = gradients(model.loss(*batch()), model), gradients(without.loss(*batch()), without)
    for a, b, c in zip(both, rest, term, strict=True):
        torch.testing.assert_close(a - b, c, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize('gate', ['soft', 'closed'])
def test_the_metric_of_a_channel_cancels_that_of_an_element_does_not(gate, monkeypatch):
    """D_k is a number times the identity (docs/hamipose.md)."""
    _At(monkeypatch, 0.5)
    found = {}
    for kind in ('none', 'channel', 'element'):
        model = build(gradient_rule=rule(gate=gate, metric=dict(kind=kind))).train()
        optimizer = torch.optim.Adam(model.student.parameters(), lr=1e-2)
        state = copy.deepcopy(model.student.state_dict())
        for i in range(3):  # the optimizer moves; the last gradient is taken at the same place
            optimizer.zero_grad()
            model.parse_losses(model.loss(*batch(4)))[0].backward()
            optimizer.step()
            if i == 1 and kind != 'none':
                assert model.gradient_rule.metric.alpha.gt(0).any()
        model.student.load_state_dict(state)
        found[kind] = gradients(model.loss(*batch(4)), model)
    for a, b in zip(found['none'], found['channel'], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3 * float(a.abs().max()))
    assert any(not torch.allclose(a, c, rtol=1e-2, atol=1e-2 * float(a.abs().max()))
               for a, c in zip(found['none'], found['element'], strict=True))


@pytest.mark.parametrize('kind', ['channel', 'element'])
def test_metric_is_the_average_of_squared_increments(kind):
    metric, rows = IncrementMetric(kind, decay=0.9, eps=1e-3), torch.randn(3, 4)
    metric.allocate(rows)
    alpha = torch.zeros(3, 4 if kind == 'element' else 1)
    for i in range(4):
        step = torch.randn(3, 4) * (i != 2)  # no step in one: gradient accumulation
        if i == 0:
            step = torch.zeros(3, 4)
        rows = rows + step
        if i in (1, 3):
            square = step**2 if kind == 'element' else (step**2).mean(1, keepdim=True)
            alpha = 0.9 * alpha + 0.1 * square
        torch.testing.assert_close(metric.update(rows), 1 / (alpha + 1e-3))
    assert set(metric.state_dict()) == {'alpha', 'last', 'started'}


def test_state_of_the_metric_is_in_checkpoints_and_not_in_the_plain_model():
    model = build(gradient_rule=rule(metric=dict(kind='channel')))
    keys = {k for k in model.state_dict() if not k.startswith(('student.', 'teacher.'))}
    assert {'gradient_rule.metric.alpha', 'gradient_rule.metric.last'} <= keys


def test_bounds_of_the_source_weight():
    strong = dict(TOWARDS, loss_weight=100.)
    model = build(gradient_rule=rule(gate='closed', source_weight_range=(0.9, 1.1)),
                  consistency=strong).train()
    weight = float(model.loss(*batch(4))['gradient_source_weight'])
    free = build(gradient_rule=rule(gate='closed'), consistency=strong).train()
    assert 0.9 <= weight <= 1.1
    assert not 0.9 <= float(free.loss(*batch(4))['gradient_source_weight']) <= 1.1


def test_the_slope_rises_from_zero(monkeypatch):
    gates = []
    for progress in (0., 0.05, 0.1, 1.):
        _At(monkeypatch, progress)
        model = build(gradient_rule=rule(confidence=False)).train()
        gates.append(float(model.loss(*batch(4))['gradient_gate']))
    assert gates[0] == 0 < gates[1] < gates[2] == pytest.approx(gates[3])


def test_a_keypoint_that_no_source_image_shows_is_left_alone():
    model = build(gradient_rule=rule(gate='closed')).train()
    inputs, samples = batch()
    for s in samples['source']:
        s.gt_instance_labels.keypoint_weights[:, 1] = 0
    losses = model.loss(inputs, samples)
    found = gradients(losses, model)
    assert all(torch.isfinite(g).all() for g in found)
    assert float(losses['gradient_source_weight']) > 0


def test_the_base_frame_and_autocast():
    """The gradient is that at the student's own maps, through the warp; bfloat16 as well."""
    kwargs = dict(train_cfg=dict(compare_frame='base'))
    plain, gated = (build(gradient_rule=r, **kwargs).train() for r in (None, rule(gate='open')))
    data = based_batch()
    for found, wanted in zip(gradients(gated.loss(*data), gated),
                             gradients(plain.loss(*data), plain), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-6)
    with torch.autocast('cpu', torch.bfloat16):
        losses = gated.loss(*data)
        found = gradients(losses, gated)
    assert all(torch.isfinite(g).all() for g in found) and any(g.abs().sum() > 0 for g in found)


# ------------------------------------------------------------------ the tools
def test_small_gradients_survive_half_precision():
    output = torch.full((2, 1, 64, 64), 0.01, dtype=torch.float16, requires_grad=True)
    loss = output.float().square().mean() * 1e-3
    exact = 2 * float(output.detach()[0, 0, 0, 0]) * 1e-3 / output.numel()  # 2.4e-9
    assert torch.autograd.grad(loss, output, retain_graph=True)[0].eq(0).all()
    found = gradient_at_output(loss, output, output.numel()) / output.numel()
    torch.testing.assert_close(found, torch.full_like(found, exact), rtol=1e-2, atol=0)


@pytest.mark.parametrize('kernel,padding,bias', [(1, 0, True), (3, 1, True), (1, 0, False)])
def test_pulled_back_gradients_are_autograds(kernel, padding, bias):
    layer = torch.nn.Conv2d(5, 3, kernel, padding=padding, bias=bias)
    f = torch.randn(2, 5, 6, 7)
    output = layer(f)
    g = torch.randn_like(output)
    expected = [x.flatten(1) if x.ndim > 1 else x[:, None]
                for x in torch.autograd.grad(output, [*layer.parameters()], g)]
    torch.testing.assert_close(pull_back(layer, f, g), torch.cat(expected, 1))
    if kernel == 1 and bias:
        torch.testing.assert_close(pull_back(layer, f, g)[:, :5],
                                   torch.einsum('bkhw,bchw->kc', g, f))


def test_with_gradient_replaces_the_gradient_and_nothing_else():
    x = torch.randn(2, 3, 4, 4, requires_grad=True)
    g = torch.randn_like(x)
    loss = with_gradient(x.square().sum(), x, g)
    assert torch.equal(loss, x.square().sum())
    torch.testing.assert_close(torch.autograd.grad(loss, x)[0], g)


# ------------------------------------------------------------------ refusals
def test_heads_without_heatmaps_are_refused():
    codec = dict(type='SimCCLabel', input_size=(32, 32), sigma=4.9, simcc_split_ratio=2.0)
    head = dict(type='SimCCHead', in_channels=32, out_channels=3, input_size=(32, 32),
                in_featuremap_size=(1, 1), simcc_split_ratio=2.0, deconv_out_channels=None,
                loss=dict(type='KLDiscretLoss'), decoder=codec)
    config = dict(plain_config(), head=head)
    with pytest.raises(ValueError, match='SimCCHead with SimCCLabel predicts profiles'):
        MODELS.build(dict(type='MeanTeacherPoseEstimator', pose_estimator=config,
                          gradient_rule=rule()))


def test_heads_without_a_linear_last_layer_are_refused():
    config = plain_config(final_layer=None, deconv_out_channels=(8, 8, 8, 3))
    with pytest.raises(ValueError, match=r'HeatmapHead has Identity\(\) as head.final_layer'):
        MODELS.build(dict(type='MeanTeacherPoseEstimator', pose_estimator=config,
                          gradient_rule=rule(layer='head.final_layer')))
    with pytest.raises(ValueError, match='HeatmapHead has nothing as head.final_layer'):
        MODELS.build(dict(type='MeanTeacherPoseEstimator', pose_estimator=config,
                          gradient_rule=rule()))


def test_a_layer_that_does_not_make_the_maps_is_refused():
    model = build(gradient_rule=rule()).train()
    forward = model.student.head.forward
    model.student.head.forward = lambda feats: forward(feats).relu() + 0.5
    with pytest.raises(ValueError, match='not the output of head.final_layer'):
        model.loss(*batch())


def test_several_source_losses_are_refused():
    model = build(gradient_rule=rule()).train()
    loss = model.readout.loss
    model.readout.loss = lambda *args: dict(loss(*args), loss_more=torch.ones(()))
    with pytest.raises(ValueError, match=r"returns \['loss_kpt', 'loss_more'\]"):
        model.loss(*batch())


@pytest.mark.parametrize('kwargs,message', [
    (dict(gate='half'), 'gate must be one of'), (dict(gamma=-1), 'gamma >= 0'),
    (dict(gamma_warmup=2), 'gamma_warmup'), (dict(metric=dict(kind='x')), 'metric must be one of'),
    (dict(source_weight_range=(2, 1)), 'lowest, highest')])
def test_wrong_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(rule(**kwargs))


def test_it_needs_a_consistency():
    with pytest.raises(ValueError, match='consistency=None'):
        build(consistency=None, gradient_rule=rule())


def test_names_of_last_layers():
    head = build().student.head
    assert linear_layer_name(head) == 'final_layer'
    head.final_layer = torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Conv2d(8, 3, 1))
    assert linear_layer_name(head) == 'final_layer.1'
    head.final_layer = torch.nn.Identity()
    assert linear_layer_name(head) is None
