"""The EMA hook against the closed form, with accumulation, warm-up and resume."""
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from udapose.engine import EMATeacherHook, PseudoLabelMonitorHook


class Pair(nn.Module):
    teacher_loaded = False

    def __init__(self):
        super().__init__()
        self.student, self.teacher = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
        self.student.weight.data.fill_(1.)
        self.teacher.weight.data.fill_(0.)

    def copy_student_to_teacher(self):
        self.teacher.load_state_dict(self.student.state_dict())

    def update_teacher(self, momentum, buffers):
        self.teacher.weight.data.lerp_(self.student.weight.data, momentum)


def runner(model, accumulate=1, iteration=0, resume=False):
    r = SimpleNamespace(model=model, iter=iteration, _resume=resume, hooks=[])
    r.optim_wrapper = SimpleNamespace(should_update=lambda: (r.iter + 1) % accumulate == 0)
    return r


def run(hook, r, steps):
    for _ in range(steps):
        hook.after_train_iter(r, r.iter)
        r.iter += 1


def test_constant_momentum_follows_the_closed_form():
    model, hook = Pair(), EMATeacherHook(momentum=0.1)
    run(hook, runner(model), 7)
    torch.testing.assert_close(model.teacher.weight.data, torch.tensor([[1 - 0.9**7]]))


def test_one_update_per_optimizer_step():
    model, hook = Pair(), EMATeacherHook(momentum=0.1)
    run(hook, runner(model, accumulate=4), 9)
    assert hook.steps == 2
    torch.testing.assert_close(model.teacher.weight.data, torch.tensor([[1 - 0.9**2]]))


def test_warmup_is_the_running_mean():
    model, hook = Pair(), EMATeacherHook(momentum=1e-4, warmup=True)
    r, values = runner(model), [3., 5., 10., 2.]
    for value in values:
        model.student.weight.data.fill_(value)
        run(hook, r, 1)
    torch.testing.assert_close(model.teacher.weight.data, torch.tensor([[sum(values) / 4]]))


def test_copies_until_the_start_step():
    model, hook = Pair(), EMATeacherHook(momentum=0.1, start_step=2)
    r = runner(model)
    run(hook, r, 2)
    assert model.teacher.weight.item() == 1.
    model.student.weight.data.fill_(2.)
    run(hook, r, 1)
    assert model.teacher.weight.item() == pytest.approx(1.1)


@pytest.mark.parametrize('loaded,iteration,copied', [(False, 0, True), (True, 0, False),
                                                     (False, 5, False)])
def test_teacher_is_initialised_once(loaded, iteration, copied):
    model = Pair()
    model.teacher_loaded = loaded
    EMATeacherHook().before_train(runner(model, iteration=iteration))
    assert (model.teacher.weight.item() == 1.) == copied


def test_two_hooks_would_move_the_teacher_twice():
    """A momentum of one's own behind the base's hooks: both acted, without a word."""
    r = runner(Pair())
    r.hooks = [PseudoLabelMonitorHook(), EMATeacherHook(0.01), EMATeacherHook(0.001)]
    with pytest.raises(ValueError, match='2 EMATeacherHooks, of momentum 0.01 and 0.001, would'):
        r.hooks[1].before_train(r)


@pytest.mark.parametrize('resume,steps', [(True, 3), (False, 0)])
def test_step_count_is_resumed(resume, steps):
    hook, checkpoint = EMATeacherHook(momentum=0.1), {}
    run(hook, runner(Pair()), 3)
    hook.before_save_checkpoint(None, checkpoint)
    other = EMATeacherHook(momentum=0.1)
    other.after_load_checkpoint(runner(None, resume=resume), checkpoint)
    assert other.steps == steps


def test_bad_arguments_and_models():
    with pytest.raises(ValueError, match='0.001 stands for a decay of 0.999'):
        EMATeacherHook(momentum=0.)
    with pytest.raises(ValueError, match='buffers'):
        EMATeacherHook(buffers='mean')
    with pytest.raises(TypeError, match='got Linear'):
        EMATeacherHook().before_train(runner(nn.Linear(1, 1)))


@pytest.mark.parametrize('coverage,spread,message', [
    (0., .1, 'teach nothing'), (1., .1, 'wrong ones too'), (.5, .001, 'collapsed'),
    (.5, .1, None)])
def test_collapse_warns(coverage, spread, message, monkeypatch):
    said = []
    monkeypatch.setattr(PseudoLabelMonitorHook, '_warn', staticmethod(said.append))
    scalars = {f'train/pseudo_{k}': SimpleNamespace(mean=lambda window, v=v: v)
               for k, v in (('coverage', coverage), ('spread', spread))}
    r = SimpleNamespace(iter=99, message_hub=SimpleNamespace(log_scalars=scalars))
    PseudoLabelMonitorHook(interval=100).after_train_iter(r, 99)
    assert (len(said) == 1 and message in said[0]) if message else not said
    r.iter = 98  # not due
    PseudoLabelMonitorHook(interval=100).after_train_iter(r, 98)
    assert len(said) == (1 if message else 0)


@pytest.mark.parametrize('uses', [True, False, None])
def test_the_monitor_says_that_it_watches_nothing(uses, monkeypatch):
    said = []
    monkeypatch.setattr('udapose.engine.hooks.pseudo_label_monitor_hook.print_log',
                        lambda message, **kwargs: said.append(message))
    model = nn.Linear(1, 1)
    if uses is not None:
        model.uses_teacher = uses
    PseudoLabelMonitorHook().before_train(SimpleNamespace(model=model))
    assert bool(said) == (not uses)
    assert not said or 'watches nothing: Linear makes no pseudo-labels' in said[0]
