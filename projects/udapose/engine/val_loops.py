"""Validation and test of teacher and student, with and without labels."""
from __future__ import annotations

from collections.abc import Sequence

from mmengine.model import is_model_wrapper
from mmengine.runner import BaseLoop, Runner, TestLoop, ValLoop
from mmpose.registry import LOOPS, METRICS

from ..models.pose_estimators.plain_models import predicting


def label_free_criteria(runner: Runner, cfg: dict):
    """Build the criteria; their images are by default the target's of ``train_dataloader``: without
    source images all of it.

    Args:
        runner (Runner): The runner of the loop.
        cfg (dict): Arguments of :class:`LabelFreeCriteria`.

    Returns:
        LabelFreeCriteria: With views drawn, so that a bad data set stops the run at its start.
    """
    criteria = METRICS.build(dict(dict(type='LabelFreeCriteria'), **cfg))
    if criteria.dataset is not None:
        return criteria.prepare()
    loop = runner._train_loop
    loader = loop.dataloader if isinstance(loop, BaseLoop) else runner._train_dataloader
    dataset = loader.get('dataset') if isinstance(loader, dict) else \
        getattr(loader, 'dataset', None)
    target = dataset.get('target') if isinstance(dataset, dict) else \
        getattr(dataset, 'target', None)
    if target is None and getattr(_unwrapped(runner), 'source_free', False):
        target = dataset
    return criteria.prepare(target)


class _BranchLoop:
    """Runs the base loop's iterations once per branch and joins the metrics."""

    def __init__(self, *args, branches: Sequence[str] = ('teacher',),
                 label_free: dict | None = None, **kwargs) -> None:
        _check_branches(branches)
        super().__init__(*args, **kwargs)
        self.branches = tuple(branches)
        _demand_teacher(self.runner, self.branches)
        self.criteria = None if label_free is None else label_free_criteria(
            self.runner, label_free)

    def run(self) -> dict:
        """Evaluate; the first branch's metrics also appear without a prefix.

        Returns:
            dict: E.g. ``target/PCK@0.05`` and, with several branches, ``teacher/target/PCK@0.05``
            and ``student/target/PCK@0.05``; with ``label_free`` also ``label_free/score``, ...
        """
        model = _unwrapped(self.runner)
        branches = self.branches if hasattr(model, 'predict_on') else (None,)  # a plain model
        if branches == (None,) and self.criteria is None:
            return super().run()
        stage = 'val' if isinstance(self, ValLoop) else 'test'
        self.runner.call_hook(f'before_{stage}')
        self.runner.call_hook(f'before_{stage}_epoch')
        self.runner.model.eval()
        joined = {}
        for branch in reversed(branches):  # the first one comes last: plain keys are its
            with predicting(model, branch):
                for idx, batch in enumerate(self.dataloader):
                    self.run_iter(idx, batch)
            metrics = self.evaluator.evaluate(len(self.dataloader.dataset))
            joined.update(metrics)
            if len(branches) > 1:
                joined.update({f'{branch}/{k}': v for k, v in metrics.items()})
        if self.criteria is not None:
            with predicting(model, branches[0]):
                joined.update(_prefixed(self.criteria(model)))
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
        label_free (dict, optional): Arguments of :class:`LabelFreeCriteria`, such as
            ``dict(num_images=200)``, to measure also without labels, on the first branch.
    """


@LOOPS.register_module()
class TeacherStudentTestLoop(_BranchLoop, TestLoop):
    """The same for ``udapose test``; see :class:`TeacherStudentValLoop`."""


@LOOPS.register_module()
class LabelFreeValLoop(BaseLoop):
    """Validation with no labelled image at all: only the criteria of :class:`LabelFreeCriteria`.

    MMEngine wants all three of ``val_cfg``, ``val_dataloader`` and ``val_evaluator`` or none; the
    latter two are not used here, so ``val_dataloader=dict()`` and ``val_evaluator=dict()`` do.

    Args:
        runner, dataloader, evaluator: Given by the runner; only the first is used.
        branches (Sequence[str]): The branch that is evaluated, default ``('teacher',)``; a model
            without branches is evaluated as it is.
        label_free (dict, optional): Arguments of :class:`LabelFreeCriteria`. Defaults to its own.
    """

    def __init__(self, runner: Runner, dataloader=None, evaluator=None,
                 branches: Sequence[str] = ('teacher',), label_free: dict | None = None) -> None:
        _check_branches(branches)
        self.branch = branches[0]
        _demand_teacher(runner, (self.branch,))
        self.criteria = label_free_criteria(runner, label_free or {})
        super().__init__(runner, self.criteria)  # MMEngine's hooks want a length only
        self.evaluator = None
        runner.visualizer.dataset_meta = self.criteria.dataset_meta

    def run(self) -> dict:
        """Measure.

        Returns:
            dict: ``label_free/score``, ``label_free/agreement``, ...
        """
        model = _unwrapped(self.runner)
        self.runner.call_hook('before_val')
        self.runner.call_hook('before_val_epoch')
        self.runner.model.eval()
        with predicting(model, self.branch):
            metrics = _prefixed(self.criteria(model))
        self.runner.call_hook('after_val_epoch', metrics=metrics)
        self.runner.call_hook('after_val')
        return metrics


def _check_branches(branches: Sequence[str]) -> None:
    unknown = set(branches) - {'teacher', 'student'}
    if unknown or not branches:
        raise ValueError(f"branches must be some of 'teacher' and 'student', got {branches}")


def _demand_teacher(runner: Runner, branches: Sequence[str]) -> None:
    """Let the model make sure that a teacher which is evaluated has been moved."""
    guard = getattr(_unwrapped(runner), 'teacher_guard', None)
    if guard is not None and 'teacher' in branches:
        guard.demand('validated', "val_cfg=dict(branches=('student',))")


def _unwrapped(runner: Runner):
    return runner.model.module if is_model_wrapper(runner.model) else runner.model


def _prefixed(metrics: dict) -> dict:
    return {f'label_free/{key}': value for key, value in metrics.items()}
