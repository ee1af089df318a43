"""Options of a mean teacher's training step, checked."""
from __future__ import annotations

from ..readouts import Readout

_DEFAULTS = dict(confidence_quantile=0.5, per_joint_quantile=False, min_confidence=0.,
                 peaks_from=None, joint_forward=True, teacher_norm='ema',
                 compare_frame='student', valid_mask=True, source_free=False,
                 student_norm='batch', frozen_teacher=False)
_CHOICES = dict(peaks_from=(None, 'warped', 'teacher'), teacher_norm=('ema', 'batch'),
                compare_frame=('student', 'base'), valid_mask=(True, False),
                source_free=(False, True), student_norm=('batch', 'frozen'))


def train_options(given: dict | None, readout: Readout) -> dict:
    """Complete ``train_cfg`` with defaults.

    Args:
        given (dict, optional): What the config says.
        readout (Readout): Of the student; only maps can be warped.

    Returns:
        dict: All keys, see :class:`MeanTeacherPoseEstimator`.

    Raises:
        ValueError: Unknown keys, values out of range, or a warp of an output that is no map.
    """
    unknown = set(given or {}) - set(_DEFAULTS)
    if unknown:
        raise ValueError(f'unknown keys {sorted(unknown)} in train_cfg of '
                         f'MeanTeacherPoseEstimator; known are {sorted(_DEFAULTS)}')
    cfg = {**_DEFAULTS, **(given or {})}
    for key, choices in _CHOICES.items():
        if cfg[key] not in choices:
            raise ValueError(f'train_cfg.{key} must be one of {choices}, got {cfg[key]!r}')
    maps = readout.kind == 'maps'
    if not maps and (cfg['peaks_from'] == 'warped' or cfg['compare_frame'] == 'base'):
        key = 'peaks_from' if cfg['peaks_from'] == 'warped' else 'compare_frame'
        raise ValueError(
            f'train_cfg.{key}={cfg[key]!r} warps heatmaps, but this head predicts '
            f'{readout.kind} ({type(readout.codec).__name__}): leave {key} out, its points are '
            "brought into the student's view exactly")
    if cfg['peaks_from'] is None:
        cfg['peaks_from'] = 'warped' if maps else 'teacher'
    return cfg
