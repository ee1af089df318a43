"""Validation and test of teacher and student."""
from __future__ import annotations

from collections.abc import Sequence

from mmengine.model import is_model_wrapper
from mmengine.runner import TestLoop, ValLoop
from mmpose.registry import LOOPS


class _BranchLoop:
    """Runs the base loop's iterations once per branch and joins the metrics."""

    def __init__(self, *args, branches: Sequence[str] = ('teacher',), **kwargs) -> None:
        unknown = set(branches) - {'teacher', 'student'}
        if unknown or not branches:
            raise ValueError(f"branches must be some of 'teacher' and 'student', got {branches}")
        super().__init__(*args, **kwargs)
        self.branches = tuple(branches)

    def run(self) -> dict:
        """Evaluate; the first branch's metrics also appear without a prefix.

        Returns:
            dict: E.g. ``target/PCK@0.05`` and, with several branches, ``teacher/target/PCK@0.05``
            and ``student/target/PCK@0.05``.
        """
        model = self.runner.model
        model = model.module if is_model_wrapper(model) else model
        if not hasattr(model, 'predict_on'):  # a plain model
            return super().run()
        stage = 'val' if isinstance(self, ValLoop) else 'test'
        self.runner.call_hook(f'before_{stage}')
        self.runner.call_hook(f'before_{stage}_epoch')
        self.runner.model.eval()
        joined, before = {}, model.predict_on
        try:
            for branch in reversed(self.branches):  # the first one comes last: plain keys are its
                model.predict_on = branch
                for idx, batch in enumerate(self.dataloader):
                    self.run_iter(idx, batch)
                metrics = self.evaluator.evaluate(len(self.dataloader.dataset))
                joined.update(metrics)
                if len(self.branches) > 1:
                    joined.update({f'{branch}/{k}': v for k, v in metrics.items()})
        finally:
            model.predict_on = before
        self.runner.call_hook(f'after_{stage}_epoch', metrics=joined)
        self.runner.call_hook(f'after_{stage}')
        return joined


@LOOPS.register_module()
class TeacherStudentValLoop(_BranchLoop, ValLoop):
    """MMEngine's validation loop over the branches of a student-teacher model.

    A model without branches is evaluated as usual.

    Args:
        branches (Sequence[str]): ``('teacher',)`` (default), or both. Metrics of the first branch
            keep their plain keys, so that ``save_best`` works.
    """


@LOOPS.register_module()
class TeacherStudentTestLoop(_BranchLoop, TestLoop):
    """The same for ``tools/test.py``; see :class:`TeacherStudentValLoop`."""
