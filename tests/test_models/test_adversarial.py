"""Gradient reversal, the discriminator, and the two playing against each other."""
import math
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from mmpose.registry import MODELS
from torch import nn

from udapose.models.layers.gradient_reversal import GradientReversal, reverse_gradient

NARROW = dict(type='PatchDiscriminator', in_channels=4, hidden_channels=(8,), kernel_size=1)


# ------------------------------------------------------------------ gradient reversal
@pytest.mark.parametrize('coefficient', [0., 0.3, 1., 2.5])
def test_the_gradient_changes_sign_and_scale(coefficient):
    x = torch.randn(2, 3, requires_grad=True)
    weight = torch.randn(2, 3)
    y = reverse_gradient(x, coefficient)
    assert torch.equal(y, x)
    (y * weight).sum().backward()
    torch.testing.assert_close(x.grad, -coefficient * weight)


def test_reversal_leaves_other_paths_alone():
    x = torch.ones(3, requires_grad=True)
    (2 * x + reverse_gradient(x, 0.5)).sum().backward()
    assert x.grad.tolist() == [1.5] * 3


def test_schedules():
    warm = GradientReversal(0.5, 'warmup')
    assert warm.value(0.) == 0
    for p in (0.1, 0.5, 1.):
        assert warm.value(p) == pytest.approx(0.5 * (2 / (1 + math.exp(-10 * p)) - 1))
    assert warm.value(1.) == pytest.approx(0.5, abs=1e-4)
    values = [warm.value(p / 10) for p in range(11)]
    assert values == sorted(values)
    assert GradientReversal(0.7).value(0.) == GradientReversal(0.7).value(1.) == 0.7
    x = torch.ones(1, requires_grad=True)
    warm(x, 0.1).sum().backward()
    assert x.grad.item() == pytest.approx(-warm.value(0.1))


def test_bad_reversals():
    with pytest.raises(ValueError, match="'constant' or 'warmup', got 'linear'"):
        GradientReversal(schedule='linear')
    with pytest.raises(ValueError, match='itself changes the sign'):
        GradientReversal(-1.)


# ------------------------------------------------------------------ discriminator
def test_the_default_is_the_published_network():
    net = MODELS.build(dict(type='PatchDiscriminator'))
    shapes = [tuple(p.shape) for p in net.parameters() if p.ndim == 4]
    assert shapes == [(256, 256, 3, 3), (128, 256, 3, 3), (128, 128, 3, 3), (1, 128, 3, 3)]
    assert sum(p.numel() for p in net.parameters()) == 590080 + 295040 + 147584 + 1153
    kinds = [type(m).__name__ for m in net.layers]
    assert kinds == ['Conv2d', 'LeakyReLU'] * 3 + ['Conv2d']  # logits: no activation at the end
    assert {m.negative_slope for m in net.layers if isinstance(m, nn.LeakyReLU)} == {0.2}
    assert net(torch.randn(2, 256, 6, 5)).shape == (2, 1, 6, 5)


@pytest.mark.parametrize('pool,expected', [(1, (7, 5)), (2, (4, 3)), (4, (2, 2)), (0, (1, 1))])
def test_pooled_shapes(pool, expected):
    net = MODELS.build(dict(NARROW, pool=pool))
    assert net(torch.randn(3, 4, 7, 5)).shape == (3, 1, *expected)


def test_kernel_size_one_looks_at_each_position_alone():
    net = MODELS.build(NARROW)
    x = torch.randn(1, 4, 5, 5)
    moved = x.clone()
    moved[..., 2, 3] += 1
    changed = (net(moved) != net(x)).flatten().nonzero().flatten().tolist()
    assert changed == [2 * 5 + 3]


def test_the_features_are_not_written_to():
    x = torch.randn(1, 4, 5, 5)
    before = x.clone()
    MODELS.build(NARROW)(x)
    assert torch.equal(x, before)


def test_bad_discriminators():
    with pytest.raises(ValueError, match='odd'):
        MODELS.build(dict(NARROW, kernel_size=2))
    net = MODELS.build(NARROW)
    with pytest.raises(ValueError, match=r'in_channels=4\) got features of shape \(1, 6, 5, 5\).*'
                                         'set discriminator.in_channels'):
        net(torch.zeros(1, 6, 5, 5))
    with pytest.raises(ValueError, match=r'\(1, 4\)'):
        net(torch.zeros(1, 4))


# ------------------------------------------------------------------ the loss
def build(**kwargs):
    torch.manual_seed(0)
    return MODELS.build(dict(type='DomainAdversarialLoss', feature='f', discriminator=NARROW,
                             **kwargs))


def batch(source, target, progress=1.):
    return SimpleNamespace(source=SimpleNamespace(features=dict(f=source)),
                           target=SimpleNamespace(features=dict(f=target)), progress=progress)


def test_the_value_is_the_published_cross_entropy():
    term = build(loss_weight=0.1)
    source, target = torch.randn(3, 4, 5, 5), torch.randn(2, 4, 5, 5)  # unequal numbers
    out = term(batch(source, target))
    logits = term.discriminator(source), term.discriminator(target)
    expected = 0.1 * sum(F.binary_cross_entropy_with_logits(x, torch.full_like(x, label))
                         for x, label in zip(logits, (0., 1.), strict=True))
    torch.testing.assert_close(out['loss_adversarial'], expected)
    right = ((logits[0] < 0).float().mean() + (logits[1] > 0).float().mean()) / 2
    torch.testing.assert_close(out['adversarial_accuracy'], right)
    assert not out['adversarial_accuracy'].requires_grad
    assert [len(m) for m in term.last_maps] == [3, 2]


@pytest.mark.parametrize('coefficient', [1., 0.25])
def test_features_get_the_opposite_gradient_the_discriminator_its_own(coefficient):
    term = build(reversal=dict(coefficient=coefficient), loss_weight=1.)
    features = [torch.randn(2, 4, 3, 3, requires_grad=True) for _ in range(2)]
    term(batch(*features))['loss_adversarial'].backward()
    plain = [f.detach().clone().requires_grad_() for f in features]
    own = [p.grad.clone() for p in term.discriminator.parameters()]
    term.discriminator.zero_grad()
    loss = (F.softplus(term.discriminator(plain[0])).mean()
            + F.softplus(-term.discriminator(plain[1])).mean())
    loss.backward()
    for f, p in zip(features, plain, strict=True):
        assert p.grad.abs().max() > 1e-3
        torch.testing.assert_close(f.grad, -coefficient * p.grad)
    for grad, p in zip(own, term.discriminator.parameters(), strict=True):
        torch.testing.assert_close(grad, p.grad)


def test_warmup_follows_the_progress():
    term = build(reversal=dict(schedule='warmup'))
    x = torch.randn(2, 4, 3, 3)
    grads = []
    for progress in (0., 0.2, 1.):
        source = x.clone().requires_grad_()
        term(batch(source, x, progress))['loss_adversarial'].backward()
        grads.append(source.grad.abs().sum().item())
    assert grads[0] == 0 < grads[1] < grads[2]


def test_two_terms_of_one_model_have_two_names():
    x = torch.randn(1, 4, 3, 3)
    assert set(build(name='stage3')(batch(x, x))) == {'loss_stage3', 'stage3_accuracy'}


def domains(seed):
    g = torch.Generator().manual_seed(seed)
    shift = torch.tensor([3., -3., 0., 0.]).view(1, 4, 1, 1)
    return torch.randn(16, 4, 4, 4, generator=g), torch.randn(16, 4, 4, 4, generator=g) + shift


def test_the_discriminator_learns_and_the_features_unlearn():
    """Alone the discriminator separates the domains; an extractor trained against it, through
    the very same loss, makes the loss rise again and the accuracy fall."""
    term = build(loss_weight=1.)
    extractor = nn.Conv2d(4, 4, 1)
    nn.init.dirac_(extractor.weight)
    nn.init.zeros_(extractor.bias)

    def losses(seed):
        return term(batch(*(extractor(x) for x in domains(seed))))

    first = losses(999)
    optimizer = torch.optim.Adam(term.discriminator.parameters(), 3e-2)
    for step in range(50):  # the features stay as they are
        optimizer.zero_grad()
        losses(step)['loss_adversarial'].backward()
        optimizer.step()
    trained = losses(999)
    assert trained['loss_adversarial'] < 0.5 * first['loss_adversarial']
    assert trained['adversarial_accuracy'] > 0.9
    optimizer = torch.optim.SGD(extractor.parameters(), 0.05)
    for step in range(150):  # only the features move
        optimizer.zero_grad()
        losses(step)['loss_adversarial'].backward()
        optimizer.step()
    against = losses(999)
    assert against['loss_adversarial'] > 2 * trained['loss_adversarial']
    assert against['adversarial_accuracy'] < 0.7


def test_autocast_is_finite():
    term = build()
    with torch.autocast('cpu', torch.bfloat16):
        out = term(batch(1e3 * torch.randn(2, 4, 3, 3), torch.randn(2, 4, 3, 3)))
    assert out['loss_adversarial'].dtype == torch.float32
    out['loss_adversarial'].backward()
    assert torch.isfinite(out['loss_adversarial'])
    assert all(torch.isfinite(p.grad).all() for p in term.parameters())
