"""The passes of a training step: the student's over both domains, the teacher's over its view."""
from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from ..utils.batch_norms import untracked_batch_norms
from ..utils.feature_taps import tapped
from ..utils.structures import split_batch
from ..utils.view_geometry import ViewGeometry, view_geometry
from .adaptation_batch import AdaptationBatch, DomainPass, PseudoLabels, TeacherPass
from .extra_views import ExtraViews
from .plain_models import head_output
from .pseudo_labels import make_pseudo_labels
from .source_losses import source_losses
from .student_teacher import StudentTeacher
from .train_options import scheduled_quantile


class TwoViewPasses(StudentTeacher):
    """Runs student and teacher as ``train_cfg`` says, without any loss of its own.

    Attributes:
        train_cfg (dict): Of :class:`MeanTeacherPoseEstimator`, complete.
        tapped_features (list[str]): Submodules of the student whose outputs are kept.
        extra_views (ExtraViews | None): The teacher's further looks.
        joint_thresholds (Tensor | None): (K,) least confidence of a pseudo-label of each joint.
    """

    train_cfg: dict
    tapped_features: list[str]
    extra_views: ExtraViews | None
    joint_thresholds: Tensor | None

    def forward_student(self, inputs: dict[str, Tensor], data_samples: dict[str, list]
                        ) -> tuple[dict[str, Tensor], DomainPass | None, DomainPass]:
        """One student pass over both domains, or one for each.

        Returns:
            tuple[dict[str, Tensor], DomainPass | None, DomainPass]: The student's own losses on
            the source images, none without them; source and target.
        """
        names = [name for name in ('source', 'target_student') if name in inputs]
        images, samples = ([given[name] for name in names] for given in (inputs, data_samples))
        # one pass needs one size; heads of several sizes see one domain at a time
        if self.train_cfg['joint_forward'] and len({x.shape[1:] for x in images}) == 1:
            passes = split_batch(self._student_pass(torch.cat(images)), [len(x) for x in images])
        else:
            passes = [self._student_pass(x) for x in images]
        domains = [
            DomainPass(x, s, *made) for x, s, made in zip(images, samples, passes, strict=True)]
        self.readout.check(self.student.head, domains[0].output, domains[0].samples)
        if len(domains) == 1:
            return self.readout.untaught_loss(domains[0].output), None, domains[0]
        source, target = domains
        return source_losses(self.student, self.readout, source), source, target

    def _student_pass(self, images: Tensor) -> tuple:
        """Features of the neck, tapped features, output of the head."""
        with tapped(self.student, self.tapped_features) as features:
            feats = self.student.extract_feat(images)
            output = self.student.head.forward(feats)
        return feats, features, output

    @torch.no_grad()
    def forward_teacher(self, inputs: dict[str, Tensor], data_samples: dict[str, list]
                        ) -> tuple[TeacherPass, ViewGeometry, PseudoLabels]:
        """The teacher's pass over its view, the views' geometry, and pseudo-labels."""
        images, samples = inputs['target_teacher'], data_samples['target_teacher']
        output = head_output(self.teacher, images)
        self.readout.check(self.teacher.head, output, data_samples.get('source') or samples)
        geometry = view_geometry(
            samples, data_samples['target_student'], self.readout.scale_factor,
            images.device, self.train_cfg['compare_frame'])
        return TeacherPass(images, output), geometry, self.pseudo_labels(
            self.teacher, images, output, geometry)

    @torch.no_grad()
    def pseudo_labels(self, model: nn.Module, images: Tensor, output, geometry: ViewGeometry
                      ) -> PseudoLabels:
        """What the teacher, or the start model, tells the student; selected as configured.

        Args:
            model (nn.Module): The plain model.
            images (Tensor): (B, 3, H, W), the teacher's view.
            output: The head's on it, float32.
            geometry (ViewGeometry): From that view to the frame.
        """
        cfg = dict(self.train_cfg, confidence_quantile=scheduled_quantile(
            self.train_cfg['confidence_quantile'], self.progress))
        read = None if self.extra_views is None else self.read(
            model, images, output, geometry.flip_indices)
        return make_pseudo_labels(output, geometry, self.readout, cfg, self.joint_thresholds, read)

    def read(self, model: nn.Module, images: Tensor, output, flip_indices: Tensor | None
             ) -> tuple[Tensor, Tensor]:
        """Points and confidence in the images, brought together with those of the extra views.

        Args:
            model (nn.Module): The plain model; its batch norms track no extra view.
            images (Tensor): (B, 3, H, W).
            output: The head's on them, float32.
            flip_indices (Tensor | None): (K,) joint index after a horizontal flip; not used
                without extra views.

        Returns:
            tuple[Tensor, Tensor]: (B, K, 2) readout pixels of the images, (B, K).
        """
        if self.extra_views is None:
            return self.readout.points(output)
        with untracked_batch_norms(model):
            return self.extra_views.read(images, output, flip_indices, partial(head_output, model))

    def set_joint_thresholds(self, thresholds: Sequence[float] | None) -> None:
        """Accept pseudo-labels of each joint above its own confidence only.

        Args:
            thresholds (Sequence[float], optional): One for each joint, in the order of the data
                set; None: ``train_cfg.min_confidence`` again.

        Raises:
            ValueError: Another number of joints than the head has.
        """
        if thresholds is None:
            self.joint_thresholds = None
            return
        joints = getattr(self.student.head, 'out_channels', len(thresholds))
        if len(thresholds) != joints:
            raise ValueError(f'{len(thresholds)} thresholds of confidence for {joints} joints')
        device = next(self.student.parameters()).device
        self.joint_thresholds = torch.as_tensor(thresholds, dtype=torch.float32, device=device)

    def _statistics(self, batch: AdaptationBatch) -> dict[str, Tensor]:
        found = dict(pseudo_coverage=batch.pseudo.weights.mean(),
                     pseudo_confidence=batch.pseudo.confidence.mean())
        # in the student's view random geometry would spread even the same point in all images
        points = self.readout.points(batch.teacher.output, subpixel=False)[0]
        if len(points) > 1:
            spread = points.std(dim=0, unbiased=False).mean()
            found['pseudo_spread'] = spread / self.readout.size[1]
        return found
