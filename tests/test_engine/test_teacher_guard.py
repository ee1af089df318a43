"""A teacher that is evaluated, exported or asked for labels must have been moved by something."""
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from runs import PEOPLE, tiny_config  # noqa: E402

from udapose.engine import EMATeacherHook  # noqa: E402
from udapose.models.pose_estimators.teacher_guard import TeacherGuard  # noqa: E402

MEAN_TEACHER = f'mean_teacher/mean-teacher_{PEOPLE}.py'
EXPORT = dict(type='ExportTeacherHook')


class Begun(Hook):
    """How many iterations were begun, and the teacher before the first one."""

    count = 0

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if not self.count:
            self.teacher = {k: v.clone() for k, v in runner.model.teacher.state_dict().items()}
        self.count += 1


def train(data, work_dir, hooks, name=MEAN_TEACHER, iters=3, **changes):
    """The error, the iterations begun, and whether the teacher has moved."""
    cfg = tiny_config(name, data, work_dir, iters=iters)
    cfg.custom_hooks = hooks
    cfg.merge_from_dict(changes)
    runner, begun = Runner.from_cfg(cfg), Begun()
    runner.register_hook(begun)
    try:
        runner.train()
    except RuntimeError as error:
        return SimpleNamespace(error=str(error), begun=begun.count)
    after = runner.model.teacher.state_dict()
    moved = any(not torch.equal(v, after[k]) for k, v in begun.teacher.items())
    return SimpleNamespace(error=None, begun=begun.count, moved=moved)


# ------------------------------------------------------------------ runs
@pytest.mark.parametrize('hooks', [[], [dict(type='PreflightHook'), EXPORT]])
def test_lost_ema_hook(tiny_people, tmp_path, hooks):
    """A child config's custom_hooks replace its base's: the labels came from a frozen teacher."""
    run = train(tiny_people, tmp_path, hooks)
    assert run.begun == 2  # with the first step's gradients, before anything is lost
    assert 'the teacher is asked for pseudo-labels and evaluated and validated' in run.error
    assert ('and exported, but nothing moves it' in run.error) == bool(hooks)
    assert "Add dict(type='EMATeacherHook') to custom_hooks" in run.error
    assert 'train_cfg=dict(frozen_teacher=True)' in run.error


DANN = {'model.consistency': None}
STUDENT = {**DANN, 'model.test_cfg': dict(predict_on='student'), 'val_cfg.branches': ('student',)}


@pytest.mark.parametrize('changes, hook, error', [
    (DANN, EXPORT, 'the teacher is evaluated and validated and exported, but nothing moves it'),
    ({**STUDENT, 'model.test_cfg': {}}, dict(EXPORT, branch='student'),
     "is evaluated, but.*student take its place: model.test_cfg=dict.predict_on='student'.;"),
    ({**STUDENT, 'val_cfg.branches': ('student', 'teacher')}, dict(EXPORT, branch='student'),
     r"is validated, but.*take its place: val_cfg=dict\(branches=\('student',\)\);"),
    (STUDENT, EXPORT, r"is exported, but.*take its place: ExportTeacherHook\(branch='student'\);")])
def test_plain_dann_must_not_use_the_teacher(tiny_people, tmp_path, changes, hook, error):
    """Without consistency and without the teacher's hooks, as the page had it."""
    run = train(tiny_people, tmp_path, [hook], **changes)
    assert run.begun == 2
    assert re.search(error, run.error), run.error


def test_a_run_that_uses_the_student_alone_is_sound(tiny_people, tmp_path):
    run = train(tiny_people, tmp_path, [dict(EXPORT, branch='student')], **STUDENT)
    assert run.error is None and run.begun == 3 and not run.moved


@pytest.mark.parametrize('hooks', [[dict(type='EMATeacherHook')], [
    dict(type='SourcePretrainHook', iters=2), dict(type='EMATeacherHook')]])
def test_a_moved_teacher_is_sound(tiny_people, tmp_path, hooks):
    run = train(tiny_people, tmp_path, [*hooks, EXPORT])
    assert run.error is None and run.begun == 3 and run.moved


def test_a_frozen_teacher_can_be_meant(tiny_people, tmp_path):
    run = train(tiny_people, tmp_path, [EXPORT], **{'model.train_cfg.frozen_teacher': True})
    assert run.error is None and run.begun == 3 and not run.moved
    with pytest.raises(ValueError, match='frozen_teacher=True says that nothing moves the teacher, '
                                         'but custom_hooks holds EMATeacherHook'):
        train(tiny_people, tmp_path, [dict(type='EMATeacherHook')],
              **{'model.train_cfg.frozen_teacher': True})


def test_one_iteration_is_enough_to_notice(tiny_people, tmp_path):
    run = train(tiny_people, tmp_path, [EXPORT], iters=1)
    assert 'exported, but nothing moves it' in run.error
    assert not (tmp_path / 'exported').exists()


# ------------------------------------------------------------------ who moves what, and how
class Pair(nn.Module):
    """A student, a teacher, and who uses it."""

    uses_teacher, predict_on = True, 'student'

    def __init__(self):
        super().__init__()
        self.student, self.teacher = nn.Linear(3, 3), nn.Linear(3, 3).requires_grad_(False)
        self.train_cfg = dict(frozen_teacher=False)
        self.guard = TeacherGuard()

    def step(self, optimizer, steps=True):
        self.guard.check(self)
        self.student(torch.ones(2, 3)).sum().backward()
        if steps:
            optimizer.step()


def by_data(model):
    for own, other in zip(model.teacher.parameters(), model.student.parameters(), strict=True):
        own.data += 0.1 * (other.data - own.data)


def by_assignment(model):
    for own, other in zip(model.teacher.parameters(), model.student.parameters(), strict=True):
        own.data = other.detach().clone()


def by_copy(model):
    model.teacher.load_state_dict(model.student.state_dict())


@pytest.mark.parametrize('optimizer', [
    dict(type='SGD'), dict(type='Adam', foreach=True), dict(type='AdamW', fused=True)])
@pytest.mark.parametrize('move', [None, by_data, by_assignment, by_copy])
def test_any_optimizer_and_any_way_of_moving(optimizer, move):
    """Fused optimizers and code on .data leave torch's version counters as they are."""
    model, kind = Pair(), dict(optimizer)
    optimizer = getattr(torch.optim, kind.pop('type'))(model.student.parameters(), lr=1e-4, **kind)
    model.step(optimizer)
    if move is None:
        with pytest.raises(RuntimeError, match='is asked for pseudo-labels, but nothing moves it'):
            model.step(optimizer)
        return
    move(model)
    model.step(optimizer)
    assert model.guard.satisfied
    for _ in range(3):  # whoever has moved it once is trusted
        model.step(optimizer)


def test_gradient_accumulation_is_waited_for():
    model = Pair()
    optimizer = torch.optim.Adam(model.student.parameters(), lr=1e-4)
    for _ in range(3):
        model.step(optimizer, steps=False)
    model.step(optimizer)
    with pytest.raises(RuntimeError, match='nothing moves it'):
        model.step(optimizer)


def test_an_ema_step_too_small_for_the_numbers_counts():
    model = Pair()
    by_copy(model)
    optimizer = torch.optim.SGD(model.student.parameters(), lr=1e-6)
    hook = EMATeacherHook(momentum=1e-9)
    model.update_teacher = lambda momentum, buffers: torch._foreach_lerp_(
        [*model.teacher.parameters()], [p.detach() for p in model.student.parameters()], momentum)
    runner = SimpleNamespace(model=model, optim_wrapper=SimpleNamespace(should_update=lambda: True))
    before = [p.clone() for p in model.teacher.parameters()]
    model.step(optimizer)
    hook.after_train_iter(runner, 0)
    model.step(optimizer)
    assert all(map(torch.equal, before, model.teacher.parameters())) and model.guard.satisfied
