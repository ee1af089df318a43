"""Errors per joint and what is made of them. Joints that are not labelled never count."""
from __future__ import annotations

import torch
from torch import Tensor

from .arrays import accepts_arrays


@accepts_arrays
def joint_errors(predicted: Tensor, truth: Tensor) -> Tensor:
    """Euclidean distances (..., K) of points (..., K, D), in the unit of the points."""
    if predicted.shape != truth.shape:
        raise ValueError(f'predicted points are {tuple(predicted.shape)}, true ones '
                         f'{tuple(truth.shape)}')
    return (predicted - truth).norm(dim=-1)


@accepts_arrays
def mean_of_joints(errors: Tensor, labeled: Tensor) -> Tensor:
    """Mean over the instances that have the joint labelled.

    Args:
        errors (Tensor): (N, K), any unit.
        labeled (Tensor): (N, K) bool.

    Returns:
        Tensor: (K,), NaN for a joint that is labelled nowhere.
    """
    errors = torch.where(labeled, errors, 0)  # an unlabelled joint's error may be NaN
    return errors.sum(0) / labeled.sum(0)


@accepts_arrays
def pck_per_joint(errors: Tensor, labeled: Tensor, thresholds: Tensor) -> Tensor:
    """Percentage of correct keypoints, correct = at most the threshold away.

    Args:
        errors (Tensor): (N, K).
        labeled (Tensor): (N, K) bool.
        thresholds (Tensor): (T,) in the unit of the errors.

    Returns:
        Tensor: (T, K) percent, NaN for a joint that is labelled nowhere.
    """
    # Sorted errors and one search per joint: memory N*K instead of T*N*K.
    ordered = torch.where(labeled, errors, torch.inf).T.sort(-1).values
    wanted = thresholds.to(ordered).expand(len(ordered), -1).contiguous()
    correct = torch.searchsorted(ordered.contiguous(), wanted, right=True)
    correct = torch.minimum(correct, labeled.sum(0)[:, None])  # an infinite threshold
    return (100 * correct / labeled.sum(0)[:, None]).T.to(errors)


@accepts_arrays
def area_under_curve(pck: Tensor, thresholds: Tensor) -> Tensor:
    """Area under a PCK curve, divided by the width of the range: again in percent.

    The trapezoidal rule over the thresholds, as in the evaluation of hands (Zimmermann and Brox,
    ICCV 2017). A mean over the thresholds, as for MPI-INF-3DHP, differs by the ends' halves.

    Args:
        pck (Tensor): (T, ...) percent, T >= 2.
        thresholds (Tensor): (T,) ascending.

    Returns:
        Tensor: (...) percent.
    """
    return torch.trapezoid(pck, thresholds.to(pck), dim=0) / (thresholds[-1] - thresholds[0])
