"""A student and its teacher: two copies of a plain MMPose model, their weights and modes."""
from __future__ import annotations

import copy

import torch
from mmengine.logging import MessageHub
from mmengine.model import BaseModel, initialize
from mmpose.registry import MODELS
from torch import Tensor, nn

from ..data_preprocessors.multi_branch import build_per_branch
from ..readouts import build_readout
from ..utils.batch_norms import set_batch_norms
from .branch_checkpoint import BRANCHES, fill_branches
from .plain_models import check_plain
from .run_state import RunState
from .start_model import fill_start, is_pretrained
from .teacher_guard import TeacherGuard


class StudentTeacher(BaseModel):
    """Base of models that train a student and evaluate its teacher, or the reverse.

    ``student`` and ``teacher`` are plain MMPose estimators (checkpoint prefixes ``student.`` and
    ``teacher.``); ``alignments`` are further trained modules. A checkpoint of the plain model
    fills both. ``start`` is a frozen copy of what was loaded (prefix ``start.``, kept for
    resuming, left out of an export), if :meth:`keep_start` was called.

    Args:
        pose_estimator (dict): Config of the plain model.
        data_preprocessor (dict, optional): A ``MultiBranchDataPreprocessor``, or a plain one for
            each branch. Defaults to ``pose_estimator.data_preprocessor``.
        test_cfg (dict, optional): ``predict_on`` 'teacher' (default) or 'student'.
        init_cfg (dict, optional): As in MMEngine.

    Attributes:
        readout (Readout): Reads both models' output.
        predict_on (str): Which one predicts.
        run_state (RunState): What hooks change during a run.
        teacher_loaded (bool): A checkpoint brought its own teacher.
        start (nn.Module | None): The model that the adaptation began with.
        start_loaded (bool): A checkpoint filled all of it.

    Raises:
        ValueError: Unknown ``test_cfg``; a model that no readout reads; a wrapper as plain model.
    """

    plain_names = BRANCHES
    source_free = False  # True: batches hold the target's two views alone
    teacher_norm = 'ema'  # 'batch': its batch norms use the statistics of its own batches
    student_norm = 'batch'  # 'frozen': its batch norms use the statistics that were loaded

    def __init__(self, pose_estimator: dict, data_preprocessor: dict | None = None,
                 test_cfg: dict | None = None, init_cfg: dict | None = None) -> None:
        check_plain(pose_estimator, 'pose_estimator')
        pose_estimator = copy.deepcopy(pose_estimator)
        inner = pose_estimator.pop('data_preprocessor', None)
        super().__init__(build_per_branch(data_preprocessor, inner), init_cfg)
        test_cfg = {'predict_on': 'teacher', **(test_cfg or {})}
        self.predict_on = test_cfg.pop('predict_on')
        if test_cfg or self.predict_on not in BRANCHES:
            raise ValueError(
                f"test_cfg of {type(self).__name__} takes predict_on='teacher' or 'student', got "
                f'predict_on={self.predict_on!r} and {sorted(test_cfg)}: options of the plain '
                'model, such as flip_test, belong in pose_estimator.test_cfg')
        if 'student_cfg' in pose_estimator:  # building it would download its teacher
            raise ValueError(
                f'{pose_estimator["type"]} is a distiller, which has no head of its own: adapt its '
                'student, pose_estimator = the model of '
                f'{pose_estimator["student_cfg"]}, from the distilled checkpoint')
        self.student = MODELS.build(pose_estimator)
        self.readout = build_readout(self.student)
        # MMPose's training accuracy goes through numpy: a host synchronisation in every step
        self.student.train_cfg = {'compute_acc': False, **(self.student.train_cfg or {})}
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)
        self.alignments = nn.ModuleDict()
        self.run_state = RunState()
        self.teacher_guard = TeacherGuard()
        self.teacher_loaded = False
        self.start, self.start_loaded = None, False
        self._register_load_state_dict_pre_hook(self._fill_branches)

    @property
    def progress(self) -> float:
        """float: Share of the training that is done, in [0, 1]; 0 outside a runner.

        MMEngine's loops tell it to the message hub, whatever loop a user takes.
        """
        hub = MessageHub.get_current_instance()
        return hub.get_info('iter', 0) / max(hub.get_info('max_iters', 1) or 1, 1)

    # ------------------------------------------------------------------ weights
    def init_weights(self) -> None:
        """Initialise the student and the alignment terms, then copy the student."""
        self.student.init_weights()
        for term in self.alignments.values():
            if hasattr(term, 'init_weights'):
                term.init_weights()
        self.copy_student_to_teacher()
        if self.init_cfg:
            initialize(self, self.init_cfg)
            if not self.teacher_loaded:
                self.copy_student_to_teacher()
        elif self.start is not None:
            self.copy_student_to_start(is_pretrained(self.student))

    def _fill_branches(self, state_dict: dict, prefix: str, *args) -> None:
        if not prefix:
            self.teacher_loaded = fill_branches(self, state_dict)
            if self.start is not None:
                self.start_loaded = fill_start(self, state_dict)

    def keep_start(self) -> None:
        """Have a frozen start model; what is loaded next fills it."""
        self.start = copy.deepcopy(self.student).requires_grad_(False)

    @torch.no_grad()
    def copy_student_to_start(self, loaded: bool = True) -> None:
        """Let the student as it is now be the start model.

        Args:
            loaded (bool): False if its weights are random: a training step then refuses them.
        """
        self.start.load_state_dict(self.student.state_dict())
        self.start_loaded = loaded

    @torch.no_grad()
    def copy_student_to_teacher(self) -> None:
        """Give the teacher the student's parameters and buffers."""
        self.teacher.load_state_dict(self.student.state_dict())

    @torch.no_grad()
    def update_teacher(self, momentum: float, buffers: str = 'ema') -> None:
        """Move the teacher: ``teacher += momentum * (student - teacher)``.

        Args:
            momentum (float): In [0, 1]; MMEngine's convention, 0.001 for a decay of 0.999.
            buffers (str): Policy for floating-point buffers (batch-norm statistics): ``'ema'``
                like the parameters, ``'copy'`` the student's, ``'keep'`` the teacher's own.
                Integer buffers are copied unless kept.
        """
        self.teacher_guard.satisfied = True
        torch._foreach_lerp_([*self.teacher.parameters()],
                             [p.detach() for p in self.student.parameters()], momentum)
        if buffers == 'keep':
            return
        moving, copied = ([], []), ([], [])
        for own, other in zip(self.teacher.buffers(), self.student.buffers(), strict=True):
            group = moving if buffers == 'ema' and own.is_floating_point() else copied
            group[0].append(own)
            group[1].append(other)
        if moving[0]:
            torch._foreach_lerp_(*moving, momentum)
        for own, other in zip(*copied, strict=True):
            own.copy_(other)

    def train(self, mode: bool = True) -> StudentTeacher:
        """Teacher and start model stay in evaluation mode; batch norms as configured."""
        super().train(mode)
        self.teacher.eval()
        if self.start is not None:
            self.start.eval()
        if mode and self.teacher_norm == 'batch':
            set_batch_norms(self.teacher, True)
        if mode and self.student_norm == 'frozen':
            set_batch_norms(self.student, False)
        return self

    # ------------------------------------------------------------------ forward
    def forward(self, inputs: Tensor | dict, data_samples: list | dict | None = None,
                mode: str = 'tensor') -> dict | list | Tensor:
        """As in MMPose; ``mode='loss'`` takes dicts of branches, the others a plain batch."""
        if mode == 'loss':
            return self.loss(inputs, data_samples)
        return getattr(self, self.predict_on)(inputs, data_samples, mode=mode)
