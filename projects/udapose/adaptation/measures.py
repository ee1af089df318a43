"""What can be measured of predictions without labels, so that two models can be compared."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from .paths import neighbours
from .people import People, Predictions

#: Agreeing predictions are at most this far apart, as a fraction of the box's longer side.
NEAR = 0.05
#: A sure joint that moves farther than this was not kept.
KEPT = 0.1
#: A joint that moves less has not moved.
MOVED = 0.02
_TINY = 1e-9


@dataclass
class Measure:
    """One measure of a model, kept so that it can be computed again for any choice of people.

    Its value is ``(p0 - p1) / (p2 - p1)`` of the sums of ``parts`` over people: a mean if p1 is 0,
    agreement beyond chance (Cohen's kappa) otherwise.

    Args:
        parts (np.ndarray): (N, 3); a person whom the measure does not exist for has zeros.
        scale (float): Factor of the value, e.g. 100 for percent. Defaults to 100.
        low (float): Of the value. Defaults to minus infinity.
    """
    parts: np.ndarray
    scale: float = 100.
    low: float = -np.inf

    def value(self, weights: np.ndarray | None = None) -> np.ndarray:
        """The value for weights (..., N) of the people; NaN where nothing can be measured."""
        sums = self.parts.sum(0) if weights is None else weights @ self.parts
        over = sums[..., 2] - sums[..., 1]
        ratio = np.where(over > _TINY, (sums[..., 0] - sums[..., 1]) / np.where(
            over > _TINY, over, 1), 0.)
        return np.where(sums[..., 2] > _TINY, np.maximum(self.scale * ratio, self.low), np.nan)

    def per_person(self) -> np.ndarray:
        """(N,) values of single people, without correction for chance; NaN where absent."""
        over = self.parts[:, 2]
        return np.where(over > _TINY, self.scale * self.parts[:, 0] / np.where(
            over > _TINY, over, 1), np.nan)


@dataclass
class Measured:
    """Measures of two models over the same people.

    Attributes:
        before (dict[str, Measure]): Of the start model.
        after (dict[str, Measure]): Of the adapted one, the same keys.
        absent (dict[str, str]): Why a measure is missing.
    """
    before: dict[str, Measure] = field(default_factory=dict)
    after: dict[str, Measure] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)


def measure(before: Predictions, after: Predictions, people: People, meta: Mapping) -> Measured:
    """All label-free measures of two models.

    - ``agreement`` (percent beyond chance, greater is better): joints whose prediction in another
      view is within 5 % of the box's longer side; chance is the agreement with views of *other*
      people, so that a model which ignores the image gets 0.
    - ``witness`` (percent beyond chance, greater is better): the *start model's* other views, asked
      about the start model's answer (before) and about the adapted model's (after). Training
      cannot raise it by making a model agree with itself.
    - ``converse`` (percent beyond chance, greater is better): the start model's answer, asked by
      the start model's other views (before) and by the *adapted model's* (after).
    - ``kept`` (percent, greater is better): of the start model's sure joints (confidence above the
      joint's median, and views agree) those within 10 % of where they were; 100 before.
    - ``moved`` (percent): joints whose two predictions are more than 2 % of the box apart; 0
      before.
    - ``confidence`` (percent): mean; not for heads that give none.
    - ``jitter`` (percent of the box's side, less is better): second differences of a joint's path
      over three neighbouring frames. ``jitter_ratio`` (percent): in relation to the real motion.
    - ``bones`` (percent, less is better): deviation of bones, as a share of all of the pose's, from
      the track's median, or the median over all people where there are no tracks.
    - ``symmetry`` (percent, less is better): difference of left and right limbs.
    - ``implausible`` (percent of poses, less is better): a bone far longer than the start model's
      sure ones, a joint far outside of the box, or a pose shrunk to a point.
    - ``spread`` (percent of the box's side): how far the poses of people differ in their boxes;
      near 0, the model says the same of everybody.

    Args:
        before (Predictions): Of the start model.
        after (Predictions): Of the adapted model.
        people (People): Whom both were asked about.
        meta (Mapping): MMPose's ``dataset_meta``: ``skeleton_links``, ``flip_indices``.

    Raises:
        ValueError: Predictions and people do not fit each other.
    """
    check_shapes(before, after, people)
    found = Measured()
    sides = box_sides(people)
    _agreements(found, before, after, people, sides)
    _confidence(found, before, after, people, sides)
    _paths(found, before, after, people, sides)
    _bodies(found, before, after, people, sides, meta)
    for key, one in (('before', before), ('after', after)):
        places = relative(one.points, people, sides)
        away = np.linalg.norm(places - np.median(places, 0), axis=-1).mean(1)
        getattr(found, key)['spread'] = _mean(away)
    if len(people) < 2:
        for one in (found.before, found.after):
            one.pop('spread')
        found.absent['spread'] = 'there is one person only'
    return found


def check_shapes(before: Predictions, after: Predictions, people: People) -> None:
    """Refuse predictions of other people or other joints with one clear error."""
    if before.points.shape != after.points.shape:
        raise ValueError(f'the start model predicts {before.points.shape[1]} joints of '
                         f'{before.points.shape[0]} people, the adapted one '
                         f'{after.points.shape[1]} of {after.points.shape[0]}: compare two models '
                         'with the same joints over the same people')
    if len(people) != len(before.points):
        raise ValueError(f'{len(before.points)} predictions for {len(people)} people: predict '
                         'anew, the boxes have changed')
    if not len(people):
        raise ValueError('there is nobody to compare the models on: no box in the held-back frames')


def box_sides(people: People) -> np.ndarray:
    """(N,) longer sides of the boxes in pixels, at least 1."""
    return np.maximum((people.boxes[:, 2:] - people.boxes[:, :2]).max(1), 1.).astype(float)


def relative(points: np.ndarray, people: People, sides: np.ndarray) -> np.ndarray:
    """(..., N, K, 2) points as fractions of the box's longer side, from its middle."""
    middle = (people.boxes[:, :2] + people.boxes[:, 2:]) / 2
    return (points - middle[:, None]) / sides[:, None, None]


def _mean(values: np.ndarray, scale: float = 100.) -> Measure:
    """A mean over those people whose value is a number."""
    there = np.isfinite(values)
    return Measure(np.stack([np.where(there, values, 0), np.zeros(len(values)), there], 1), scale)


def _agreements(found: Measured, before, after, people, sides) -> None:
    if not len(before.views) or not len(after.views):
        found.absent.update(dict.fromkeys(('agreement', 'witness', 'converse'),
                                          'no views were asked for'))
        return
    (old, old_views), (new, new_views) = (
        (relative(p.points, people, sides), relative(p.views, people, sides))
        for p in (before, after))
    itself = agreement(old, old_views)
    found.before.update(agreement=itself, witness=itself, converse=itself)
    found.after.update(agreement=agreement(new, new_views), witness=agreement(new, old_views),
                       converse=agreement(old, new_views))


def agreement(points: np.ndarray, views: np.ndarray) -> Measure:
    """Agreement beyond chance of points with views.

    Args:
        points (np.ndarray): (N, K, 2) in box sides.
        views (np.ndarray): (V, N, K, 2) in box sides.
    """
    count = len(points)
    agreed = (np.linalg.norm(views - points, axis=-1) <= NEAR).mean((0, 2))
    chance = np.zeros(count)
    shifts = np.unique(np.linspace(1, count - 1, min(count - 1, 20)).round().astype(int)) \
        if count > 1 else ()
    for shift in shifts:  # every person with up to 20 others
        near = np.linalg.norm(np.roll(views, shift, 1) - points, axis=-1) <= NEAR
        chance += near.mean((0, 2)) / len(shifts)
    return Measure(np.stack([agreed, chance, np.ones(count)], 1))


def sure_joints(one: Predictions, people: People) -> np.ndarray:
    """(N, K) bool: confidence above the joint's median, and at least 3 in 4 views agree."""
    sides = box_sides(people)
    sure = one.confidence >= np.median(one.confidence, 0)
    if len(one.views):
        near = np.linalg.norm(one.views - one.points, axis=-1) <= NEAR * sides[:, None]
        sure = sure & (near.mean(0) >= 0.75)
    return sure


def _confidence(found: Measured, before, after, people, sides) -> None:
    sure = sure_joints(before, people)
    moved = np.linalg.norm(after.points - before.points, axis=-1) / sides[:, None]
    found.before['moved'] = _mean(np.zeros(len(moved)))
    found.after['moved'] = _mean((moved > MOVED).mean(1))
    number = sure.sum(1).astype(float)
    if number.sum():
        none = np.zeros(len(number))
        found.before['kept'] = Measure(np.stack([number, none, number], 1))
        found.after['kept'] = Measure(np.stack(
            [((moved <= KEPT) & sure).sum(1), none, number], 1))
    else:
        found.absent['kept'] = 'the start model is sure of no joint'
    if np.ptp(before.confidence) < 1e-6 and np.ptp(after.confidence) < 1e-6:
        found.absent['confidence'] = 'the model gives none'
        return
    found.before['confidence'] = _mean(before.confidence.mean(1).astype(float))
    found.after['confidence'] = _mean(after.confidence.mean(1).astype(float))


def _paths(found: Measured, before, after, people, sides) -> None:
    triples = neighbours(people)
    if not len(triples):
        reason = 'there are no three neighbouring frames of a person'
        found.absent.update(dict.fromkeys(('jitter', 'jitter_ratio'), reason))
        return
    middle = triples[:, 1]
    for key, one in (('before', before), ('after', after)):
        a, b, c = (one.points[triples[:, i]] for i in range(3))
        side = sides[middle][:, None]
        second = (np.linalg.norm(a - 2 * b + c, axis=-1) / side).mean(1)
        motion = (np.linalg.norm(c - a, axis=-1) / (2 * side)).mean(1)
        values = np.full((2, len(people)), np.nan)
        values[:, middle] = second, motion
        there = np.isfinite(values[0])
        second, motion = np.where(there, values, 0)
        none = np.zeros(len(people))
        measures = getattr(found, key)
        measures['jitter'] = Measure(np.stack([second, none, there], 1))
        measures['jitter_ratio'] = Measure(np.stack([second, none, motion + 1e-4 * there], 1))


def _bodies(found: Measured, before, after, people, sides, meta) -> None:
    from . import bodies
    links = bodies.bones(meta, before.points.shape[1])
    if not len(links):
        reason = 'the joint set has no skeleton_links'
        found.absent.update(dict.fromkeys(('bones', 'symmetry'), reason))
    pairs = bodies.symmetric_bones(links, meta)
    if len(links) and not len(pairs):
        found.absent['symmetry'] = 'the joint set has no left and right limbs'
    limits = bodies.limits(before, sure_joints(before, people), links, sides)
    for key, one in (('before', before), ('after', after)):
        measures, length = getattr(found, key), bodies.lengths(one.points, links)
        if len(links):
            measures['bones'] = _mean(bodies.variation(length, sides, people))
        if len(pairs):
            measures['symmetry'] = _mean(bodies.asymmetry(length, sides, pairs))
        measures['implausible'] = _mean(
            bodies.implausible(one.points, length, limits, people, sides).astype(float))
