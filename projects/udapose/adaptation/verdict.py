"""Is the adapted model better than the start model? A word, how sure, and the numbers behind."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from .bootstrap import FEWEST, groups, interval, resampled
from .labels import check_corrected, read_labels, scores
from .measures import agreement, box_sides, check_shapes, measure, relative
from .people import People, Predictions
from .rule import BETTER, SAME, UNKNOWN, WORSE, Rule, collapsed, decide, weak_start

#: Title, unit, and what is better (None: neither) of every measure, in the order of the report.
NAMES = {
    'PCK@0.05': ('joints within 5 % of the box', 'percent', 'higher'),
    'PCK@0.1': ('joints within 10 % of the box', 'percent', 'higher'),
    'OKS': ('object keypoint similarity', 'percent', 'higher'),
    'witness': ("agreement with the start model's other views", 'percent beyond chance', 'higher'),
    'converse': ("agreement of the adapted model's other views with the start model",
                 'percent beyond chance', 'higher'),
    'moved': ('joints that moved by more than 2 % of the box', 'percent', None),
    'kept': ("the start model's sure joints that stayed", 'percent', 'higher'),
    'agreement': ('agreement of views', 'percent beyond chance', 'higher'),
    'confidence': ('confidence', 'percent', 'higher'),
    'jitter': ('jitter between frames', 'percent of the box', 'lower'),
    'jitter_ratio': ('jitter in relation to motion', 'percent', 'lower'),
    'bones': ('variation of bone lengths', 'percent', 'lower'),
    'symmetry': ('difference of left and right limbs', 'percent', 'lower'),
    'implausible': ('implausible poses', 'percent', 'lower'),
    'spread': ('difference between poses', 'percent of the box', None)}


@dataclass
class Verdict:
    """What :func:`judge` says.

    Attributes:
        word (str): ``'better'``, ``'no clear change'``, ``'worse'``, or, without labels,
            ``'cannot be told'``: the signs are too weak, or the start model knows too little of the
            frames.
        sure (float): 0 to 1; without labels how often the word was right in the runs that it was
            checked on, times the share of resampled data sets that say so.
        sentence (str): The verdict in words.
        by (str): ``'labels'`` or ``'no labels'``.
        measures (list[dict]): ``name``, ``title``, ``unit``, ``before``, ``after``,
            ``difference``, ``interval`` (90 % of the difference), ``better`` (``'higher'``,
            ``'lower'`` or None); numbers are None where there is none.
        absent (dict[str, str]): Measures that do not exist here, and why.
        reasons (list[str]): What decided.
        people (int): How many the models were compared on.
        groups (int): Videos, images or pieces of videos that were resampled.
        labelled (int): How many of the people have labels.
        collapsed (bool): Whether the adapted model says nearly the same of everybody.
        note (str): What was left out, empty if nothing.
    """
    word: str
    sure: float
    sentence: str
    by: str
    measures: list[dict] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    people: int = 0
    groups: int = 0
    labelled: int = 0
    collapsed: bool = False
    note: str = ''

    def to_dict(self) -> dict:
        """For ``verdict.json``: plain numbers, lists and strings."""
        return asdict(self)


def judge(before: Predictions, after: Predictions, people: People, meta: Mapping,
          labels: str | Path | None = None, samples: int = 2000, seed: int = 0) -> Verdict:
    """Compare an adapted model with the one that it was adapted from.

    With labels, the verdict is that of PCK and OKS on the labelled people; without, that of
    measures which were checked against the truth in many runs (docs/verdict.md).

    Args:
        before (Predictions): Of the start model for ``people``.
        after (Predictions): Of the adapted model for the same people.
        people (People): Best those that the training has not seen; with labels also the labelled
            ones.
        meta (Mapping): MMPose's ``dataset_meta`` of the model.
        labels (str | Path, optional): A COCO keypoint file that labels some of the people, found
            by the frame's file name and the box. 20 frames are enough.
        samples (int): Of the bootstrap. Defaults to 2000.
        seed (int): Of the bootstrap. Defaults to 0.

    Returns:
        Verdict: With all measures, also those that did not decide.

    Raises:
        ValueError: Nobody to compare on; predictions that do not fit; labels of other joints or
            other frames.

    Example:
        >>> verdict = judge(before, after, People.load('run/held_back.json'), predictor.meta)
        >>> verdict.word, verdict.sure, verdict.sentence
    """
    check_shapes(before, after, people)
    known = None if labels is None else read_labels(labels, people, meta, before.points.shape[1])
    found = measure(before, after, people, meta)
    group = groups(people)
    weights = resampled(group, samples, seed)
    count = int(group.max()) + 1
    rows, samples_of, differences = [], {}, {}
    true = {}
    if known is not None:
        check_corrected(known, after, labels)
        true = {key: (scores(before, known, people, meta)[key],
                      scores(after, known, people, meta)[key])
                for key in ('PCK@0.05', 'PCK@0.1', 'OKS')}
    for name in NAMES:
        pair = true.get(name) or (found.before.get(name), found.after.get(name))
        if pair[0] is not None:
            samples_of[name] = tuple(np.append(m.value(), m.value(weights)) for m in pair)
            differences[name] = np.subtract(*samples_of[name][::-1])[1:]
            rows.append(_compare(name, *samples_of[name]))
    values = {row['name']: row for row in rows}
    pair = [{k: v[i] for k, v in samples_of.items()} for i in (0, 1)]
    if known is None:
        word, sure, reasons = decide(*pair, count)
    else:
        word, sure, reasons = _by_labels(values, differences, len(known.index))
    return Verdict(
        word=word, sure=round(float(sure), 2), by='no labels' if known is None else 'labels',
        sentence=_sentence(word, sure, values, known, people, count), measures=rows,
        absent=found.absent, reasons=reasons, people=len(people), groups=count,
        labelled=0 if known is None else len(known.index),
        collapsed=known is None and bool(collapsed(*pair)[0]),
        note='' if known is None else known.note)


def warn_of_start(before: Predictions, people: People) -> str:
    """What must be said before the training if nobody will be able to judge without labels.

    Args:
        before (Predictions): Of the start model for ``people``.
        people (People): The held-back ones.

    Returns:
        str: A sentence; empty if the start model knows enough.
    """
    if not len(before.views) or not len(people):
        return ''
    sides = box_sides(people)
    known = float(agreement(*(relative(p, people, sides) for p in (before.points, before.views)))
                  .value())
    if known > Rule().known:
        return ''
    return (f'{weak_start(known)}. Without labels, the verdict will be "{UNKNOWN}"; the run '
            'ends with 20 frames that are worth labelling for --labels (worth_labelling.json)')


def _compare(name: str, before: np.ndarray, after: np.ndarray) -> dict:
    """One row of the table from values for the data as they are and for resampled ones."""
    title, unit, better = NAMES[name]
    return dict(name=name, title=title, unit=unit, better=better, before=_number(before[0]),
                after=_number(after[0]), difference=_number(after[0] - before[0]),
                interval=[_number(x) for x in interval((after - before)[1:])])


def _number(value: float) -> float | None:
    return round(float(value), 3) if np.isfinite(value) else None


def _by_labels(values: dict, differences: dict, people: int) -> tuple[str, float, list[str]]:
    """Better or worse if the mean of PCK@0.05, PCK@0.1 and OKS has clearly changed."""
    names = ('PCK@0.05', 'PCK@0.1', 'OKS')
    samples = np.mean([differences[n] for n in names], 0)
    samples = samples[np.isfinite(samples)]
    low, high = interval(samples)
    rises = float((samples > 0).mean() + 0.5 * (samples == 0).mean()) if len(samples) else 0.5
    reasons = [f'the mean of PCK@0.05, PCK@0.1 and OKS changed by '
               f'{np.mean([values[n]["difference"] for n in names]):+.1f} points on {people} '
               f'labelled people (90 % interval {low:+.1f} to {high:+.1f})']
    if low > 0:
        return BETTER, min(rises, 0.99), reasons
    if high < 0:
        return WORSE, min(1 - rises, 0.99), reasons
    return SAME, float(2 * min(rises, 1 - rises)), reasons


def _sentence(word, sure, values, known, people, count) -> str:
    if known is not None:
        change = values['PCK@0.1']
        what = dict(zip((BETTER, SAME, WORSE), (
            'The adapted model is better', 'There is no clear change',
            'The adapted model is worse')))[word]
        return (f'{what}, by the labels of {len(known.index)} people: '
                f'{change["before"]:.0f} % of the joints were within 10 % of the box before, '
                f'{change["after"]:.0f} % are after ({100 * sure:.0f} % sure).')
    few = '' if count >= FEWEST else \
        f' There are only {count} independent pieces of video to compare on.'
    on = f'{len(people)} {"person" if len(people) == 1 else "people"} in held-back frames'
    if word == UNKNOWN:
        return (f'Without labels it cannot be told whether the adapted model is better, judged on '
                f'{on}: label about 20 of them (worth_labelling.json) and give them with '
                f'--labels.{few}')
    what = {
        BETTER: f'The adapted model is probably better, judged without labels on {on}',
        SAME: f'There is no clear change, judged without labels on {on}',
        WORSE: f'The adapted model is probably worse, judged without labels on {on}'}[word]
    return f'{what} ({100 * sure:.0f} % sure).{few}'
