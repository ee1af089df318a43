"""Options of a mean teacher's training step, checked."""
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ..readouts import Readout
from .extra_views import check_extra_views

_DEFAULTS = dict(confidence_quantile=0.5, per_joint_quantile=False, min_confidence=0.,
                 peaks_from=None, joint_forward=True, teacher_norm='ema',
                 compare_frame='student', valid_mask=True, source_free=False,
                 student_norm='batch', trained='all', frozen_teacher=False, extra_views=())
_CHOICES = dict(peaks_from=(None, 'warped', 'teacher'), teacher_norm=('ema', 'batch'),
                compare_frame=('student', 'base'), valid_mask=(True, False),
                source_free=(False, True), student_norm=('batch', 'frozen'),
                trained=('all', 'norm'))


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
    _check_selection(cfg)
    cfg['extra_views'] = check_extra_views(cfg['extra_views'])
    maps = readout.kind == 'maps'
    if not maps and (cfg['peaks_from'] == 'warped' or cfg['compare_frame'] == 'base'):
        key = 'peaks_from' if cfg['peaks_from'] == 'warped' else 'compare_frame'
        raise ValueError(
            f'train_cfg.{key}={cfg[key]!r} warps heatmaps, but this head predicts '
            f'{readout.kind} ({type(readout.codec).__name__}): leave {key} out, its points are '
            "brought into the student's view exactly")
    if cfg['extra_views'] and cfg['peaks_from'] == 'warped':
        raise ValueError("train_cfg.peaks_from='warped' reads one warped heatmap, but "
                         "train_cfg.extra_views brings points of several together: peaks_from="
                         "'teacher' reads these")
    if cfg['peaks_from'] is None:
        cfg['peaks_from'] = 'warped' if maps and not cfg['extra_views'] else 'teacher'
    return cfg


def check_parts(alignments: Mapping | None, student_augments: Sequence | None) -> None:
    """Terms have names, augmentations an order: each is easily written as the other.

    Args:
        alignments (Mapping, optional): Config of each term by its name; None leaves one out.
        student_augments (Sequence, optional): Configs.

    Raises:
        ValueError: Something else was given; shows the form.
    """
    def is_part(cfg) -> bool:
        return isinstance(cfg, Mapping) and 'type' in cfg
    if alignments and not (isinstance(alignments, Mapping) and all(
            cfg is None or is_part(cfg) for cfg in alignments.values())):
        raise ValueError('model.alignments has a name of your choice for each term, for example '
                         f"dict(feature=dict(type='DomainAdversarialLoss', ...)), got {alignments}")
    if student_augments and not (isinstance(student_augments, (list, tuple))
                                 and all(map(is_part, student_augments))):
        raise ValueError('model.student_augments is a list, for example '
                         f"[dict(type='AdaptiveKeypointOcclusion')], got {student_augments}")


_SCHEDULE = dict(start=None, end=None, begin=0., until=1., shape='linear')


def _check_selection(cfg: dict) -> None:
    """Which pseudo-labels are kept: shares in [0, 1], thresholds numbers."""
    quantile, key = cfg['confidence_quantile'], 'train_cfg.confidence_quantile'
    if isinstance(quantile, Sequence) and not isinstance(quantile, str) and len(quantile) == 2:
        quantile = dict(start=quantile[0], end=quantile[1])
    if isinstance(quantile, Mapping):
        unknown = set(quantile) - set(_SCHEDULE)
        if unknown or not {'start', 'end'} <= set(quantile):
            raise ValueError(f'{key} is a number, a pair (start, end), or a schedule '
                             'dict(start=.., end=..) with '
                             f'{sorted(set(_SCHEDULE) - {"start", "end"})} as options, got '
                             f'{dict(quantile)}')
        cfg['confidence_quantile'] = quantile = {**_SCHEDULE, **quantile}
        if quantile['shape'] not in ('linear', 'cosine'):
            raise ValueError(f"{key}.shape must be 'linear' or 'cosine', got "
                             f'{quantile["shape"]!r}')
        if not 0 <= quantile['begin'] < quantile['until'] <= 1:
            raise ValueError(f'{key}: 0 <= begin < until <= 1 (shares of the training), got '
                             f'{quantile["begin"]} and {quantile["until"]}')
        shares = quantile['start'], quantile['end']
    else:
        shares = (quantile,)
    if not all(isinstance(s, (int, float)) and 0 <= s <= 1 for s in shares):
        raise ValueError(f'{key} is the rejected share, in [0, 1], got {quantile!r}')
    minimum = cfg['min_confidence']
    numbers = minimum if isinstance(minimum, Sequence) and not isinstance(minimum, str) \
        else [minimum]
    if not all(isinstance(n, (int, float)) for n in numbers):
        raise ValueError('train_cfg.min_confidence must be a number, or a list with one for each '
                         f'joint, got {minimum!r}')


def scheduled_quantile(quantile: float | Mapping, progress: float) -> float:
    """The rejected share at a time of the training.

    Args:
        quantile (float | Mapping): Constant; or checked by :func:`train_options`: from ``start``
            at the share ``begin`` of the training to ``end`` at ``until``, constant before and
            after, along a line or half a cosine.
        progress (float): Share of the training that is done, in [0, 1].

    Returns:
        float: In [0, 1].
    """
    if not isinstance(quantile, Mapping):
        return quantile
    t = (progress - quantile['begin']) / (quantile['until'] - quantile['begin'])
    t = min(max(t, 0.), 1.)
    if quantile['shape'] == 'cosine':
        t = (1 - math.cos(math.pi * t)) / 2
    return quantile['start'] + t * (quantile['end'] - quantile['start'])
