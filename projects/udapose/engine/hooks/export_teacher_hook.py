"""A plain model at the end of the adaptation."""
from __future__ import annotations

import os.path as osp

import torch
from mmengine.dist import is_main_process, master_only
from mmengine.hooks import EMAHook, Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmpose.registry import HOOKS

from ...export import export, plain_config, rehearse_export


@HOOKS.register_module()
class ExportTeacherHook(Hook):
    """Write the adapted model as a plain MMPose checkpoint and config after training.

    What it writes is read again and must predict like the branch that was trained. The same is
    tried before the first iteration, with the weights of the start. If it fails at the end all the
    same, the weights are kept in ``not_exported.pth`` in the work directory. Beside MMEngine's
    ``EMAHook`` its averages are written, as in the checkpoints.

    Args:
        branch (str): ``'teacher'`` (default) or ``'student'``.
        out_dir (str): Folder below the work directory. Defaults to ``'exported'``.

    Raises:
        ValueError: Unknown branch; before training: the config cannot be exported, or the runner
            has none.
        RuntimeError: The export does not predict like the trained model.
    """

    priority = 'VERY_LOW'

    def __init__(self, branch: str = 'teacher', out_dir: str = 'exported') -> None:
        if branch not in ('teacher', 'student'):
            raise ValueError(f"branch must be 'teacher' or 'student', got {branch!r}")
        self.branch, self.out_dir = branch, out_dir

    def before_train(self, runner) -> None:
        """Find out now, not after hours, whether the config can be exported."""
        if 'model' not in runner.cfg:
            raise ValueError('ExportTeacherHook reads the config of the run, which this runner was '
                             'not given: build it with Runner.from_cfg(cfg) or Runner(..., '
                             'cfg=cfg), or remove the hook')
        plain_config(runner.cfg)
        model = _unwrap(runner.model)
        if self.branch == 'teacher' and hasattr(model, 'teacher_guard'):
            model.teacher_guard.demand('exported', "ExportTeacherHook(branch='student')")
        if is_main_process():
            rehearse_export(runner.cfg, model, runner.work_dir, self.branch)

    @master_only
    def after_train(self, runner) -> None:
        """Export the final weights."""
        model = _unwrap(runner.model)
        if self.branch == 'teacher' and hasattr(model, 'teacher_guard'):
            model.teacher_guard.check(model)  # a run of one iteration
        state = dict(state_dict=model.state_dict())
        averages = [hook for hook in runner.hooks if isinstance(hook, EMAHook)]
        for hook in averages:  # what it has validated and saved is not what was trained
            hook.before_save_checkpoint(runner, state)
        state = dict(state_dict=state['state_dict'])
        try:
            out = export(runner.cfg, state, osp.join(runner.work_dir, self.out_dir), self.branch)
        except Exception as error:
            kept = osp.join(runner.work_dir, 'not_exported.pth')
            torch.save(state, kept)
            raise RuntimeError(
                f'the training is complete, but its export failed: {error}. The final weights are '
                f'in {kept}: once this is fixed, run `udapose export CONFIG {kept} --out DIR`'
                ) from error
        print_log(f'the {self.branch} as a plain MMPose model'
                  + (' (the averages of EMAHook, as validated)' if averages else '')
                  + f': {out}/model.pth and config.py', logger='current')


def _unwrap(model):
    return model.module if is_model_wrapper(model) else model
