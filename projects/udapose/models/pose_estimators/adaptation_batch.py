"""What a training step knows, with the frame of everything in its name or its docstring.

Three units occur: *input pixels* of a view, *readout pixels* (heatmap pixels of a head with
heatmaps, input pixels of all others, see :class:`Readout`), and, for comparisons, the *frame*: the
student's view, or the base crop of both views (``train_cfg.compare_frame``).
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor, nn

from ..readouts import Readout
from ..utils.view_geometry import ViewGeometry

if TYPE_CHECKING:
    from .start_model import StartPass


@dataclass
class DomainPass:
    """The student's pass over one domain; tensors carry gradients.

    Attributes:
        inputs (Tensor): (N, 3, H, W) as the student saw them, augments included.
        samples (list[PoseDataSample]): Of the target those of the student's view.
        feats (tuple): As the backbone or neck returned them.
        features (dict[str, Tensor]): Outputs (N, ...) of the submodules that terms named in their
            ``features``; of a tuple the last.
        output: The head's, in its own form, in the student's own view.
    """

    inputs: Tensor
    samples: list
    feats: tuple
    features: dict[str, Tensor]
    output: object


@dataclass
class TeacherPass:
    """The teacher's pass over its view of the target; no gradients.

    Attributes:
        inputs (Tensor): (B, 3, H, W).
        output: The head's, float32, in the teacher's own view.
    """

    inputs: Tensor
    output: object


@dataclass
class PseudoLabels:
    """What the teacher tells the student about B target images with K joints.

    Attributes:
        points (Tensor): (B, K, 2), *input pixels of the student's view* as (x, y).
        confidence (Tensor): (B, K), 0 outside of the views; joints ordered as in the student's
            view.
        weights (Tensor): (B, K) of 0, 1: accepted; ordered likewise.
        frame_targets: Labels in the head's own form, in the *frame*.
        frame_weights (Tensor): (B, K) of 0, 1: accepted, joints ordered as in the *frame*. Goes
            with ``frame_targets``.
        frame_mask (Tensor | None): (B, 1, h, w): where both views cover the frame; None if the
            output has no pixels, or with ``train_cfg.valid_mask=False``.
    """

    points: Tensor
    confidence: Tensor
    weights: Tensor
    frame_targets: object
    frame_weights: Tensor
    frame_mask: Tensor | None


@dataclass
class AdaptationBatch:
    """One training step, as alignment terms, student augments and hooks see it.

    Student augments run before the student: for them ``source`` and ``target`` are None.

    Attributes:
        student (nn.Module): The plain model that is trained.
        readout (Readout): Reads its output.
        progress (float): Iteration / max_iters in [0, 1].
        source (DomainPass | None): None without source images.
        target (DomainPass | None): The student's view.
        aligned_output: ``target.output`` in the *frame*, with gradient; the output itself if the
            frame is the student's view or there is no teacher.
        teacher (TeacherPass | None): None if no part needs it.
        geometry (ViewGeometry | None): Between the views, readout pixels.
        pseudo (PseudoLabels | None): With ``teacher``.
        start (StartPass | None): The model that the adaptation began with; None if no term needs
            it (``needs_start``).
    """

    student: nn.Module
    readout: Readout
    progress: float = 0.
    source: DomainPass | None = None
    target: DomainPass | None = None
    aligned_output: object = None
    teacher: TeacherPass | None = None
    geometry: ViewGeometry | None = None
    pseudo: PseudoLabels | None = None
    start: StartPass | None = None

    def domain(self, name: str) -> DomainPass | None:
        """``'source'`` or ``'target'``."""
        return {'source': self.source, 'target': self.target}[name]
