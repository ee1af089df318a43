"""The kick-drift-kick optimizer: slow reference, quadratics, checkpoints, wrappers."""
import copy
import math

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import OPTIMIZERS
from torch import nn

import udapose  # noqa: F401
from udapose.engine.optimizers import KickDriftKick


class _Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Linear(3, 4)
        self.head = nn.Linear(4, 2)
        self.unused = nn.Linear(2, 2)

    def loss(self, i):
        x = torch.randn(5, 3, generator=torch.Generator().manual_seed(i)).to(self.head.weight)
        return (self.head(self.body(x).tanh()) - x[:, :2].flip(1)).square().mean()


def numbers(params):
    return [[float(v) for v in p.detach().flatten()] for p in params]


def scalar_steps(net, lrs, decays, steps, mu, eps, friction, second_kick, metric, start):
    """One number at a time, from the docstring; gradients by autograd at the scalars' values."""
    params = [*net.body.parameters(), *net.head.parameters()]
    theta, squares = numbers(params), [start] * len(params)
    p = [[0.] * len(t) for t in theta]
    before = [[0.] * len(t) for t in theta]  # the half kick that is still owed ('next')
    for i in range(steps):
        with torch.no_grad():
            for q, t in zip(params, theta, strict=True):
                q.copy_(torch.tensor(t).view_as(q))
        found = torch.autograd.grad(net.loss(i), params)
        total, count, own = 0., 0, []
        for n, g in enumerate(numbers(found)):
            h, mine = lrs[n], 0.
            d = squares[n] + eps
            for j in range(len(g)):
                force = g[j] + decays[n] * theta[n][j]
                if second_kick == 'same':
                    p[n][j] = (1 - friction) * p[n][j] - h / 2 * force
                else:
                    p[n][j] = (1 - friction) * p[n][j] - h / 2 * force - before[n][j] * force
                    before[n][j] = h / 2
                step = h * p[n][j] / d
                theta[n][j] += step
                mine += step**2
                if second_kick == 'same':
                    p[n][j] -= h / 2 * force
            total, count, own = total + mine, count + len(g), [*own, mine / len(g)]
        squares = [mu * a + (1 - mu) * (total / count if metric == 'global' else own[n])
                   for n, a in enumerate(squares)]
    return theta


@pytest.mark.parametrize('second_kick', ['same', 'next'])
@pytest.mark.parametrize('metric', ['global', 'tensor'])
@pytest.mark.parametrize('friction', [0., 0.2])
def test_it_is_the_scalar_reference(second_kick, metric, friction):
    kwargs = dict(mu=0.9, eps=1e-4, friction=friction, second_kick=second_kick, metric=metric)
    net = _Net().double()
    optimizer = KickDriftKick([
        dict(params=net.body.parameters(), weight_decay=0.1),
        dict(params=[*net.head.parameters(), *net.unused.parameters()], lr=2e-3)],
        lr=1e-3, initial_square=1e-3, **kwargs)
    for i in range(5):
        optimizer.zero_grad()
        net.loss(i).backward()
        optimizer.step()
    expected = scalar_steps(_Net().double(), [1e-3] * 2 + [2e-3] * 2, [0.1] * 2 + [0.] * 2, 5,
                            start=1e-3, **kwargs)
    for found, wanted in zip(numbers([*net.body.parameters(), *net.head.parameters()]), expected,
                             strict=True):
        assert found == pytest.approx(wanted, abs=1e-6)
    untouched = _Net().double().unused
    assert torch.equal(net.unused.weight, untouched.weight)


def trajectory(steps, k=1., **kwargs):
    """Positions on the quadratic k x^2 / 2, from x = 1."""
    x = nn.Parameter(torch.ones((), dtype=torch.float64))
    optimizer, seen = KickDriftKick([x], **kwargs), [1.]
    for _ in range(steps):
        x.grad = k * x.detach()
        optimizer.step()
        seen.append(float(x))
    return seen


def test_same_gradient_twice_gains_energy_the_leapfrog_does_not():
    """With constant D: x'' = -(k / D) x; c = h^2 k / D."""
    constant = dict(lr=0.1, mu=1., initial_square=0.5, eps=1e-12)
    c = 0.1**2 / 0.5
    same = trajectory(600, **constant)
    leap = trajectory(600, second_kick='next', **constant)
    for a, b, d in zip(same, same[1:], same[2:], strict=False):
        assert d == pytest.approx((2 - c / 2) * b - (1 + c / 2) * a)
    for a, b, d in zip(leap, leap[1:], leap[2:], strict=False):
        assert d == pytest.approx((2 - c) * b - a)
    assert leap[1] == pytest.approx(1 - c / 2)  # the first kick is a half
    grown = [(1 + c / 2)**(n / 2) for n in (550, 600)]  # a period is 44 steps
    assert 0.95 * grown[0] < max(map(abs, same[-50:])) < 1.05 * grown[1]
    assert max(map(abs, same)) > 10 and max(map(abs, leap)) < 1.01


@pytest.mark.parametrize('second_kick', ['same', 'next'])
def test_friction_stops_it_at_the_minimum(second_kick):
    seen = trajectory(600, lr=0.1, mu=1., initial_square=0.5, second_kick=second_kick,
                      friction=0.1)
    assert max(map(abs, seen[-10:])) < 1e-6


def test_the_metric_slows_large_increments_down():
    """A thousand times the gradient makes the increments ten times as large (cube root), not
    a thousand times: D follows the squared increments."""
    def pace(k):
        x = nn.Parameter(torch.zeros(()))
        optimizer = KickDriftKick([x], lr=1e-3, mu=0., friction=0.999999, initial_square=1e-2,
                                  eps=1e-12)
        for _ in range(400):
            x.grad = torch.full((), k * 2.)
            before = float(x)
            optimizer.step()
            optimizer.mu = 0.9
        return abs(float(x) - before)

    assert pace(1000.) / pace(1.) == pytest.approx(10, rel=0.05)


def test_warm_up_and_cosine_minimise_a_quadratic():
    torch.manual_seed(0)
    scales = torch.logspace(-1, 1, 20)
    x = nn.Parameter(torch.ones(20))
    optimizer = KickDriftKick([x], lr=1e-3, friction=0.1)
    for i in range(500):
        lr = 1e-3 * min(1, (i + 1) / 50) * (1 + math.cos(math.pi * i / 500)) / 2
        optimizer.param_groups[0]['lr'] = lr
        x.grad = scales * x.detach()
        optimizer.step()
    assert float((scales * x.detach().square()).sum()) < 1e-2 * float(scales.sum())


@pytest.mark.parametrize('metric', ['global', 'tensor'])
@pytest.mark.parametrize('second_kick', ['same', 'next'])
def test_resume_is_exact(metric, second_kick, tmp_path):
    def run(net, optimizer, steps):
        for i in steps:
            optimizer.zero_grad()
            net.loss(i).backward()
            optimizer.step()

    def make():
        net = _Net()
        return net, KickDriftKick(net.parameters(), lr=1e-2, eps=1e-4, friction=0.1,
                                  metric=metric, second_kick=second_kick)

    whole = make()
    run(*whole, range(8))
    first = make()
    run(*first, range(4))
    torch.save([x.state_dict() for x in first], tmp_path / 'checkpoint.pth')
    again = make()
    for x, state in zip(again, torch.load(tmp_path / 'checkpoint.pth', weights_only=True),
                        strict=True):
        x.load_state_dict(state)
    run(*again, range(4, 8))
    for a, b in zip(whole[0].parameters(), again[0].parameters(), strict=True):
        assert torch.equal(a, b)
    fresh = make()  # without its state the run would differ
    fresh[0].load_state_dict(first[0].state_dict())
    run(*fresh, range(4, 8))
    assert not torch.equal(fresh[0].head.weight, whole[0].head.weight)


@pytest.mark.parametrize('wrapper', [dict(type='OptimWrapper'),
                                     dict(type='AmpOptimWrapper', dtype='bfloat16')])
def test_mmengines_wrappers_paramwise_cfg_and_accumulation(wrapper):
    assert OPTIMIZERS.get('KickDriftKick') is KickDriftKick
    net = _Net()
    optim = build_optim_wrapper(net, dict(
        **wrapper, accumulative_counts=2, clip_grad=dict(max_norm=1.),
        optimizer=dict(type='KickDriftKick', lr=1e-2, eps=1e-4, weight_decay=0.1),
        paramwise_cfg=dict(custom_keys={'head': dict(lr_mult=0., decay_mult=0.)})))
    optim.initialize_count_status(net, 0, 4)
    rates = {g['lr'] for g in optim.optimizer.param_groups}
    decays = {g['weight_decay'] for g in optim.optimizer.param_groups}
    assert rates == {0., 1e-2} and decays == {0., 0.1}
    before = copy.deepcopy(net)
    seen = []
    for i in range(4):
        with optim.optim_context(net):
            loss = net.loss(i)
        optim.update_params(loss)
        seen.append(net.body.weight.detach().clone())
    assert torch.equal(seen[0], before.body.weight) and not torch.equal(seen[1], seen[0])
    assert torch.equal(seen[2], seen[1]) and not torch.equal(seen[3], seen[2])
    assert torch.equal(net.head.weight, before.head.weight)


def test_a_gradient_scaler_unscales_before_it():
    """The scaler works on the optimizer as on any other (AmpOptimWrapper(loss_scale=...))."""
    plain, scaled = _Net(), _Net()
    for net, scaler in ((plain, None), (scaled, torch.amp.GradScaler('cpu', init_scale=1024.))):
        optimizer = KickDriftKick(net.parameters(), lr=1e-2, eps=1e-4)
        for i in range(3):
            optimizer.zero_grad()
            if scaler is None:
                net.loss(i).backward()
                optimizer.step()
            else:
                scaler.scale(net.loss(i)).backward()
                scaler.step(optimizer)
                scaler.update()
    torch.testing.assert_close(plain.head.weight, scaled.head.weight)


def test_a_closure_is_called_with_gradients():
    net = _Net()
    optimizer = KickDriftKick(net.parameters())

    def closure():
        loss = net.loss(0)
        loss.backward()
        return loss

    assert torch.equal(optimizer.step(closure), _Net().loss(0))


@pytest.mark.parametrize('kwargs,message', [
    (dict(lr=-1.), 'lr, initial_square'), (dict(eps=0.), 'eps > 0'), (dict(mu=1.1), 'mu must be'),
    (dict(friction=1.), 'friction'), (dict(second_kick='no'), "second_kick must be one of"),
    (dict(metric='no'), 'metric must be one of')])
def test_wrong_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        KickDriftKick([nn.Parameter(torch.zeros(1))], **kwargs)


def test_sparse_gradients_are_refused():
    table = nn.Embedding(4, 2, sparse=True)
    optimizer = KickDriftKick(table.parameters())
    table(torch.tensor([1])).sum().backward()
    with pytest.raises(RuntimeError, match='sparse'):
        optimizer.step()
