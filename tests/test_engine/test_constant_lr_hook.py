"""The discriminator's rate stays while the others follow the schedule."""
from types import SimpleNamespace

import pytest
import torch
from mmengine.optim import LinearLR, MultiStepLR, OptimWrapper
from torch import nn

from udapose.engine import ConstantLRHook


def setting(shared=False):
    model = nn.ModuleDict(dict(student=nn.Linear(2, 2), discriminator=nn.Linear(2, 1)))
    groups = [dict(params=[*model.parameters()])] if shared else [
        dict(params=[*model['student'].parameters()]),
        dict(params=[*model['discriminator'].parameters()], lr=0.5)]
    return SimpleNamespace(model=model, optim_wrapper=OptimWrapper(torch.optim.SGD(groups, lr=1.)))


def test_rates_with_a_warm_up_and_steps():
    """Schedulers are built before the hook starts, as the runner does it."""
    runner = setting()
    schedulers = [LinearLR(runner.optim_wrapper, 0.1, begin=0, end=3, by_epoch=False),
                  MultiStepLR(runner.optim_wrapper, [5], 0.1, by_epoch=False)]
    hook = ConstantLRHook()
    hook.before_train(runner)
    rates = []
    for i in range(8):
        rates.append([g['lr'] for g in runner.optim_wrapper.optimizer.param_groups])
        for scheduler in schedulers:
            scheduler.step()
        hook.after_train_iter(runner, i)
    student, discriminator = zip(*rates, strict=True)
    assert discriminator == (0.5,) * 8
    assert student[0] == pytest.approx(0.1) and student[1] < 0.9
    assert max(student) == pytest.approx(1.)
    assert student[-1] == pytest.approx(0.1)


def test_without_a_schedule_and_by_epoch():
    runner = setting()
    hook = ConstantLRHook('discriminator')
    hook.before_train(runner)
    group = runner.optim_wrapper.param_groups[1]
    assert group['lr'] == 0.5
    group['initial_lr'], group['lr'] = 0.5, 0.05
    hook.after_train_epoch(runner)
    assert group['lr'] == 0.5


def test_bad_input():
    with pytest.raises(ValueError, match="share a group.*custom_keys={'discriminator'"):
        ConstantLRHook().before_train(setting(shared=True))
    with pytest.raises(ValueError, match=r"no trainable parameter has one of \('critic',\)"):
        ConstantLRHook(['critic']).before_train(setting())
