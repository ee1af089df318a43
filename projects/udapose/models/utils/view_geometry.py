"""How the heatmaps of two views of an image are brought into one frame."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .warp import (
    covered_mask,
    heatmap_matrices,
    invert,
    swap_channels,
    transform_points,
    warp_affine,
)


@dataclass
class ViewGeometry:
    """Maps the teacher's and the student's heatmaps into the frame where they are compared.

    The frame is the student's view, or the base crop that both views were made from.

    Attributes:
        teacher_to_frame (Tensor): (B, 3, 3), heatmap pixels.
        teacher_swap (Tensor): (B,) bool, left and right joints change places on the way.
        student_to_frame (Tensor | None): (B, 3, 3); None if the frame is the student's view.
        student_swap (Tensor | None): (B,) bool.
        flip_indices (Tensor): (K,) joint index after a horizontal flip.
    """

    teacher_to_frame: Tensor
    teacher_swap: Tensor
    student_to_frame: Tensor | None
    student_swap: Tensor | None
    flip_indices: Tensor

    @property
    def teacher_to_student(self) -> Tensor:
        """(B, 3, 3) heatmap pixels."""
        if self.student_to_frame is None:
            return self.teacher_to_frame
        inverse = invert(self.student_to_frame)  # multiplied by hand: autocast rounds products
        return (inverse[..., None] * self.teacher_to_frame[:, None]).sum(2)

    def align_student(self, heatmaps: Tensor) -> Tensor:
        """The student's heatmaps (B, K, H, W) in the frame, differentiable."""
        if self.student_to_frame is None:
            return heatmaps
        swapped = swap_channels(heatmaps.float(), self.flip_indices, self.student_swap)
        return warp_affine(swapped, self.student_to_frame)

    def points_in_student(self, points: Tensor) -> Tensor:
        """Points (B, K, 2) of the frame in the student's heatmap pixels."""
        if self.student_to_frame is None:
            return points
        return self.joints_of_student(
            transform_points(points, invert(self.student_to_frame)))

    def joints_of_student(self, values: Tensor) -> Tensor:
        """Values per joint (B, K, ...) of the frame, ordered as in the student's view."""
        if self.student_to_frame is None:
            return values
        return swap_channels(values, self.flip_indices, self.student_swap)

    def covered(self, size: tuple[int, int]) -> Tensor:
        """(B, 1, H, W): where the frame is covered by both views."""
        mask = covered_mask(self.teacher_to_frame, size)
        if self.student_to_frame is not None:
            mask = mask * covered_mask(self.student_to_frame, size)
        return mask


def view_geometry(teacher: list, student: list, scale_factor: np.ndarray, device: torch.device,
                  frame: str = 'student') -> ViewGeometry:
    """Geometry of a batch from what the pipeline recorded.

    Args:
        teacher (list[PoseDataSample]): Of the teacher's views.
        student (list[PoseDataSample]): Of the student's views.
        scale_factor (np.ndarray): (2,), the codec's: input pixels per heatmap pixel.
        device (torch.device): Where the tensors are needed.
        frame (str): ``'student'`` or ``'base'``.

    Raises:
        ValueError: A view without the matrices.
    """
    def stack(view: list, key: str) -> np.ndarray:
        try:
            return np.stack([s.metainfo[key] for s in view]).astype(np.float64)
        except KeyError:
            needs = ('ForkViews behind GetBBoxCenterScale' if key == 'base_matrix' else
                     'RecordedTopdownAffine instead of TopdownAffine')
            raise ValueError(f'a target view carries no {key}: its pipeline needs {needs}') \
                from None

    scale = torch.as_tensor(scale_factor)

    def send(matrices: np.ndarray) -> Tensor:
        return heatmap_matrices(torch.from_numpy(matrices.astype(np.float32)).to(
            device, non_blocking=True), scale)

    def flags(values: list) -> Tensor:
        return torch.as_tensor(np.array(values)).to(device, non_blocking=True)

    # MMPose exchanges no joints in a diagonal flip, which mirrors nothing
    flips = [[bool(s.metainfo['flip']) and s.metainfo.get('flip_direction') != 'diagonal'
              for s in view] for view in (teacher, student)]
    indices = torch.as_tensor(teacher[0].metainfo['flip_indices']).to(device, non_blocking=True)
    from_teacher = np.linalg.inv(stack(teacher, 'input_matrix'))
    if frame == 'student':
        different = [t != s for t, s in zip(*flips, strict=True)]
        return ViewGeometry(send(stack(student, 'input_matrix') @ from_teacher), flags(different),
                            None, None, indices)
    base = stack(student, 'base_matrix')
    return ViewGeometry(
        send(base @ from_teacher), flags(flips[0]),
        send(base @ np.linalg.inv(stack(student, 'input_matrix'))), flags(flips[1]), indices)
