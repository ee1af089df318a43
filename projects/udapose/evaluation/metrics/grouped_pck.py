"""PCK with a threshold relative to the input's side, per joint and group."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from mmpose.registry import METRICS

from ..joint_groups import resolve_groups


@METRICS.register_module()
class GroupedPCK(BaseMetric):
    r"""Mean over the evaluated joints of the per-joint percentage of correct keypoints.

    The error of a joint is measured in the model's input frame: its offset in image pixels,
    divided by ``input_scale`` and multiplied by ``input_size`` (both recorded by
    ``TopdownAffine``). It is correct if the distance is at most ``threshold * max(input_size)``.
    All labelled joints count, occluded ones included; joints that are never labelled are left
    out of the mean. This is the usual metric of unsupervised domain adaptation (PCK@0.05), with
    the true position instead of the arg-max of a label heatmap.

    Results are in percent: ``PCK@0.05``, ``PCK@0.05/elbow``, ...

    Args:
        thresholds (Sequence[float]): Fractions of the input's longer side. Defaults to
            (0.05, 0.1).
        groups (str | dict, optional): ``'people'``, ``'hands'``, ``'lsp14'`` or lists of joint
            indices or names per group.
        joints (Sequence[int | str], optional): The evaluated joints. Defaults to the union of
            the groups, or all joints without groups.
        collect_device (str): 'cpu' or 'gpu'.
        prefix (str, optional): Of the result's keys, e.g. ``'target'``.

    Raises:
        ValueError: Joints out of range, predictions that are not finite, keypoint counts that
            differ, or no labelled joint at all.
    """

    default_prefix = None

    def __init__(self, thresholds: Sequence[float] = (0.05, 0.1),
                 groups: str | dict | None = None, joints: Sequence[int | str] | None = None,
                 collect_device: str = 'cpu', prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.thresholds = tuple(thresholds)
        if not self.thresholds or min(self.thresholds) <= 0:
            raise ValueError(f'thresholds must be positive fractions, got {thresholds}')
        self.groups, self.joints = groups, joints

    def process(self, data_batch: Sequence[dict], data_samples: Sequence[dict]) -> None:
        """Keep the normalised error and the label flag of every joint of every instance."""
        for sample in data_samples:
            predicted = np.asarray(sample['pred_instances']['keypoints'], np.float64)[..., :2]
            truth = sample['gt_instances']
            expected = np.asarray(truth['keypoints'], np.float64)[..., :2]
            name = sample.get('img_path', sample.get('id'))
            if predicted.shape != expected.shape:
                raise ValueError(
                    f'{predicted.shape[1]} keypoints predicted, {expected.shape[1]} labelled '
                    f'({name}): head.out_channels and the data set\'s metainfo must agree')
            if not np.isfinite(predicted).all():
                raise ValueError(f'{np.count_nonzero(~np.isfinite(predicted))} predicted '
                                 f'coordinates of {name} are not finite: the model has diverged, '
                                 'lower the learning rate or start from an earlier checkpoint')
            labeled = np.asarray(truth['keypoints_visible'])
            labeled = (labeled[..., 0] if labeled.ndim == 3 else labeled) > 0
            size = np.asarray(sample['input_size'], np.float64)
            offset = (predicted - expected) / np.asarray(sample['input_scale']) * size
            error = np.linalg.norm(offset, axis=-1) / size.max()
            self.results += list(zip(error.astype(np.float32), labeled, strict=True))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Aggregate over all instances."""
        error = np.stack([e for e, _ in results])
        labeled = np.stack([flag for _, flag in results])
        names = self._joint_names(error.shape[1])
        groups = resolve_groups(self.groups, names)
        joints = list(resolve_groups({'joints': list(self.joints)}, names)['joints']) \
            if self.joints is not None else sorted({j for g in groups.values() for j in g}) \
            or list(range(error.shape[1]))
        counts = labeled.sum(0)
        if not counts[joints].any():
            raise ValueError(f'none of the evaluated joints {joints} is labelled in any of '
                             f'{len(error)} instances: is this the unlabelled target set?')
        metrics = {}
        for threshold in self.thresholds:
            correct = ((error <= threshold) & labeled).sum(0)
            per_joint = np.where(counts > 0, 100 * correct / np.maximum(counts, 1), np.nan)
            metrics[f'PCK@{threshold:g}'] = float(np.nanmean(per_joint[joints]))
            for group, members in groups.items():
                if counts[members].any():
                    metrics[f'PCK@{threshold:g}/{group}'] = float(np.nanmean(per_joint[members]))
        return metrics

    def _joint_names(self, count: int) -> list[str]:
        meta = getattr(self, '_dataset_meta', None) or {}
        names = meta.get('keypoint_id2name')
        return [names[i] for i in range(count)] if names and len(names) == count \
            else [str(i) for i in range(count)]
