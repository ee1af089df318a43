"""End-point error of hands, in the image and in space."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from mmpose.registry import METRICS

from ..pose3d import mean_of_joints
from .camera_space_base import ALIGNMENTS, CameraSpaceMetric, read_poses


@METRICS.register_module()
class CameraSpaceEPE(CameraSpaceMetric):
    """Mean and median distance of each joint, averaged over the joints.

    ``EPE2D-mean`` and ``EPE2D-median`` in pixels of the *original image* (numbers of papers are
    tied to their image size), ``EPE3D-mean`` and ``EPE3D-median`` in mm, and per group
    ``EPE3D-median/fingertip``, ... The median is taken over the instances for each joint and then
    averaged over the joints (Zimmermann and Brox, ICCV 2017); of an even number it is the mean of
    the two in the middle. The 2D part has no alignment and counts instances without a labelled
    root, too.

    Args:
        dimensions (Sequence[str]): ``'2d'`` and/or ``'3d'``. Defaults to both.
        align, groups, joints, root_index, collect_device, prefix: See :class:`CameraSpaceMetric`;
            ``align`` concerns 3D only.
    """

    def __init__(self, dimensions: Sequence[str] = ('2d', '3d'), **kwargs) -> None:
        super().__init__(**kwargs)
        self.dimensions = (dimensions,) if isinstance(dimensions, str) else tuple(dimensions)
        if not self.dimensions or set(self.dimensions) - {'2d', '3d'}:
            raise ValueError(f"dimensions must be some of '2d' and '3d', got {dimensions!r}")

    def process(self, data_batch: Sequence[dict], data_samples: Sequence[dict]) -> None:
        """Keep the poses as the base does, and the distance in the image (K,)."""
        for sample in data_samples:
            start = len(self.results)
            if '3d' in self.dimensions:
                super().process(data_batch, [sample])
            if '2d' not in self.dimensions:
                continue
            predicted, truth, labeled = read_poses(
                sample, 'keypoints', 2, sample.get('img_path', sample.get('id')))
            truth = np.where(labeled[..., None], truth, 0)
            flat = list(zip(np.linalg.norm(predicted - truth, axis=-1), labeled, strict=True))
            poses = self.results[start:] or [()] * len(flat)
            self.results[start:] = [(*pose, *f) for pose, f in zip(poses, flat, strict=True)]

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Aggregate over all instances."""
        metrics = {}
        if '2d' in self.dimensions:
            errors, labeled = (torch.from_numpy(np.stack([r[i] for r in results]))
                               for i in (-2, -1))
            metrics.update(self._summary('EPE2D', errors, labeled, ''))
        if '3d' in self.dimensions:
            errors, labeled = self.aligned_errors(results, self.align)
            metrics.update(self._summary('EPE3D', errors, labeled, ALIGNMENTS[self.align]))
        return metrics

    def _summary(self, key: str, errors: torch.Tensor, labeled: torch.Tensor,
                 prefix: str) -> dict[str, float]:
        median = torch.where(labeled, errors, torch.nan).nanquantile(0.5, dim=0)
        return {**self.by_group(f'{key}-mean', mean_of_joints(errors, labeled), prefix),
                **self.by_group(f'{key}-median', median, prefix)}
