"""PCK with a threshold relative to the input's side, per joint, group and for example species."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmpose.registry import METRICS

from ..joint_groups import evaluated_joints, joint_names, resolve_groups
from ..published_pck import (
    PUBLISHED_PROTOCOLS,
    decoded_cells,
    heatmap_cells,
    published_accuracy,
    target_cells,
)

_STRIDE = 4  # of the published networks


@METRICS.register_module()
class GroupedPCK(BaseMetric):
    r"""Mean over the evaluated joints of the per-joint percentage of correct keypoints.

    The error of a joint is measured in the model's input frame: its offset in image pixels,
    divided by ``input_scale`` and multiplied by ``input_size`` (both recorded by
    ``TopdownAffine``). It is correct if the distance is at most ``threshold * max(input_size)``.
    All labelled joints count, occluded ones included; joints that are never labelled are left
    out of the mean. This is the usual metric of unsupervised domain adaptation (PCK@0.05), with
    the true position instead of the arg-max of a label heatmap.

    ``mode='published'`` computes what the official code of the benchmarks prints instead, with the
    cells of both heatmaps' maxima: see docs/published_pck.md for its rules. It needs
    ``test_cfg=dict(output_heatmaps=True)`` of the pose estimator, or predictions of
    ``MSRAHeatmap(unbiased=False)``. The batches over which it averages are formed here, of the
    samples in the order of their ``id`` (numbers by size, before text by its characters): the data
    loader's batch size and the number of processes do not matter.

    ``unit='torso'`` (of the exact mode) measures errors in torsos instead, as LSP's users do with
    PCK@0.2: in labelled distances from the right shoulder to the left hip.

    Results are in percent: ``PCK@0.05``, ``PCK@0.05/elbow``, ``PCK@0.05/horse/eye``, ...; in torsos
    ``TorsoPCK@0.2``, ...

    Args:
        thresholds (Sequence[float]): Fractions of the input's longer side. Defaults to
            (0.05, 0.1).
        groups (str | dict, optional): A preset of :data:`JOINT_GROUPS`, for example ``'people'``
            or the name of a joint set such as ``'body16'``, or lists of joint indices or names per
            group.
        joints (Sequence[int | str], optional): The evaluated joints. Defaults to the published
            ones of a joint set, else the union of the groups, or all joints without groups.
        mode (str): ``'exact'`` or ``'published'``. Defaults to ``'exact'``.
        by (str, optional): A key of the samples' metainfo, for example ``'species'``, by whose
            values the results are split, too; the pipeline's last step must pack it. The batches
            of the published mode are formed of each value's samples alone.
        protocol (str, optional): Of the published mode: ``'body'`` or ``'animal'``. Defaults to
            ``'animal'`` for the groups ``'animal18'`` and ``'animal14'``, else ``'body'``.
        batch_size (int, optional): Of the published evaluation. Defaults to the protocol's (32, of
            animals 1).
        heatmap_size (Sequence[int], optional): (width, height) in cells, of the published mode.
            Defaults to those of the predicted heatmaps, else a quarter of the input.
        unit (str): ``'side'`` (the input's longer side) or ``'torso'``; instances whose torso is
            not labelled or has no length cannot be measured in torsos and are left out, with their
            number in the log. Defaults to ``'side'``.
        leave_out (Sequence[str]): Keys of COCO annotations, such as ``'lr_suspect'``; instances for
            which one of them is true are not scored.
        collect_device (str): 'cpu' or 'gpu'.
        prefix (str, optional): Of the result's keys, e.g. ``'target'``.

    Raises:
        ValueError: Joints out of range, predictions or labels that are not finite, keypoint counts
            that differ, or no labelled joint at all; a bad argument; ``by`` is not packed. In the
            published mode also inputs that are not square, and predictions whose cells cannot be
            told.
    """

    default_prefix = None

    def __init__(self, thresholds: Sequence[float] = (0.05, 0.1),
                 groups: str | dict | None = None, joints: Sequence[int | str] | None = None,
                 mode: str = 'exact', by: str | None = None, protocol: str | None = None,
                 batch_size: int | None = None, heatmap_size: Sequence[int] | None = None,
                 unit: str = 'side', leave_out: Sequence[str] = (),
                 collect_device: str = 'cpu', prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.thresholds = tuple(thresholds)
        if not self.thresholds or min(self.thresholds) <= 0:
            raise ValueError(f'thresholds must be positive fractions, got {thresholds}')
        if mode not in ('exact', 'published'):
            raise ValueError(f"GroupedPCK: mode={mode!r} is not 'exact' or 'published'")
        if unit not in ('side', 'torso') or unit == 'torso' and mode == 'published':
            raise ValueError(f"GroupedPCK: unit={unit!r} is not 'side', or 'torso' in the mode "
                             "'exact'")
        self.unit, self.leave_out, self.skipped = unit, tuple(leave_out), 0
        given = dict(protocol=protocol, batch_size=batch_size, heatmap_size=heatmap_size)
        extra = ', '.join(k for k, v in given.items() if v is not None)
        if mode == 'exact' and extra:
            raise ValueError(f"GroupedPCK: {extra} belongs to mode='published'")
        if protocol is None:
            protocol = 'animal' if groups in ('animal18', 'animal14') else 'body'
        if protocol not in PUBLISHED_PROTOCOLS:
            raise ValueError(f'GroupedPCK: protocol={protocol!r} is not one of '
                             f'{tuple(PUBLISHED_PROTOCOLS)}')
        self.protocol = PUBLISHED_PROTOCOLS[protocol]
        self.batch_size = self.protocol.batch_size if batch_size is None else batch_size
        if self.batch_size < 1:
            raise ValueError(f'GroupedPCK: batch_size={batch_size} must be at least 1')
        self.mode, self.by, self.heatmap_size = mode, by, heatmap_size
        self.groups, self.joints = groups, joints

    def process(self, data_batch: Sequence[dict], data_samples: Sequence[dict]) -> None:
        """Keep of every instance what its mode needs: errors and flags, or cells."""
        for sample in data_samples:
            if self.leave_out and self._flagged(sample):
                self.skipped += 1
                continue
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
            bad = labeled & ~np.isfinite(expected).all(-1)
            if bad.any():
                raise ValueError(
                    f'joints {sorted(set(np.nonzero(bad)[1].tolist()))} of {name} are labelled '
                    '(keypoints_visible > 0), but their coordinates are not finite: mark them as '
                    'unlabelled in the data set')
            expected = np.where(np.isfinite(expected), expected, 0)  # of unlabelled joints
            kept = self._cells(sample, predicted, expected, labeled, name) \
                if self.mode == 'published' else self._errors(sample, predicted, expected, labeled)
            if self.unit == 'torso':
                kept = self._in_torsos(sample, kept, expected, labeled)
            value = None
            if self.by is not None:
                if sample.get(self.by) is None:
                    raise ValueError(
                        f'GroupedPCK(by={self.by!r}): {name} has no {self.by!r}. Give the last '
                        f'step of the test pipeline meta_keys with {self.by!r} (and the data set '
                        'must have that key)')
                value = str(np.asarray(sample[self.by]).squeeze())
            self.results += [(*arrays, value, sort_key(sample.get('id')))
                             for arrays in zip(*kept, strict=True)]

    @staticmethod
    def _errors(sample: dict, predicted: np.ndarray, expected: np.ndarray, labeled: np.ndarray
                ) -> tuple[np.ndarray, np.ndarray]:
        size = np.asarray(sample['input_size'], np.float64)
        offset = (predicted - expected) / np.asarray(sample['input_scale']) * size
        return (np.linalg.norm(offset, axis=-1) / size.max()).astype(np.float32), labeled

    def _flagged(self, sample: dict) -> bool:
        """Whether the annotation is one that is left out."""
        raw = sample.get('raw_ann_info')
        raw = raw[0] if isinstance(raw, (list, tuple)) and raw else raw
        lacking = [key for key in self.leave_out if not isinstance(raw, dict) or key not in raw]
        if lacking:
            raise ValueError(
                f'GroupedPCK(leave_out={list(self.leave_out)}): the annotation of '
                f'{sample.get("img_path", sample.get("id"))} has no {", ".join(lacking)}. Are '
                "the keys spelled as in the annotation file, and does the pipeline's last step "
                'pack raw_ann_info?')
        return any(raw[key] for key in self.leave_out)

    def _in_torsos(self, sample: dict, kept: tuple, expected: np.ndarray, labeled: np.ndarray
                   ) -> tuple:
        """Errors in torsos; without those whose torso is unknown."""
        names = joint_names(self.dataset_meta, expected.shape[1])
        lacking = {'right_shoulder', 'left_hip'} - set(names)
        if lacking:
            raise ValueError(f"GroupedPCK(unit='torso'): the data set has no {sorted(lacking)}")
        ends = [names.index('right_shoulder'), names.index('left_hip')]
        size = np.asarray(sample['input_size'], np.float64)
        offset = (expected[:, ends[0]] - expected[:, ends[1]]) / np.asarray(
            sample['input_scale']) * size
        torso = np.linalg.norm(offset, axis=-1) / size.max()
        known = labeled[:, ends].all(-1) & (torso > 0)
        self.skipped += int((~known).sum())
        errors, labeled = kept
        return (errors[known] / torso[known, None]).astype(np.float32), labeled[known]

    def _cells(self, sample: dict, predicted: np.ndarray, expected: np.ndarray,
               labeled: np.ndarray, name) -> tuple[np.ndarray, np.ndarray]:
        maps = (sample.get('pred_fields') or {}).get('heatmaps')
        input_size = np.asarray(sample['input_size'], np.float64)
        if maps is not None:
            maps = maps.detach().float().cpu().numpy() if hasattr(maps, 'detach') else maps
            size = maps.shape[-1], maps.shape[-2]
            if not np.isfinite(maps).all():
                raise ValueError(f'the predicted heatmaps of {name} are not finite: the model has '
                                 'diverged')
        else:
            size = tuple(self.heatmap_size or (int(s) // _STRIDE for s in input_size))
        if size[0] != size[1] or input_size[0] != input_size[1]:
            raise ValueError(
                f"GroupedPCK(mode='published'): input {sample['input_size']} and heatmap {size} of "
                f"{name} must be square, as in the published protocols; use mode='exact'")
        center, scale = (np.asarray(sample[k], np.float64) for k in ('input_center', 'input_scale'))
        target = target_cells(((expected - center) / scale + 0.5) * size, labeled, size,
                              self.protocol)
        cells = heatmap_cells(maps)[None] if maps is not None \
            else decoded_cells(((predicted - center) / scale + 0.5) * size)
        # the side goes along: thresholds are fractions of it
        return cells, np.concatenate([target, np.full_like(target[..., :1], size[0])], -1)

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Aggregate over all instances, and over those of each value of ``by``."""
        if self.skipped:
            MMLogger.get_current_instance().info(
                f'GroupedPCK({self.prefix or ""}): {self.skipped} instances of this process left '
                'out (' + ', '.join(self.leave_out) + ('; no torso' if self.unit == 'torso' else '')
                + ')')
            self.skipped = 0
        if not results:
            raise ValueError(f'GroupedPCK({self.prefix or ""}): all instances were left out')
        first, second, values, ids = zip(*results, strict=True)
        order = np.arange(len(ids))
        if None not in ids and len(set(ids)) == len(ids):
            order = np.array(sorted(order, key=lambda i: ids[i]))
        first, second = np.stack(first)[order], np.stack(second)[order]
        values = np.array([str(v) for v in values])[order]
        names = joint_names(self.dataset_meta, first.shape[1])
        groups = resolve_groups(self.groups, names)
        joints = evaluated_joints(self.joints, self.groups, names)
        metrics = {}
        for value in (None, *(sorted(set(values)) if self.by else ())):
            chosen = slice(None) if value is None else values == value
            metrics.update(self._aggregate(first[chosen], second[chosen], groups, joints, value))
        return metrics

    def _aggregate(self, first: np.ndarray, second: np.ndarray, groups: dict, joints: list,
                   value: str | None) -> dict[str, float]:
        where = '' if value is None else f'/{value}'
        kind = 'TorsoPCK' if self.unit == 'torso' else 'PCK'
        metrics = {}
        for threshold in self.thresholds:
            if self.mode == 'published':
                side = float(second[0, 0, 2])
                share, counts = published_accuracy(first, second[..., :2], self.batch_size,
                                                   threshold * side)
                per_joint = 100 * share
            else:
                counts = second.sum(0)
                correct = ((first <= threshold) & second).sum(0)
                per_joint = np.where(counts > 0, 100 * correct / np.maximum(counts, 1), np.nan)
            if not counts[joints].any():
                raise ValueError(f'none of the evaluated joints {joints} is labelled in any of '
                                 f'{len(first)} instances{value and f" of {self.by}={value}" or ""}'
                                 ': is this the unlabelled target set?')
            if self.mode == 'published' and not counts[joints].all():
                MMLogger.get_current_instance().warning(
                    f'joints {[j for j in joints if not counts[j]]} never count{where}; as in the '
                    'published code they are 0 in the mean')
            metrics[f'{kind}@{threshold:g}{where}'] = float(np.nanmean(per_joint[joints]))
            for group, members in groups.items():
                if counts[members].any():
                    metrics[f'{kind}@{threshold:g}{where}/{group}'] = \
                        float(np.nanmean(per_joint[members]))
        return metrics


def sort_key(number) -> tuple | None:
    """What orders instances by their id: numbers (also written as text) by size, then text.

    Args:
        number: An annotation's id: a number, a text, an array of one of them, or None.
    """
    if not isinstance(number, (int, float, str, type(None))):
        number = np.asarray(number).squeeze().tolist()
    if number is None:
        return None
    if isinstance(number, str):
        return (0, int(number), number) if number.isdecimal() else (1, 0, number)
    return (0, number, '') if isinstance(number, (int, float)) else (1, 0, str(number))
