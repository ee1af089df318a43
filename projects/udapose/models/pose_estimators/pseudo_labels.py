"""From the teacher's heatmaps to what supervises the student."""
from __future__ import annotations

import torch
from torch import Tensor

from ..utils.pseudo_label import confident, heatmap_peaks, render_gaussians
from ..utils.view_geometry import ViewGeometry
from ..utils.warp import inside, swap_channels, transform_points, warp_affine


def make_pseudo_labels(heatmaps: Tensor, geometry: ViewGeometry, codec, cfg: dict) -> dict:
    """Peaks in the frame of the comparison, selected by confidence, as clean Gaussians.

    Args:
        heatmaps (Tensor): (B, K, H, W), the teacher's, in its own view.
        geometry (ViewGeometry): From that view to the frame.
        codec: MMPose's heatmap codec, for sigma and the Gaussians' kind.
        cfg (dict): ``train_cfg`` of :class:`MeanTeacherPoseEstimator`.

    Returns:
        dict[str, Tensor]: In the frame: ``pseudo_heatmaps`` (B, K, H, W), ``aligned_weights``
        (B, K) of 0 and 1, ``valid_mask`` (B, 1, H, W). In the student's view:
        ``pseudo_keypoints`` (B, K, 2) heatmap pixels, ``pseudo_points`` the same in input pixels,
        ``confidence`` (B, K), ``pseudo_weights`` (B, K). And ``teacher_to_student`` (B, 3, 3).
    """
    matrices, size = geometry.teacher_to_frame, tuple(heatmaps.shape[-2:])
    swapped = swap_channels(heatmaps, geometry.flip_indices, geometry.teacher_swap)
    if cfg['peaks_from'] == 'warped':
        points, confidence = heatmap_peaks(warp_affine(swapped, matrices))
    else:
        points, confidence = heatmap_peaks(swapped)
        points = transform_points(points, matrices)
    # outside the view a peak must not take the place of a visible one among the confident
    in_view = inside(points, size)
    confidence = confidence * in_view
    weights = in_view * confident(confidence, cfg['confidence_quantile'],
                                  cfg['per_joint_quantile'], cfg['min_confidence'])
    rounded = type(codec).__name__ == 'MSRAHeatmap' and not codec.unbiased
    truncated = not getattr(codec, 'unbiased', False)
    student_points = geometry.points_in_student(points)
    visible = inside(student_points, size)
    scale = torch.as_tensor(codec.scale_factor).to(student_points, non_blocking=True)
    return dict(
        teacher_to_student=geometry.teacher_to_student, pseudo_keypoints=student_points,
        pseudo_points=student_points * scale,
        confidence=geometry.joints_of_student(confidence) * visible,
        pseudo_weights=geometry.joints_of_student(weights) * visible,
        aligned_weights=weights, valid_mask=geometry.covered(size),
        pseudo_heatmaps=render_gaussians(points, size, codec.sigma, rounded, truncated))
