"""Information maximization: analytic cases, a slow reference, gradients."""
import math
from types import SimpleNamespace

import pytest
import torch
from mmpose.registry import MODELS


def build(**kwargs):
    return MODELS.build(dict(type='InformationMaximizationLoss', **kwargs))


def batch(output, kind='maps', beta=1.):
    return SimpleNamespace(aligned_output=output, readout=SimpleNamespace(kind=kind, beta=beta))


def heatmaps(batch=3, joints=2, height=6, width=5, seed=0):
    return torch.rand(batch, joints, height, width, generator=torch.Generator().manual_seed(seed))


def one_hot(*points, height=6, width=5):
    maps = torch.zeros(len(points), 1, height, width)
    for heatmap, (x, y) in zip(maps, points, strict=True):
        heatmap[0, y, x] = 1
    return maps


def slow_published(h):
    """Loops over samples, joints and pixels, with Python's floats: what the official code
    of arXiv 2404.14885 computes of raw maps (docs/information_maximization.md)."""
    def entropy(values):
        z = sum(math.exp(v) for v in values)
        return -sum(math.exp(v) / z * math.log(math.exp(v) / z) for v in values)

    batch, joints, height, width = h.shape
    h = h.tolist()
    along_x, along_y, mean = [], [], []
    for k in range(joints):
        for b in range(batch):
            along_x.append(entropy([sum(h[b][k][y][x] for y in range(height)) / height
                                    for x in range(width)]))
            along_y.append(entropy([sum(h[b][k][y][x] for x in range(width)) / width
                                    for y in range(height)]))
        mean.append(entropy([sum(h[b][k][y][x] for b in range(batch)) / batch
                             for y in range(height) for x in range(width)]))
    return [sum(v) / len(v) / (height * width) for v in (along_x, along_y, mean)]


def slow_joint(h, temperature):
    """The joint form likewise, with nothing but loops."""
    batch, joints, height, width = h.shape
    h = h.tolist()

    def entropy(ps):
        return -sum(p * math.log(p) for p in ps if p > 0)

    along_x, along_y, mean = [], [], []
    for k in range(joints):
        average = [0.] * (height * width)
        for b in range(batch):
            e = [math.exp(v / temperature) for row in h[b][k] for v in row]
            p = [v / sum(e) for v in e]
            along_x.append(entropy([sum(p[y * width + x] for y in range(height))
                                    for x in range(width)]))
            along_y.append(entropy([sum(p[y * width + x] for x in range(width))
                                    for y in range(height)]))
            average = [a + v / batch for a, v in zip(average, p, strict=True)]
        mean.append(entropy(average))
    return [sum(v) / len(v) for v in (along_x, along_y, mean)]


def test_published_form_equals_the_slow_one():
    h = 4 * heatmaps()
    torch.testing.assert_close(torch.stack(build().entropies(h)).tolist(), slow_published(h),
                               rtol=1e-5, atol=1e-6)
    out = build()(batch(h))
    x, y, mean = slow_published(h)
    assert out['loss_information'].item() == pytest.approx(0.3 * (x + y - mean), rel=1e-4)
    assert set(out) == {'loss_information', 'entropy_x', 'entropy_y', 'entropy_mean'}
    assert out['entropy_y'].item() == pytest.approx(y, rel=1e-5)
    assert not out['entropy_x'].requires_grad


def test_joint_form_equals_the_slow_one():
    h = heatmaps()
    found = build(form='joint', temperature=0.2, normalize=None).entropies(h)
    torch.testing.assert_close(torch.stack(found).tolist(), slow_joint(h, 0.2),
                               rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('form', ['profiles', 'joint'])
def test_uniform_heatmaps_have_all_entropies_one(form):
    h = torch.full((2, 3, 6, 5), 0.7)
    found = build(form=form, normalize='log').entropies(h)
    torch.testing.assert_close(torch.stack(found), torch.ones(3))
    found = build(form=form, normalize='pixels').entropies(h)
    torch.testing.assert_close(torch.stack(found), torch.tensor(
        [math.log(5), math.log(6), math.log(30)]) / 30)


def test_one_hot_heatmaps_at_a_low_temperature():
    """Certain for each sample; over the batch as diverse as there are different positions."""
    term = build(form='joint', temperature=0.01, normalize=None)
    x, y, mean = term.entropies(one_hot((0, 0), (1, 3), (4, 5), (2, 2)))
    assert x.item() == pytest.approx(0, abs=1e-6) and y.item() == pytest.approx(0, abs=1e-6)
    assert mean.item() == pytest.approx(math.log(4), rel=1e-5)
    _, _, same = term.entropies(one_hot((1, 3), (1, 3)))  # all at one place: no diversity
    assert same.item() == pytest.approx(0, abs=1e-6)


def test_an_identical_batch_is_one_sample():
    """H_mean is then each sample's own joint entropy, whatever the size of the batch."""
    one = heatmaps(batch=1)
    term = build(form='joint', temperature=0.3, normalize=None)
    alone, repeated = term.entropies(one), term.entropies(one.repeat(7, 1, 1, 1))
    torch.testing.assert_close(alone, repeated)
    p = (one / 0.3).flatten(2).softmax(-1)
    torch.testing.assert_close(repeated[2], -(p * p.log()).sum(-1).mean())
    torch.testing.assert_close(build().entropies(one), build().entropies(one.repeat(5, 1, 1, 1)))


@pytest.mark.parametrize('form', ['profiles', 'joint'])
def test_descent_makes_samples_certain_and_the_batch_diverse(form):
    """Two samples that doubt between the same two places decide for different ones.

    Not so in the published form, whose entropies fall too, but whose H_mean is that of the *mean
    heatmap*: it hollows out the peaks themselves.
    """
    h = torch.zeros(2, 1, 8, 8)
    h[:, 0, 1, 1] = h[:, 0, 6, 6] = 0.5
    h[0, 0, 1, 1] += 0.02
    h[1, 0, 6, 6] += 0.02
    h.requires_grad_()
    term = build(form=form, temperature=0.1, normalize='log', loss_weight=1.)
    first = term(batch(h))
    optimizer = torch.optim.SGD([h], 1. if form == 'joint' else 8.)
    for _ in range(100):
        optimizer.zero_grad()
        term(batch(h))['loss_information'].backward()
        optimizer.step()
    last = term(batch(h))
    assert last['loss_information'] < first['loss_information'] - 0.05
    assert last['entropy_x'] < first['entropy_x'] and last['entropy_y'] < first['entropy_y']
    if form == 'profiles':
        return
    assert h[0].argmax() == 1 * 8 + 1 and h[1].argmax() == 6 * 8 + 6
    assert h[0, 0, 1, 1] - h[0, 0, 6, 6] > 0.1 and h[1, 0, 6, 6] - h[1, 0, 1, 1] > 0.1


def test_each_part_of_the_gradient():
    """Certainty raises a lone peak, diversity alone lowers it."""
    h = one_hot((2, 3), (2, 3)) * 0.3
    for weight, sign in ((0., -1), (1e6, 1)):
        x = h.clone().requires_grad_()
        build(form='joint', temperature=0.1, diversity_weight=weight)(
            batch(x))['loss_information'].backward()
        assert torch.sign(x.grad[0, 0, 3, 2]) == sign  # descent goes the other way


def test_why_the_published_form_hardly_acts():
    """On a clean heatmap the joint form's gradient is orders of magnitude larger."""
    yy, xx = torch.meshgrid(torch.arange(16.), torch.arange(16.), indexing='ij')
    clean = torch.exp(-((xx - 5)**2 + (yy - 9)**2) / 8).expand(4, 3, 16, 16)
    largest = []
    for kwargs in ({}, dict(form='joint', temperature=0.1, normalize='log')):
        h = clean.clone().requires_grad_()
        build(**kwargs)(batch(h))['loss_information'].backward()
        largest.append(h.grad.abs().max().item())
    assert 0 < largest[0] < 1e-2 * largest[1]


@pytest.mark.parametrize('form', ['profiles', 'joint'])
@pytest.mark.parametrize('temperature', [1e-6, 1e-3, 1e4])
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_extreme_temperatures_and_half_precision_stay_finite(form, temperature, dtype):
    h = (10 * heatmaps() - 3).to(dtype).requires_grad_()
    with torch.autocast('cpu', torch.bfloat16, enabled=dtype != torch.float32):
        out = build(form=form, temperature=temperature)(batch(h))
    assert out['loss_information'].dtype == torch.float32
    out['loss_information'].backward()
    assert torch.isfinite(out['loss_information']) and torch.isfinite(h.grad).all()


def test_autocast_changes_nothing():
    h = heatmaps()
    exact = build(form='joint', temperature=0.05).entropies(h)
    with torch.autocast('cpu', torch.bfloat16):
        mixed = build(form='joint', temperature=0.05).entropies(h)
    torch.testing.assert_close(mixed, exact)


@pytest.mark.parametrize('kwargs,message', [
    (dict(normalize='area'), "normalize must be one of .*got 'area'"),
    (dict(form='marginal'), "form must be one of .*got 'marginal'"),
    (dict(temperature=0.), 'temperature must be > 0, got 0')])
def test_bad_options(kwargs, message):
    with pytest.raises(ValueError, match=message):
        build(**kwargs)
