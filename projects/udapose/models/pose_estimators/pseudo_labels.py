"""From the teacher's output to what supervises the student."""
from __future__ import annotations

import torch

from ..readouts import Readout
from ..utils.pseudo_label import confident
from ..utils.view_geometry import ViewGeometry
from ..utils.warp import inside, swap_channels, transform_points
from .adaptation_batch import PseudoLabels


def make_pseudo_labels(output, geometry: ViewGeometry, readout: Readout, cfg: dict,
                       thresholds: torch.Tensor | None = None,
                       read: tuple[torch.Tensor, torch.Tensor] | None = None) -> PseudoLabels:
    """Points in the frame of the comparison, selected by confidence, as clean labels.

    Args:
        output: The teacher's, float32, in its own view.
        geometry (ViewGeometry): From that view to the frame, readout pixels.
        readout (Readout): Of the student's head.
        cfg (dict): ``train_cfg`` of :class:`MeanTeacherPoseEstimator`, with a number as
            ``confidence_quantile``.
        thresholds (Tensor, optional): (K,) least confidence of each joint of the *teacher's*
            view, in place of ``min_confidence``.
        read (tuple[Tensor, Tensor], optional): Points and confidence in the teacher's view, in
            place of those of its output (:class:`ExtraViews`).

    Returns:
        PseudoLabels: Without gradients.
    """
    if read is None and cfg['peaks_from'] == 'warped':
        points, confidence = readout.points(readout.warp(output, geometry))
    else:
        points, confidence = (
            swap_channels(values, geometry.flip_indices, geometry.teacher_swap)
            for values in (read or readout.points(output)))
        points = transform_points(points, geometry.teacher_to_frame)
    # outside the view a point must not take the place of a visible one among the confident
    in_view = inside(points, readout.size)
    confidence = confidence * in_view
    if readout.has_confidence or read is not None:
        least = cfg['min_confidence']
        if thresholds is not None:  # joints are ordered as in the frame by now
            least = swap_channels(thresholds.expand(confidence.shape), geometry.flip_indices,
                                  geometry.teacher_swap)
        weights = in_view * confident(confidence, cfg['confidence_quantile'],
                                      cfg['per_joint_quantile'], least)
    else:
        weights = in_view.to(confidence.dtype)
    in_student = geometry.points_in_student(points)
    visible = inside(in_student, readout.size)
    scale = torch.as_tensor(readout.scale_factor).to(in_student, non_blocking=True)
    return PseudoLabels(
        points=in_student * scale, confidence=geometry.joints_of_student(confidence) * visible,
        weights=geometry.joints_of_student(weights) * visible,
        frame_targets=readout.targets(points), frame_weights=weights,
        frame_mask=readout.valid_mask(geometry) if cfg['valid_mask'] else None)
