"""A teacher that somebody relies on must be moved by something."""
from __future__ import annotations

import torch
from torch import Tensor, nn


class TeacherGuard:
    """Stops a training whose teacher is used but stays as it was.

    A list in a config replaces its parent's, so hooks get lost without a word: without
    :class:`EMATeacherHook` the student learns from, or what is evaluated and exported is, the
    model that the run began with. The guard is the model's own and cannot get lost.

    It compares the networks between training steps, whoever changes them, and is done with the
    first change of the teacher. Until then it reads from the device in each step after the first
    one; where ``update_teacher`` is called, as by :class:`EMATeacherHook`, it never does.

    Attributes:
        satisfied (bool): Whether the teacher has been moved; then nothing is compared any more.
    """

    def __init__(self) -> None:
        self.demands: dict[str, str] = {}
        self.satisfied = False
        self._before: list[_Fingerprint] | None = None

    def demand(self, what: str, who: str) -> None:
        """Say that the teacher is relied on, before training.

        Args:
            what (str): What is done to the teacher, a participle.
            who (str): By which key of the config, and what to set there for the student.
        """
        self.demands[what] = who

    def check(self, model: nn.Module) -> None:
        """Compare with the last call; to be called between steps.

        Args:
            model (nn.Module): Has ``student``, ``teacher``, ``uses_teacher``, ``predict_on`` and
                ``train_cfg``.

        Raises:
            RuntimeError: The student has changed, the teacher has not, and somebody relies on it.
        """
        if self.satisfied or model.train_cfg['frozen_teacher'] or torch.compiler.is_compiling():
            return
        if next(model.student.parameters()).is_meta:
            return  # shapes alone, as benchmarks count operations
        now = [_Fingerprint(part) for part in (model.student, model.teacher)]
        if self._before is None:
            self._before = now
            return
        student, teacher = (new.differs(old) for new, old in zip(now, self._before, strict=True))
        if teacher():
            self.satisfied, self._before = True, None
        elif student():
            demands = self._demands(model)
            if demands:
                raise RuntimeError(self._message(demands))

    def _demands(self, model: nn.Module) -> dict[str, str]:
        demands = {}
        if model.uses_teacher:
            demands['asked for pseudo-labels'] = ''
        if model.predict_on == 'teacher':
            demands['evaluated'] = "model.test_cfg=dict(predict_on='student')"
        return {**demands, **self.demands}

    @staticmethod
    def _message(demands: dict[str, str]) -> str:
        instead = ', '.join(filter(None, demands.values()))
        return (
            f'the teacher is {" and ".join(demands)}, but nothing moves it: the optimizer has '
            'changed the student, and the teacher is still the model that the run began with. Add '
            "dict(type='EMATeacherHook') to custom_hooks (a config's list replaces that of its "
            'base: [*_base_.custom_hooks, ...])'
            + (f'; or let the student take its place: {instead}' if instead else '')
            + '; or, if it shall stay as it is (or a hook of your own moves it later than at the '
            'first step of the optimizer), set model.train_cfg=dict(frozen_teacher=True)')


class _Fingerprint:
    """Shows whether parameters have changed, without a copy of them."""

    def __init__(self, module: nn.Module) -> None:
        parameters = [p.detach() for p in module.parameters()]
        self.versions = [p._version for p in parameters]
        self.norms: list[Tensor] = torch._foreach_norm(parameters)

    def differs(self, other: _Fingerprint):
        """A function that says so; it reads from the device only if it must.

        Fused optimizers, and code that works on ``.data``, leave the versions as they are; a tiny
        step leaves the values as they are.
        """
        return lambda: self.versions != other.versions or not torch.equal(
            torch.stack(self.norms), torch.stack(other.norms))
