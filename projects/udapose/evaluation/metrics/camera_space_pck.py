"""Percentage of correct 3D keypoints and the area under its curve."""
from __future__ import annotations

from collections.abc import Sequence

import torch
from mmpose.registry import METRICS

from ..pose3d import area_under_curve, pck_per_joint
from .camera_space_base import CameraSpaceMetric


@METRICS.register_module()
class CameraSpacePCK3D(CameraSpaceMetric):
    """Percentage of joints that are at most a distance in millimetres from the truth.

    Results in percent: ``PCK3D@150``, ``PCK3D@150/elbow``, ...; ``PA-PCK3D@150`` with
    ``align='procrustes'``, and so on. 150 mm is the threshold of MPI-INF-3DHP (Mehta et al.,
    3DV 2017), who score 14 joints of the body after aligning the root.

    Args:
        threshold (float | Sequence[float]): In mm. Defaults to 150.
        align, groups, joints, root_index, collect_device, prefix: See :class:`CameraSpaceMetric`.
    """

    def __init__(self, threshold: float | Sequence[float] = 150., **kwargs) -> None:
        super().__init__(**kwargs)
        self.thresholds = tuple(threshold) if isinstance(threshold, Sequence) else (threshold,)
        if not self.thresholds or min(self.thresholds) <= 0:
            raise ValueError(f'threshold must be positive millimetres, got {threshold}')

    def summarize(self, errors: torch.Tensor, labeled: torch.Tensor,
                  prefix: str) -> dict[str, float]:
        """Percent per threshold."""
        metrics = {}
        pck = pck_per_joint(errors, labeled, torch.tensor(self.thresholds, dtype=errors.dtype))
        for threshold, row in zip(self.thresholds, pck, strict=True):
            metrics.update(self.by_group(f'PCK3D@{threshold:g}', row, prefix))
        return metrics


@METRICS.register_module()
class CameraSpaceAUC(CameraSpaceMetric):
    """Area under the curve of PCK over a range of distances, in percent of the full area.

    100 means that every joint is closer than the lower end. Result keys hold the range in mm:
    ``AUC@0-50``, ``AUC@20-50/fingertip``, ... Papers on hands write the same as a fraction of 1.

    Args:
        low, high (float): The range in mm. Defaults to 0 and 50 (RHD, FreiHAND); 20 and 50 is
            usual for STB, 0 and 150 for MPI-INF-3DHP.
        steps (int): Number of thresholds, both ends included. Defaults to 100.
        rule (str): ``'trapezoid'``, or ``'mean'``: the mean of PCK over the thresholds, as for
            MPI-INF-3DHP (``low=0, high=150, steps=31``: every 5 mm), where a perfect prediction
            also scores 100. Defaults to ``'trapezoid'``.
        align, groups, joints, root_index, collect_device, prefix: See :class:`CameraSpaceMetric`.
    """

    def __init__(self, low: float = 0., high: float = 50., steps: int = 100,
                 rule: str = 'trapezoid', **kwargs) -> None:
        super().__init__(**kwargs)
        if rule not in ('trapezoid', 'mean'):
            raise ValueError(f"rule must be 'trapezoid' or 'mean', got {rule!r}")
        if not 0 <= low < high or steps < 2:
            raise ValueError('the range must be 0 <= low < high millimetres with at least 2 steps, '
                             f'got low={low}, high={high}, steps={steps}')
        self.low, self.high, self.steps, self.rule = low, high, steps, rule

    def summarize(self, errors: torch.Tensor, labeled: torch.Tensor,
                  prefix: str) -> dict[str, float]:
        """The area in percent."""
        thresholds = torch.linspace(self.low, self.high, self.steps, dtype=errors.dtype)
        pck = pck_per_joint(errors, labeled, thresholds)
        area = pck.mean(0) if self.rule == 'mean' else area_under_curve(pck, thresholds)
        return self.by_group(f'AUC@{self.low:g}-{self.high:g}', area, prefix)
