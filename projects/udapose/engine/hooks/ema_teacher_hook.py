"""Exponential moving average from student to teacher."""
from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmpose.registry import HOOKS


@HOOKS.register_module()
class EMATeacherHook(Hook):
    r"""Move ``model.teacher`` towards ``model.student`` after each optimizer step.

    .. math:: \theta_{tea} \leftarrow \theta_{tea} + m\,(\theta_{stu} - \theta_{tea})

    With gradient accumulation the teacher moves once per *optimizer* step. Before training the
    teacher becomes a copy of the student, unless the run is resumed or the loaded checkpoint
    brought its own teacher.

    Args:
        momentum (float): m in (0, 1], MMEngine's convention: 0.001 for the published decay of
            0.999 (arXiv 2404.14885). Defaults to 0.001.
        warmup (bool): Use ``max(m, 1 / (t + 1))`` in step t, so that the teacher averages all
            students so far until its horizon of 1/m steps is filled (arXiv 1703.01780, sec. 3.1).
            Only sensible if the student starts from scratch. Defaults to False.
        start_step (int): Until this optimizer step the teacher is a copy. Defaults to 0.
        buffers (str): Batch-norm statistics: ``'ema'`` (default) like the parameters, ``'copy'``
            the student's, ``'keep'`` the teacher's own (with
            ``model.train_cfg.teacher_norm='batch'``, as published).

    Raises:
        ValueError: Arguments out of range; the model's teacher is said to be frozen; the run has
            two of these hooks.
        TypeError: The model has no student and teacher.
    """

    priority = 'NORMAL'

    def __init__(self, momentum: float = 0.001, warmup: bool = False, start_step: int = 0,
                 buffers: str = 'ema') -> None:
        if not 0 < momentum <= 1:
            raise ValueError(f'momentum must be in (0, 1], got {momentum} '
                             '(0.001 stands for a decay of 0.999)')
        if buffers not in ('ema', 'copy', 'keep'):
            raise ValueError(f"buffers must be 'ema', 'copy' or 'keep', got {buffers!r}")
        self.momentum, self.warmup, self.start_step = momentum, warmup, start_step
        self.buffers = buffers
        self.steps = 0

    def before_train(self, runner) -> None:
        """Start from a copy of the student, unless a teacher was loaded."""
        model = _unwrap(runner.model)
        if not hasattr(model, 'update_teacher'):
            raise TypeError(f'EMATeacherHook needs a model with a student and a teacher, such as '
                            f'MeanTeacherPoseEstimator; got {type(model).__name__}')
        if (getattr(model, 'train_cfg', None) or {}).get('frozen_teacher'):
            raise ValueError('model.train_cfg.frozen_teacher=True says that nothing moves the '
                             'teacher, but custom_hooks holds EMATeacherHook: remove one of them')
        hooks = [hook for hook in runner.hooks if isinstance(hook, EMATeacherHook)]
        if len(hooks) > 1:
            raise ValueError(
                f'{len(hooks)} EMATeacherHooks, of momentum '
                f'{" and ".join(str(hook.momentum) for hook in hooks)}, would each move the '
                "teacher in every step: keep one in custom_hooks ([*_base_.custom_hooks, ...] "
                "keeps the base's)")
        if runner.iter == 0 and not model.teacher_loaded:
            model.copy_student_to_teacher()
            print_log('the teacher starts as a copy of the student', logger='current')

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Move the teacher if the optimizer has just made a step."""
        if not runner.optim_wrapper.should_update():
            return
        model = _unwrap(runner.model)
        if hasattr(model, 'run_state') and not model.run_state.adapting:  # first phase: a copy
            model.update_teacher(1., 'copy')
            return
        momentum = 1. if self.steps < self.start_step else self.momentum
        if self.warmup:
            momentum = max(momentum, 1 / (self.steps + 1))
        model.update_teacher(momentum, self.buffers)
        self.steps += 1

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Keep the step count for a later resume."""
        checkpoint['ema_teacher_steps'] = self.steps

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Continue the step count when the run is resumed."""
        if runner._resume:
            self.steps = checkpoint.get('ema_teacher_steps', 0)


def _unwrap(model):
    return model.module if is_model_wrapper(model) else model
