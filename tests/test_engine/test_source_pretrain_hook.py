"""When the phases change, from which model, and after which resume."""
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from udapose.engine import SourcePretrainHook
from udapose.models.pose_estimators.run_state import RunState


class Model(nn.Module):
    """Student and teacher of one layer."""

    def __init__(self):
        super().__init__()
        self.student, self.teacher = nn.Linear(2, 1), nn.Linear(2, 1)
        self.alignments = nn.ModuleDict(dict(feature=nn.Linear(1, 1)))
        self.run_state = RunState()

    def copy_student_to_teacher(self):
        self.teacher.load_state_dict(self.student.state_dict())


class Hub(SimpleNamespace):
    def get_info(self, key):
        return self.runtime_info[key]


def runner(iteration, best=None, save_best='target/PCK@0.05'):
    hub = Hub(runtime_info={} if best is None else dict(best_ckpt=str(best)))
    model = Model()
    optimizer = torch.optim.Adam(model.parameters(), 0.1)
    return SimpleNamespace(iter=iteration, model=model, message_hub=hub,
                           optim_wrapper=SimpleNamespace(optimizer=optimizer),
                           hooks=[SimpleNamespace(save_best=save_best)])


def same(model):
    return all(torch.equal(a, b) for a, b in zip(model.student.parameters(),
                                                 model.teacher.parameters(), strict=True))


@pytest.mark.parametrize('start', [0, 3, 5])
def test_a_run_that_starts_or_resumes_before_the_switch(start):
    """Also exactly at the switch, which the interrupted run had not made."""
    hook, run = SourcePretrainHook(iters=5), runner(start)
    hook.before_train(run)
    phases = []
    for run.iter in range(start, 8):
        hook.before_train_iter(run, run.iter)
        phases.append(run.model.run_state.adapting)
        if run.iter == 5:
            assert same(run.model)
            run.model.student.weight.data.add_(1)  # the student goes on
    assert phases == [i >= 5 for i in range(start, 8)]
    assert not same(run.model)  # copied once only


def test_a_run_that_resumes_after_the_switch_keeps_its_teacher():
    hook, run = SourcePretrainHook(iters=5, init_from='best'), runner(6, best='deleted.pth')
    hook.before_train(run)
    assert run.model.run_state.adapting
    hook.before_train_iter(run, 6)
    assert not same(run.model)


def test_the_best_checkpoint_initialises_both(tmp_path):
    path = tmp_path / 'best.pth'
    state = {f'student.{k}': torch.full_like(v, 3.)
             for k, v in Model().student.state_dict().items()}
    torch.save(dict(state_dict={**state, 'teacher.weight': torch.zeros(1, 2)}), path)
    hook, run = SourcePretrainHook(iters=2, init_from='best'), runner(0, path)
    hook.before_train(run)
    run.iter = 2
    hook.before_train_iter(run, 2)
    assert run.model.run_state.adapting and same(run.model)
    assert run.model.student.weight.tolist() == [[3., 3.]]


def test_bad_input(tmp_path):
    with pytest.raises(ValueError, match="'last' or 'best', got 'first'"):
        SourcePretrainHook(5, init_from='first')
    with pytest.raises(TypeError, match='needs MeanTeacherPoseEstimator; got Linear'):
        SourcePretrainHook(5).before_train(SimpleNamespace(iter=0, model=nn.Linear(1, 1)))
    run = runner(0)
    run.model.train_cfg = dict(trained='norm')
    with pytest.raises(ValueError, match="trains the whole model.*trained='norm': remove the hook"):
        SourcePretrainHook(5).before_train(run)
    hook = SourcePretrainHook(5, init_from='best')
    with pytest.raises(ValueError, match="e.g. dict\\(save_best='label_free/agreement', rule="):
        hook.before_train(runner(0, save_best=None))
    for best in (None, tmp_path / 'gone.pth'):
        run = runner(0, best)
        hook.before_train(run)
        run.iter = 5
        with pytest.raises(FileNotFoundError, match='no best checkpoint at iteration 5.*validate'):
            hook.before_train_iter(run, 5)


def test_the_discriminators_optimizer_starts_at_the_switch():
    """Adam's first step is the learning rate, however many steps had no gradient before."""
    hook, run = SourcePretrainHook(iters=400), runner(0)
    model, optimizer = run.model, run.optim_wrapper.optimizer
    hook.before_train(run)
    bias = model.alignments['feature'].bias
    for run.iter in range(401):
        hook.before_train_iter(run, run.iter)
        before = bias.detach().clone()
        for p in model.parameters():
            p.grad = torch.zeros_like(p) if p is bias and run.iter < 400 else torch.ones_like(p)
        optimizer.step()
        assert ((before - bias).abs() > 0) == (run.iter == 400)
    assert (before - bias).item() == pytest.approx(0.1, rel=1e-4)
    assert optimizer.state[model.student.weight]['step'] == 401  # goes on
