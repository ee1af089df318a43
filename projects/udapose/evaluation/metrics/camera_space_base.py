"""What the metrics of 3D poses share: reading, checks, alignment, joint groups."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger

from ..joint_groups import evaluated_joints, joint_names, resolve_groups
from ..pose3d import joint_errors, procrustes_align, root_align, scale_align

#: Alignment -> what stands in front of the metric's name.
ALIGNMENTS = dict(none='Absolute-', root='', scale='N-', procrustes='PA-')


class CameraSpaceMetric(BaseMetric):
    """Base of the metrics of poses in the camera frame, in millimetres.

    Reads of each data sample ``pred_instances.keypoints_cam`` and ``gt_instances.keypoints_cam``
    (N, K, 3) in mm, ``gt_instances.keypoints_visible`` (N, K) and ``root_index``. Joints with
    ``keypoints_visible > 0`` count, occluded ones included. Where the root is taken as the origin
    (alignments ``'root'`` and ``'scale'``), instances whose root is not labelled are left out, and
    the log tells how many; with all alignments those whose prediction could not be placed (NaN),
    since their root, unlabelled, has no depth either. Every result is a mean over the evaluated
    joints of a joint's own value, as in :class:`GroupedPCK`: with all joints labelled the same as
    the mean over all of them. The root's own error is 0 with ``align='root'`` and counts unless
    ``joints`` leaves it out.

    Args:
        align (str): What is taken out before measuring: ``'none'``, ``'root'`` (position of the
            root; the default), ``'scale'`` (also the scale about the root), ``'procrustes'``
            (position, rotation and scale: the best similarity of each instance).
        groups (str | dict, optional): A preset of :data:`JOINT_GROUPS` or lists of joint indices
            or names per group.
        joints (str | Sequence[int | str], optional): The evaluated joints: a name in
            :data:`JOINT_SUBSETS`, or indices or names. Defaults to the union of the groups, or all
            joints without groups.
        align_on (str): Which joints find scale and rotation: all ``'labelled'`` ones, or only the
            ``'evaluated'`` ones, as the protocols of joint subsets do. Defaults to ``'labelled'``.
        root_index (int, optional): Overrides the samples' own.
        collect_device (str): 'cpu' or 'gpu'.
        prefix (str, optional): Of the result's keys, e.g. ``'target'``.

    Raises:
        ValueError: Missing keys, keypoint counts that differ, coordinates that are not finite,
            joints out of range, nothing labelled; the message names the image.
    """

    default_prefix = None

    def __init__(self, align: str = 'root', groups: str | dict | None = None,
                 joints: str | Sequence[int | str] | None = None, root_index: int | None = None,
                 collect_device: str = 'cpu', prefix: str | None = None,
                 align_on: str = 'labelled') -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        if align not in ALIGNMENTS:
            raise ValueError(f'align must be one of {list(ALIGNMENTS)}, got {align!r}')
        if align_on not in ('labelled', 'evaluated'):
            raise ValueError(f"align_on must be 'labelled' or 'evaluated', got {align_on!r}")
        self.align, self.groups, self.joints, self.root_index = align, groups, joints, root_index
        self.align_on = align_on

    def process(self, data_batch: Sequence[dict], data_samples: Sequence[dict]) -> None:
        """Keep the poses (K, 3) mm, the label flags (K,) and the root of every instance."""
        for sample in data_samples:
            name = sample.get('img_path', sample.get('id'))
            root = self.root_index if self.root_index is not None else sample.get('root_index')
            if root is None:
                raise ValueError(f'{name} has no root_index in its metainfo: add it to meta_keys '
                                 'of the packing transform, or set root_index of the metric')
            predicted, truth, labeled = read_poses(sample, 'keypoints_cam', 3, name, int(root))
            if not -truth.shape[1] <= int(root) < truth.shape[1]:
                raise ValueError(f'root_index {int(root)} of {name} is out of range: the pose has '
                                 f'{truth.shape[1]} joints')
            self.results += [(p, t, flag, int(root) % truth.shape[1])
                             for p, t, flag in zip(predicted, truth, labeled, strict=True)]

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Aggregate over all instances."""
        errors, labeled = self.aligned_errors(results, self.align)
        return self.summarize(errors, labeled, ALIGNMENTS[self.align])

    def summarize(self, errors: torch.Tensor, labeled: torch.Tensor,
                  prefix: str) -> dict[str, float]:
        """Metrics of the errors (N, K) in mm; the subclass's."""
        raise NotImplementedError

    def aligned_errors(self, results: list, align: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Errors (N, K) in mm, and which of them count, (N, K) bool."""
        predicted, truth, labeled, root = (
            torch.from_numpy(np.stack([r[i] for r in results])) for i in range(4))
        truth = torch.where(labeled[..., None], truth, 0)  # unlabelled joints may hold anything
        unplaced = predicted.isnan().flatten(1).all(1)
        if unplaced.all():
            raise ValueError(f'{type(self).__name__}: no instance has a root with a known depth '
                             '(labelled, or in front of the camera): name another root_index')
        if unplaced.any():
            MMLogger.get_current_instance().warning(
                f'{type(self).__name__}: {int(unplaced.sum())} of {len(unplaced)} instances are '
                'left out: the depth of their root, which is not labelled, is not known')
            predicted, truth, labeled, root = (
                v[~unplaced] for v in (predicted, truth, labeled, root))
        if align in ('root', 'scale'):
            rooted = labeled.gather(1, root[:, None])
            without = int((~rooted).sum())
            if without:
                MMLogger.get_current_instance().warning(
                    f'{type(self).__name__}: {without} of {len(rooted)} instances are left out: '
                    'their root joint is not labelled')
            labeled = labeled & rooted
            predicted, truth = root_align(predicted, root), root_align(truth, root)
        fitted = labeled
        if self.align_on == 'evaluated':
            some = torch.zeros(labeled.shape[1], dtype=torch.bool)
            names = joint_names(self.dataset_meta, labeled.shape[1])
            some[evaluated_joints(self.joints, self.groups, names)] = True
            fitted = labeled & some
        if align == 'scale':
            predicted = scale_align(predicted, truth, fitted)
        elif align == 'procrustes':
            predicted = procrustes_align(predicted, truth, fitted)
        return joint_errors(predicted, truth), labeled

    def by_group(self, key: str, per_joint: torch.Tensor, prefix: str = '') -> dict[str, float]:
        """``{prefix}{key}`` and, per group, ``{prefix}{key}/{group}`` of values (K,)."""
        names = joint_names(self.dataset_meta, len(per_joint))
        groups = resolve_groups(self.groups, names)
        joints = evaluated_joints(self.joints, self.groups, names)
        if per_joint[joints].isnan().all():
            raise ValueError(f'{type(self).__name__}: none of the evaluated joints {joints} is '
                             'labelled in any instance (for root-aligned metrics the root has to '
                             'be labelled, too): is this an unlabelled set?')
        metrics = {f'{prefix}{key}': float(per_joint[joints].nanmean())}
        for group, members in groups.items():
            if not per_joint[members].isnan().all():
                metrics[f'{prefix}{key}/{group}'] = float(per_joint[members].nanmean())
        return metrics


def read_poses(sample: dict, key: str, width: int,
               name: str | None, root: int | None = None
               ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predicted and true points (N, K, width) float64 and the label flags (N, K) of a sample.

    Predictions of instances whose joint ``root`` is not labelled may be NaN as a whole.

    Raises:
        ValueError: See :class:`CameraSpaceMetric`.
    """
    remedy = dict(
        keypoints_cam=('the model needs a 3D head and the sample its intrinsics and root depth',
                       'the data set needs 3D labels, and the packing transform has to map '
                       "keypoints_cam to gt_instances ('PackPoseInputs' of a 2D data set drops it)")
    ).get(key, ('the model needs a head that predicts them', 'the data set needs labels'))
    points = []
    for part, hint in zip(('pred_instances', 'gt_instances'), remedy, strict=True):
        fields = sample.get(part)
        if fields is None or key not in fields:
            raise ValueError(f'{name} has no {part}.{key}: {hint}')
        points.append(_array(fields[key], np.float64))
    predicted, truth = points
    for part, value in (('predicted', predicted), ('labelled', truth)):
        if value.ndim != 3 or value.shape[-1] != width:
            raise ValueError(f'{part} {key} of {name} must be (instances, K, {width}), '
                             f'got {value.shape}')
    if predicted.shape != truth.shape:
        raise ValueError(f'{predicted.shape[:2]} instances and joints predicted, '
                         f'{truth.shape[:2]} labelled ({name}): the head\'s number of joints and '
                         'the data set\'s metainfo must agree')
    if 'keypoints_visible' not in sample['gt_instances']:
        raise ValueError(f'{name} has no gt_instances.keypoints_visible: the packing transform '
                         'has to map it')
    labeled = _array(sample['gt_instances']['keypoints_visible'], np.float64)
    labeled = (labeled[..., 0] if labeled.ndim == 3 else labeled) > 0
    if labeled.shape != truth.shape[:2]:
        raise ValueError(f'keypoints_visible of {name} is {labeled.shape}, the poses are '
                         f'{truth.shape[:2]}')
    unplaced = behind = np.isnan(predicted).all((1, 2))
    if root is not None and -truth.shape[1] <= root < truth.shape[1]:
        unplaced, behind = unplaced & ~labeled[:, root], behind & (truth[:, root, -1] <= 0)
    if not np.isfinite(predicted[~unplaced if root is not None else slice(None)]).all():
        if root is not None and behind.any():
            raise ValueError(f'the labelled root (joint {root}) of {name} is not in front of the '
                             'camera (z <= 0), so that no prediction can be placed there: correct '
                             f'its {key}, or mark it as unlabelled')
        raise ValueError(f'{np.count_nonzero(~np.isfinite(predicted))} predicted coordinates of '
                         f'{name} are not finite: the model has diverged (lower the learning rate '
                         'or start from an earlier checkpoint), or its intrinsics are not valid')
    bad = labeled & ~np.isfinite(truth).all(-1)
    if bad.any():
        raise ValueError(f'joints {sorted(set(np.nonzero(bad)[1].tolist()))} of {name} are '
                         f'labelled (keypoints_visible > 0) but their {key} are not finite: '
                         'mark them as unlabelled in the data set')
    return predicted, truth, labeled


def _array(value, dtype) -> np.ndarray:
    value = value.detach().cpu() if isinstance(value, torch.Tensor) else value
    return np.asarray(value, dtype)
