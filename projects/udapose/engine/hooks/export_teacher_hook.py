"""A plain model at the end of the adaptation."""
from __future__ import annotations

import os.path as osp

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmpose.registry import HOOKS

from ...export import export, plain_config


@HOOKS.register_module()
class ExportTeacherHook(Hook):
    """Write the adapted model as a plain MMPose checkpoint and config after training.

    Args:
        branch (str): ``'teacher'`` (default) or ``'student'``.
        out_dir (str): Folder below the work directory. Defaults to ``'exported'``.

    Raises:
        ValueError: Unknown branch; before training: the config cannot be exported.
    """

    priority = 'VERY_LOW'

    def __init__(self, branch: str = 'teacher', out_dir: str = 'exported') -> None:
        if branch not in ('teacher', 'student'):
            raise ValueError(f"branch must be 'teacher' or 'student', got {branch!r}")
        self.branch, self.out_dir = branch, out_dir

    def before_train(self, runner) -> None:
        """Find out now, not after hours, whether the config can be exported."""
        plain_config(runner.cfg)
        guard = getattr(_unwrap(runner.model), 'teacher_guard', None)
        if guard is not None and self.branch == 'teacher':
            guard.demand('exported', "ExportTeacherHook(branch='student')")

    @master_only
    def after_train(self, runner) -> None:
        """Export the final weights."""
        model = _unwrap(runner.model)
        if self.branch == 'teacher' and hasattr(model, 'teacher_guard'):
            model.teacher_guard.check(model)  # a run of one iteration
        out = export(runner.cfg, dict(state_dict=model.state_dict()),
                     osp.join(runner.work_dir, self.out_dir), self.branch)
        print_log(f'the {self.branch} as a plain MMPose model: {out}/model.pth and config.py',
                  logger='current')


def _unwrap(model):
    return model.module if is_model_wrapper(model) else model
