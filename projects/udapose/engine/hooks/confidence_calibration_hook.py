"""Thresholds of confidence for pseudo-labels, measured on labelled source images."""
from __future__ import annotations

import logging

import numpy as np
import torch
from mmengine.dist import all_gather_object
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from ...models.pose_estimators.plain_models import head_output
from ...models.utils.calibration import precision_thresholds


@HOOKS.register_module()
class ConfidenceCalibrationHook(Hook):
    """Give a mean teacher a least confidence for each joint, at which the source is predicted well.

    On labelled source images that were not trained on it is known which predictions are correct.
    Per joint, left and right pooled, the lowest confidence is taken above which the share of
    correct predictions reaches ``precision``. Pseudo-labels on the target must be above it
    (``MeanTeacherPoseEstimator.set_joint_thresholds``), besides ``confidence_quantile``, which is
    best set to 0 then. On the target the precision will be lower, as confidence is calibrated for
    the source: ask for more than is needed.

    Measured with the teacher, in ``train_cfg.extra_views`` too, at the start of the training and
    then every ``interval`` iterations. A resumed run continues with the thresholds of its
    checkpoint.

    Args:
        dataloader (dict): Of labelled source images with the test pipeline, as a
            ``val_dataloader``.
        precision (float): Wanted share of correct predictions, in (0, 1]. Defaults to 0.8.
        threshold (float): Correct: error up to this fraction of the input's longer side. Defaults
            to 0.05.
        least (float): Share of entries that a joint keeps which reaches the precision nowhere.
            Defaults to 0.05.
        interval (int, optional): Iterations between measurements. Defaults to the start only.

    Raises:
        ValueError: Arguments out of range; images without labels; a head without confidence.
        TypeError: The model is no mean teacher.
    """

    priority = 'LOW'  # after EMATeacherHook has made the teacher what it is

    def __init__(self, dataloader: dict, precision: float = 0.8, threshold: float = 0.05,
                 least: float = 0.05, interval: int | None = None) -> None:
        for name, value in dict(precision=precision, least=least).items():
            if not 0 < value <= 1:
                raise ValueError(f'ConfidenceCalibrationHook: {name} must be in (0, 1], got '
                                 f'{value}')
        if threshold <= 0 or interval is not None and interval < 1:
            raise ValueError('ConfidenceCalibrationHook: threshold must be positive and interval '
                             f'at least 1, got {threshold} and {interval}')
        self.dataloader, self.precision, self.threshold = dataloader, precision, threshold
        self.least, self.interval = least, interval
        self.thresholds: list | None = None

    def before_train(self, runner) -> None:
        """Measure, or take what the checkpoint of a resumed run brought."""
        model = _unwrap(runner.model)
        if not hasattr(model, 'set_joint_thresholds'):
            raise TypeError('ConfidenceCalibrationHook needs a MeanTeacherPoseEstimator, got '
                            f'{type(model).__name__}')
        if not model.readout.has_confidence and model.extra_views is None:
            raise ValueError(f'ConfidenceCalibrationHook: {type(model.student.head).__name__} '
                             'gives no confidence; train_cfg.extra_views would give it one')
        self.dataloader = Runner.build_dataloader(self.dataloader) \
            if isinstance(self.dataloader, dict) else self.dataloader
        if self.thresholds is None:
            self._measure(model)
        else:
            model.set_joint_thresholds(self.thresholds)

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Measure again."""
        if self.interval and (runner.iter + 1) % self.interval == 0:
            self._measure(_unwrap(runner.model))

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Keep the thresholds for a later resume."""
        checkpoint['joint_thresholds'] = self.thresholds

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Continue with the thresholds when the run is resumed."""
        if runner._resume:
            self.thresholds = checkpoint.get('joint_thresholds')

    @torch.no_grad()
    def _measure(self, model) -> None:
        parts, training = [], model.training
        model.eval()
        for batch in self.dataloader:
            parts += _judge(model, batch, self.threshold)
        model.train(training)
        gathered = [part for parts in all_gather_object(parts) for part in parts]
        confidence, correct, known = (np.stack(x) for x in zip(*gathered, strict=True))
        if not known.any():
            raise ValueError('ConfidenceCalibrationHook: none of its images has labels')
        meta = self.dataloader.dataset.metainfo
        thresholds, shares = precision_thresholds(
            confidence, correct, known, self.precision, meta.get('flip_indices'), self.least)
        self.thresholds = thresholds.tolist()
        model.set_joint_thresholds(self.thresholds)
        names = meta.get('keypoint_id2name', {})
        above = known & (confidence > thresholds)
        reached = np.where(above, correct, False).sum(0) / np.maximum(above.sum(0), 1)
        low = reached < self.precision - 1e-9
        print_log(f'confidence calibrated on {len(confidence)} source images for a precision of '
                  f'{self.precision:g} within {self.threshold:g} of the side; per joint threshold, '
                  'kept share, precision: ' + '; '.join(
                      f'{names.get(j, j)} {thresholds[j]:.3f}, {shares[j]:.2f}, {reached[j]:.2f}'
                      for j in range(len(thresholds))), logger='current',
                  level=logging.WARNING if (shares <= self.least + 1e-9)[low].any()
                  else logging.INFO)


def _judge(model, batch: dict, threshold: float) -> list[tuple]:
    """Confidence, correctness and whether it is labelled, of each instance's joints."""
    data = model.data_preprocessor(batch, False)
    images, samples = data['inputs'], data['data_samples']
    flip_indices = None if model.extra_views is None else torch.as_tensor(
        samples[0].metainfo['flip_indices'])
    # as for pseudo-labels: the confidence that the thresholds are for
    points, confidence = model.read(model.teacher, images, head_output(model.teacher, images),
                                    flip_indices)
    points = points.cpu().numpy() * model.readout.scale_factor  # input pixels
    judged = []
    for sample, predicted, values in zip(samples, points, confidence.cpu().numpy(), strict=True):
        truth = sample.gt_instances
        size = np.asarray(sample.input_size, np.float64)
        expected = ((truth['keypoints'][0] - np.asarray(sample.input_center))
                    / np.asarray(sample.input_scale) + 0.5) * size
        labelled = np.asarray(truth['keypoints_visible'][0])
        labelled = (labelled[..., 0] if labelled.ndim == 2 else labelled) > 0
        error = np.linalg.norm(np.where(labelled[:, None], predicted - expected, 0), axis=-1)
        judged.append((values, error <= threshold * size.max(), labelled))
    return judged


def _unwrap(model):
    return model.module if is_model_wrapper(model) else model
