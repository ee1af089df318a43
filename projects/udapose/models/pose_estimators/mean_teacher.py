"""Mean teacher around any MMPose top-down heatmap model."""
from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import contextmanager

import torch
from mmengine.logging import MessageHub
from mmengine.model import BaseModel, initialize
from mmpose.registry import MODELS
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..utils.feature_taps import check_feature_name, tapped
from ..utils.pseudo_label import heatmap_peaks
from ..utils.view_geometry import view_geometry
from .branch_checkpoint import BRANCHES, fill_branches
from .heatmap_head_check import check_heatmap_head, check_heatmaps
from .pseudo_labels import make_pseudo_labels
from .teacher_guard import TeacherGuard

_TRAIN_CFG = dict(confidence_quantile=0.5, per_joint_quantile=False, min_confidence=0.,
                  peaks_from='warped', joint_forward=True, teacher_norm='ema',
                  compare_frame='student', frozen_teacher=False)

_CONSISTENCY = dict(type='HeatmapConsistencyLoss')


@MODELS.register_module()
class MeanTeacherPoseEstimator(BaseModel):
    """Student and teacher with consistency on re-rendered pseudo-labels (mean teacher).

    A training step takes labelled source images and two views of unlabelled target images. The
    teacher predicts heatmaps of its view; they are brought into the student's view by one
    bilinear warp, their peaks are re-rendered as clean Gaussians, and the most confident ones
    supervise the student. Source images train the student with its own head's loss. Any number
    of alignment terms may be added. The teacher is moved by :class:`EMATeacherHook`.
    Source: arXiv 2404.14885, sec. 3 (framework), arXiv 1703.01780 (mean teacher).

    ``student`` and ``teacher`` are plain MMPose estimators; see ``docs/design.md`` for the layout
    of batches and what an alignment term receives.

    Args:
        pose_estimator (dict): Config of the plain model, e.g. the ``model`` of any MMPose
            top-down config whose head returns one (B, K, H, W) heatmap tensor. If it holds a
            ``data_preprocessor``, that one is used per branch.
        data_preprocessor (dict, optional): A ``MultiBranchDataPreprocessor``. Defaults to one
            around ``pose_estimator.data_preprocessor``.
        consistency (dict, optional): The consistency loss, ``None`` for none. Defaults to
            ``dict(type='HeatmapConsistencyLoss')``.
        alignments (dict[str, dict], optional): Named alignment terms, see ``docs/design.md``; a
            term that is ``None`` is left out (``--cfg-options model.alignments.feature=None``).
        train_cfg (dict, optional): Keys:

            - confidence_quantile (float): Rejected share of (sample, joint) entries, default 0.5
              (the paper's mask_ratio).
            - per_joint_quantile (bool): Quantile per joint, default False (published).
            - min_confidence (float): Peaks at or below are rejected, default 0.
            - peaks_from (str): ``'warped'`` (published) takes the arg-max after the warp into the
              student's view; ``'teacher'`` takes sub-pixel peaks in the teacher's view and maps
              their coordinates exactly.
            - joint_forward (bool): One student pass over both domains (shared batch-norm
              statistics), default True; False runs one pass per domain.
            - teacher_norm (str): ``'ema'`` keeps the teacher in evaluation mode; ``'batch'`` lets
              its batch norms use and track the statistics of its own target batches (published).
            - compare_frame (str): ``'student'`` (default) brings the teacher's heatmaps into the
              student's view; ``'base'`` brings both back to the crop that the views were made from
              (published; one more resampling, through which the gradient passes).
            - frozen_teacher (bool): Whether nothing is meant to move the teacher, default False: a
              training that uses the teacher without moving it is stopped.
        student_augments (Sequence[dict]): Augmentations of the student's view that may look at
            the teacher's prediction, such as ``AdaptiveKeypointOcclusion``.
        test_cfg (dict, optional): ``predict_on`` 'teacher' (default) or 'student'. What concerns
            the plain model, such as ``flip_test``, belongs in ``pose_estimator.test_cfg``.
        init_cfg (dict, optional): As in MMEngine; a ``Pretrained`` checkpoint may be one of the
            plain model, as with ``load_from``.

    Raises:
        ValueError: Unknown keys in ``train_cfg`` or ``test_cfg``, a head without heatmaps or a
            codec without Gaussian heatmaps, heatmaps that do not match the codec.
    """

    def __init__(self, pose_estimator: dict, data_preprocessor: dict | None = None,
                 consistency: dict | None = _CONSISTENCY,
                 alignments: dict[str, dict] | None = None,
                 student_augments: Sequence[dict] = (), train_cfg: dict | None = None,
                 test_cfg: dict | None = None, init_cfg: dict | None = None) -> None:
        pose_estimator = copy.deepcopy(pose_estimator)
        inner = pose_estimator.pop('data_preprocessor', None)
        if data_preprocessor is None:
            data_preprocessor = dict(type='MultiBranchDataPreprocessor',
                                     data_preprocessor=inner or dict(type='PoseDataPreprocessor'))
        super().__init__(MODELS.build(data_preprocessor), init_cfg)
        unknown = set(train_cfg or {}) - set(_TRAIN_CFG)
        if unknown:
            raise ValueError(f'unknown keys {sorted(unknown)} in train_cfg of '
                             f'MeanTeacherPoseEstimator; known are {sorted(_TRAIN_CFG)}')
        self.train_cfg = {**_TRAIN_CFG, **(train_cfg or {})}
        for key, choices in (('peaks_from', ('warped', 'teacher')),
                             ('teacher_norm', ('ema', 'batch')),
                             ('compare_frame', ('student', 'base'))):
            if self.train_cfg[key] not in choices:
                raise ValueError(f'train_cfg.{key} must be one of {choices}, '
                                 f'got {self.train_cfg[key]!r}')
        test_cfg = {'predict_on': 'teacher', **(test_cfg or {})}
        self.predict_on = test_cfg.pop('predict_on')
        if test_cfg or self.predict_on not in BRANCHES:
            raise ValueError(
                "test_cfg of MeanTeacherPoseEstimator takes predict_on='teacher' or 'student', got "
                f'predict_on={self.predict_on!r} and {sorted(test_cfg)}: options of the plain '
                'model, such as flip_test, belong in pose_estimator.test_cfg')

        self.student = MODELS.build(pose_estimator)
        check_heatmap_head(self.student)
        # MMPose's training accuracy goes through numpy: a host synchronisation in every step
        self.student.train_cfg = {'compute_acc': False, **(self.student.train_cfg or {})}
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)
        self.consistency = MODELS.build(consistency) if consistency else None
        self.alignments = nn.ModuleDict(
            {name: MODELS.build(cfg) for name, cfg in (alignments or {}).items()
             if cfg is not None})
        self.student_augments = nn.ModuleList(MODELS.build(cfg) for cfg in student_augments)
        self.tapped_features = sorted({
            feature for term in self.alignments.values()
            for feature in getattr(term, 'features', ())})
        for name, term in self.alignments.items():
            for feature in getattr(term, 'features', ()):
                check_feature_name(self.student, feature, f'alignments.{name}')

        self.adapting = True  # False: source images only, see SourcePretrainHook
        self.teacher_guard = TeacherGuard()
        self.teacher_loaded = False  # a checkpoint brought its own teacher
        self.keep_last_batch, self.last_batch = False, None  # for visualisation hooks
        self._register_load_state_dict_pre_hook(self._fill_branches)

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

    def _fill_branches(self, state_dict: dict, prefix: str, *args) -> None:
        if not prefix:
            self.teacher_loaded = fill_branches(self, state_dict)

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

    def train(self, mode: bool = True) -> MeanTeacherPoseEstimator:
        """Keep the teacher in evaluation mode, but for its batch norms if so configured."""
        super().train(mode)
        self.teacher.eval()
        if mode and self.train_cfg['teacher_norm'] == 'batch':
            for module in self.teacher.modules():
                if isinstance(module, _BatchNorm):
                    module.train()
        return self

    # ------------------------------------------------------------------ forward
    def forward(self, inputs: Tensor | dict, data_samples: list | dict | None = None,
                mode: str = 'tensor') -> dict | list | Tensor:
        """As in MMPose; ``mode='loss'`` takes dicts of branches, the others a plain batch."""
        if mode == 'loss':
            return self.loss(inputs, data_samples)
        return getattr(self, self.predict_on)(inputs, data_samples, mode=mode)

    def loss(self, inputs: dict[str, Tensor], data_samples: dict[str, list]) -> dict[str, Tensor]:
        """Losses of a two-domain batch.

        Args:
            inputs (dict[str, Tensor]): ``source`` (N, 3, H, W), ``target_teacher`` and
                ``target_student`` (M, 3, H, W).
            data_samples (dict[str, list]): The same keys.

        Returns:
            dict[str, Tensor]: The head's own losses on source images, ``loss_consistency``,
            the alignment terms' losses, and ``pseudo_coverage`` (accepted share),
            ``pseudo_confidence`` (mean teacher peak), ``pseudo_spread`` (standard deviation of
            the teacher's peaks over the batch, in its own view, as a fraction of the heatmap's
            side; 0 = the same peaks in all images; not for a single image).
        """
        self._check_branches(inputs)
        self.teacher_guard.check(self)
        if not self.adapting:
            return self.source_loss(inputs, data_samples)
        # the teacher comes first: augmentations of the student's view look at its prediction
        batch = self.forward_teacher(inputs, data_samples) if self.uses_teacher else {}
        target = inputs['target_student']
        for augment in self.student_augments:
            target = augment(target, batch)
        batch.update(self.forward_student(dict(inputs, target_student=target), data_samples))
        losses, geometry = batch.pop('losses'), batch.get('geometry')
        batch['aligned_heatmaps'] = batch['target_heatmaps'] if geometry is None \
            else geometry.align_student(batch['target_heatmaps'])
        if self.consistency is not None:
            losses['loss_consistency'] = self.consistency(
                batch['aligned_heatmaps'], batch['pseudo_heatmaps'], batch['aligned_weights'],
                batch['valid_mask'])
        batch.update(student=self.student, progress=_progress())
        for name, term in self.alignments.items():
            new = term(batch)
            clash = losses.keys() & new.keys()
            if clash:
                raise ValueError(f'alignment term {name!r} returns {sorted(clash)}, '
                                 'which another loss already uses: rename its key')
            losses.update(new)
        # a hook that wants to draw this batch has asked for it just before
        self.last_batch = batch if self.keep_last_batch else None
        self.keep_last_batch = False
        if self.uses_teacher:
            losses.update(self._statistics(batch))
        return losses

    @property
    def uses_teacher(self) -> bool:
        """bool: Whether a training step needs pseudo-labels at all."""
        return self.consistency is not None or len(self.student_augments) > 0 or any(
            getattr(term, 'needs_teacher', False) for term in self.alignments.values())

    def source_loss(self, inputs: dict[str, Tensor], data_samples: dict[str, list]) -> dict:
        """Losses of the source images alone: the first phase (:class:`SourcePretrainHook`)."""
        losses = self.student.loss(inputs['source'], data_samples['source'])
        unused = [*self.alignments.parameters()]
        if unused:  # DDP wants a gradient, be it zero, of every parameter
            losses['loss_unused'] = sum(p.sum() for p in unused) * 0.
        return losses

    def forward_student(self, inputs: dict[str, Tensor], data_samples: dict[str, list]) -> dict:
        """One student pass over both domains (or one per domain) and the source loss."""
        source, target = inputs['source'], inputs['target_student']
        head, count = self.student.head, [len(source), len(target)]
        if self.train_cfg['joint_forward']:
            with tapped(self.student, self.tapped_features) as features:
                feats = self.student.extract_feat(torch.cat([source, target]))
                heatmaps = head.forward(feats)
            source_feats, target_feats = zip(*(f.split(count) for f in feats), strict=True)
            source_heatmaps, target_heatmaps = heatmaps.split(count)
            parts = {name: f.split(count) for name, f in features.items()}
            source_features, target_features = ({n: p[i] for n, p in parts.items()} for i in (0, 1))
        else:
            with tapped(self.student, self.tapped_features) as source_features:
                source_feats = self.student.extract_feat(source)
                source_heatmaps = head.forward(source_feats)
            with tapped(self.student, self.tapped_features) as target_features:
                target_feats = self.student.extract_feat(target)
                target_heatmaps = head.forward(target_feats)
        check_heatmaps(self.student, source_heatmaps, data_samples['source'])
        with _given_heatmaps(head, source_heatmaps):
            losses = head.loss(source_feats, data_samples['source'],
                               train_cfg=self.student.train_cfg)
        return dict(losses=losses, source_inputs=source, target_inputs=target,
                    source_feats=source_feats, target_feats=target_feats,
                    source_features=source_features, target_features=target_features,
                    source_heatmaps=source_heatmaps, target_heatmaps=target_heatmaps,
                    source_samples=data_samples['source'],
                    target_samples=data_samples['target_student'])

    @torch.no_grad()
    def forward_teacher(self, inputs: dict[str, Tensor], data_samples: dict[str, list]) -> dict:
        """Teacher heatmaps of its view and pseudo-labels in the student's view."""
        feats = self.teacher.extract_feat(inputs['target_teacher'])
        teacher_heatmaps = self.teacher.head.forward(feats).float()
        check_heatmaps(self.teacher, teacher_heatmaps, data_samples['source'])
        codec, cfg = self.student.head.decoder, self.train_cfg
        geometry = view_geometry(
            data_samples['target_teacher'], data_samples['target_student'], codec.scale_factor,
            teacher_heatmaps.device, cfg['compare_frame'])
        return dict(
            teacher_inputs=inputs['target_teacher'], teacher_heatmaps=teacher_heatmaps,
            geometry=geometry, **make_pseudo_labels(teacher_heatmaps, geometry, codec, cfg))

    # ------------------------------------------------------------------ helpers
    @staticmethod
    def _statistics(batch: dict) -> dict[str, Tensor]:
        found = dict(pseudo_coverage=batch['pseudo_weights'].mean(),
                     pseudo_confidence=batch['confidence'].mean())
        # in the student's view random geometry would spread even the same peak in all images
        peaks = heatmap_peaks(batch['teacher_heatmaps'], subpixel=False)[0]
        if len(peaks) > 1:
            side = batch['teacher_heatmaps'].shape[-1]
            found['pseudo_spread'] = peaks.std(dim=0, unbiased=False).mean() / side
        return found

    @staticmethod
    def _check_branches(inputs: Tensor | dict) -> None:
        needed = {'source', 'target_teacher', 'target_student'}
        found = set(inputs) if isinstance(inputs, dict) else set()
        if needed - found:
            raise ValueError(
                f'MeanTeacherPoseEstimator needs the branches {sorted(needed)} in a training '
                f'batch, got {sorted(found) or type(inputs).__name__}: use TwoDomainDataset with '
                'TwoDomainSampler, and ForkViews in the target pipeline (docs/data.md)')


@contextmanager
def _given_heatmaps(head: nn.Module, heatmaps: Tensor):
    """Let ``head.loss`` use heatmaps that were already computed instead of a second pass."""
    head.forward = lambda feats: heatmaps
    try:
        yield
    finally:
        del head.forward


def _progress() -> float:
    """Share of the training that is done, in [0, 1]; 0 outside a runner."""
    hub = MessageHub.get_current_instance()
    return hub.get_info('iter', 0) / max(hub.get_info('max_iters', 1) or 1, 1)
