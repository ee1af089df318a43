"""Mean teacher around any MMPose top-down model."""
from __future__ import annotations

from collections.abc import Sequence

from mmengine.logging import print_log
from mmpose.registry import MODELS
from torch import Tensor, nn

from ..utils.batch_norms import train_norms_alone
from .adaptation_batch import AdaptationBatch
from .batch_branches import check_branches, check_terms
from .connected_terms import connect_terms
from .extra_views import ExtraViews
from .input_sizes import check_input_sizes
from .start_model import StartPass, check_start
from .train_options import check_parts, train_options
from .two_view_passes import TwoViewPasses


@MODELS.register_module()
class MeanTeacherPoseEstimator(TwoViewPasses):
    """Student and teacher with consistency on clean pseudo-labels (mean teacher).

    A training step takes labelled source images and two views of unlabelled target images. The
    teacher predicts points in its view, with a confidence; they are brought into the student's
    view, and the most confident ones, as clean labels in the head's own form, supervise the
    student. Source images train the student with its own head's loss; with
    ``train_cfg.source_free`` there are none (docs/source_free.md). Any number of alignment
    terms may be added. The teacher is moved by :class:`EMATeacherHook`.
    Source: arXiv 2404.14885, sec. 3 (framework), arXiv 1703.01780 (mean teacher).

    ``student`` and ``teacher`` are plain MMPose estimators; see ``docs/design.md`` for the layout
    of batches and what an alignment term receives. What a head's output means is known to its
    :class:`Readout` alone, chosen by the codec: heatmaps (as published, with a bilinear warp),
    SimCC / RTMPose profiles, regressed coordinates.

    Args:
        pose_estimator (dict): Config of the plain model, e.g. the ``model`` of any MMPose
            top-down config whose codec has a readout (docs/readouts.md). If it holds a
            ``data_preprocessor``, that one is used per branch.
        data_preprocessor (dict, optional): A ``MultiBranchDataPreprocessor``, or a plain one for
            each branch. Defaults to ``pose_estimator.data_preprocessor``.
        consistency (dict | str, optional): The consistency loss, ``None`` for none. ``'auto'``
            (default) is the readout's: ``HeatmapConsistencyLoss`` for heatmaps,
            ``HeadConsistencyLoss`` for the others; a dict without ``type`` changes its arguments.
        alignments (dict[str, dict], optional): Named alignment terms, see ``docs/design.md``; a
            term that is ``None`` is left out (``--cfg-options model.alignments.feature=None``).
        train_cfg (dict, optional): Keys:

            - confidence_quantile (float | tuple | dict): Rejected share of (sample, joint) entries,
              default 0.5 (the paper's mask_ratio). A head without confidence rejects nothing. A
              schedule, ``dict(start=0.9, end=0.5, begin=0., until=1., shape='linear')``, moves it
              over these shares of the training; shapes are ``'linear'`` and ``'cosine'``. The pair
              ``(0.9, 0.5)`` is short for ``dict(start=0.9, end=0.5)``.
            - per_joint_quantile (bool): Quantile per joint, default False (published).
            - min_confidence (float | Sequence[float]): Peaks at or below are rejected, default 0; a
              list has one for each joint (:class:`ConfidenceCalibrationHook` measures them).
            - peaks_from (str): ``'warped'`` (published, default for heatmaps) takes the arg-max
              after the warp into the student's view; ``'teacher'`` (default and only choice for
              all others) takes sub-pixel points in the teacher's view and maps their coordinates
              exactly.
            - extra_views (Sequence[dict]): Further views of the teacher's image, whose points and
              confidence are brought together (:class:`ExtraViews`); default none.
            - joint_forward (bool): One student pass over both domains (shared batch-norm
              statistics), default True; False runs one pass per domain.
            - teacher_norm (str): ``'ema'`` keeps the teacher in evaluation mode; ``'batch'`` lets
              its batch norms use and track the statistics of its own target batches (published).
            - compare_frame (str): ``'student'`` (default) brings the teacher's prediction into
              the student's view; ``'base'``, for heatmaps only, brings both back to the crop that
              the views were made from (published; one more resampling, through which the gradient
              passes).
            - valid_mask (bool): Leave out pixels that not both views cover; False as published.
            - source_free (bool): Batches have the two target views alone, no source loss.
            - student_norm (str): ``'batch'`` (default): the student's batch norms use and track
              the statistics of its batches; ``'frozen'``: those that were loaded.
            - trained (str): ``'all'`` (default), or ``'norm'``: the norm layers' weights alone.
            - frozen_teacher (bool): Nothing is meant to move the teacher, else that is an error.
        student_augments (Sequence[dict]): Augmentations of the student's view that may look at
            the teacher's prediction, such as ``AdaptiveKeypointOcclusion``; ``None`` for none.
        test_cfg (dict, optional): ``predict_on`` 'teacher' (default) or 'student'. What concerns
            the plain model, such as ``flip_test``, belongs in ``pose_estimator.test_cfg``.
        init_cfg (dict, optional): As in MMEngine; a plain model's checkpoint will do, too.
        gradient_rule (dict, optional): What combines the gradients of source loss and
            consistency, such as ``KeypointGradientGate``; by default they are added.

    Raises:
        ValueError: Unknown keys in ``train_cfg`` or ``test_cfg``, a codec without a readout, a
            loss or term that does not understand the readout's kind, an output that does not
            match the codec.
    """

    def __init__(self, pose_estimator: dict, data_preprocessor: dict | None = None,
                 consistency: dict | str | None = 'auto',
                 alignments: dict[str, dict] | None = None,
                 student_augments: Sequence[dict] | None = (), train_cfg: dict | None = None,
                 test_cfg: dict | None = None, init_cfg: dict | None = None,
                 gradient_rule: dict | None = None) -> None:
        check_parts(alignments, student_augments)
        super().__init__(pose_estimator, data_preprocessor, test_cfg, init_cfg)
        self.train_cfg = train_options(train_cfg, self.readout)
        self.extra_views = ExtraViews(self.train_cfg['extra_views'], self.readout) \
            if self.train_cfg['extra_views'] else None
        self.teacher_norm = self.train_cfg['teacher_norm']
        self.student_norm = self.train_cfg['student_norm']
        if self.train_cfg['trained'] == 'norm':
            train_norms_alone(self.student)
        self.source_free = self.train_cfg['source_free']
        # a buffer, so that it follows the model to its device; not part of checkpoints
        self.register_buffer('joint_thresholds', None, persistent=False)
        if not isinstance(self.train_cfg['min_confidence'], (int, float)):
            self.set_joint_thresholds(self.train_cfg['min_confidence'])
        if not self.readout.has_confidence and self.extra_views is None:
            print_log(f'{type(self.student.head).__name__} gives no confidence: all pseudo-labels '
                      'within the view are accepted, whatever confidence_quantile says',
                      logger='current')
        self.consistency = None if consistency is None else self.readout.build_consistency(
            None if consistency == 'auto' else consistency)
        self.alignments.update({name: MODELS.build(cfg) for name, cfg in (alignments or {}).items()
                                if cfg is not None})
        self.gradient_rule = None if gradient_rule is None else MODELS.build(gradient_rule)
        missing = 'consistency=None' if self.consistency is None else \
            'train_cfg.source_free=True' if self.source_free else None
        if self.gradient_rule is not None and missing:
            raise ValueError(f'{type(self.gradient_rule).__name__} combines the gradients of '
                             f'source loss and consistency, but {missing}')
        self.student_augments = nn.ModuleList(
            MODELS.build(cfg) for cfg in student_augments or ())
        check_terms(self.alignments, self.source_free)
        if any(getattr(term, 'needs_start', False) for term in self.alignments.values()):
            self.keep_start()
        self.tapped_features = connect_terms(self)

    def loss(self, inputs: dict[str, Tensor], data_samples: dict[str, list]) -> dict[str, Tensor]:
        """Losses of a batch.

        Args:
            inputs (dict[str, Tensor]): ``source`` (N, 3, H, W), unless source-free,
                ``target_teacher`` and ``target_student`` (M, 3, H, W).
            data_samples (dict[str, list]): The same keys.

        Returns:
            dict[str, Tensor]: The head's own losses on source images, ``loss_consistency``,
            the alignment terms' losses, and ``pseudo_coverage`` (accepted share),
            ``pseudo_confidence`` (mean confidence), ``pseudo_spread`` (standard deviation of
            the teacher's points over the batch, in its own view, as a fraction of the view's
            width; 0 = the same points in all images; not for a single image).
        """
        check_branches(inputs, self.source_free)
        check_input_sizes(inputs, self.student.head)
        self.teacher_guard.check(self)
        if not self.run_state.adapting:
            return self.source_loss(inputs, data_samples)
        batch = AdaptationBatch(self.student, self.readout, self.progress)
        # the teacher comes first: augmentations of the student's view look at its prediction
        if self.uses_teacher:
            batch.teacher, batch.geometry, batch.pseudo = self.forward_teacher(
                inputs, data_samples)
        if self.start is not None:
            check_start(self.start_loaded)
            batch.start = StartPass(self.start, inputs['target_teacher'], batch.geometry,
                                    self.pseudo_labels)
        target = inputs['target_student']
        for augment in self.student_augments:
            target = augment(target, batch)
        losses, batch.source, batch.target = self.forward_student(
            dict(inputs, target_student=target), data_samples)
        batch.aligned_output = self.readout.align(batch.target.output, batch.geometry)
        if self.consistency is not None:
            pseudo = batch.pseudo
            losses['loss_consistency'] = self.consistency(
                batch.aligned_output, pseudo.frame_targets, pseudo.frame_weights,
                pseudo.frame_mask, batch=batch)
        if self.gradient_rule is not None:
            losses = self.gradient_rule(batch, losses)
        for name, term in self.alignments.items():
            new = term(batch)
            clash = losses.keys() & new.keys()
            if clash:
                raise ValueError(f'alignment term {name!r} returns {sorted(clash)}, '
                                 'which another loss already uses: rename its key')
            losses.update(new)
        self.run_state.keep(batch)
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
