"""Mean per-joint position error in millimetres: MPJPE, N-MPJPE, PA-MPJPE."""
from __future__ import annotations

from collections.abc import Sequence

from mmpose.registry import METRICS

from ..pose3d import mean_of_joints
from .camera_space_base import ALIGNMENTS, CameraSpaceMetric

MODES = {'mpjpe': 'root', 'n-mpjpe': 'scale', 'pa-mpjpe': 'procrustes'}


@METRICS.register_module()
class CameraSpaceMPJPE(CameraSpaceMetric):
    """Mean distance between predicted and true joints, in millimetres.

    Results, all in mm: ``MPJPE`` (roots at the origin; protocol 1 of Human3.6M), ``N-MPJPE``
    (also scaled, Rhodin et al., CVPR 2018), ``PA-MPJPE`` (best similarity; protocol 2), and per
    group ``MPJPE/elbow``, ... See :class:`CameraSpaceMetric` for what is read and which joints
    count.

    Args:
        mode (str | Sequence[str]): ``'mpjpe'``, ``'n-mpjpe'``, ``'pa-mpjpe'`` or several of them.
            Defaults to all three.
        root_aligned (bool): False measures ``'mpjpe'`` in the camera frame itself; its key is then
            ``Absolute-MPJPE``. That says something only of a model that predicts the root's depth:
            by default it is taken from the labels. Defaults to True.
        groups, joints, root_index, collect_device, prefix: See :class:`CameraSpaceMetric`.
    """

    def __init__(self, mode: str | Sequence[str] = tuple(MODES), root_aligned: bool = True,
                 **kwargs) -> None:
        if 'align' in kwargs:
            raise ValueError("CameraSpaceMPJPE has no align: use mode='mpjpe' | 'n-mpjpe' | "
                             "'pa-mpjpe', and root_aligned=False for none")
        super().__init__(**kwargs)
        self.modes = (mode,) if isinstance(mode, str) else tuple(mode)
        unknown = [m for m in self.modes if m not in MODES]
        if unknown or not self.modes:
            raise ValueError(f'mode must be one or several of {list(MODES)}, got {mode!r}')
        self.root_aligned = root_aligned

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Aggregate over all instances."""
        metrics = {}
        for mode in self.modes:
            align = 'none' if mode == 'mpjpe' and not self.root_aligned else MODES[mode]
            errors, labeled = self.aligned_errors(results, align)
            metrics.update(self.by_group('MPJPE', mean_of_joints(errors, labeled),
                                         ALIGNMENTS[align]))
        return metrics
