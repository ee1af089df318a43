"""How the verdict without labels is decided; docs/verdict.md says where the numbers are from."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

BETTER, SAME, WORSE, UNKNOWN = 'better', 'no clear change', 'worse', 'cannot be told'
#: Share of the resampled data sets whose estimate must say so.
AGREED = {BETTER: 0.85, WORSE: 0.6}
#: Fewer independent groups never give 'better'.
FEWEST = 5
#: How often the word is right, carefully (docs/verdict.md: in fresh runs 18 of 18 and 17 of 19; few
#: are of the other kind).
RELIABLE = {BETTER: 0.9, SAME: 0.8, WORSE: 0.85}


@dataclass(frozen=True)
class Rule:
    """Thresholds, in the measures' units; docs/verdict.md says on which runs they were chosen.

    Args:
        known (float): The start model must agree with itself more than this, else nothing can be
            told.
        trust (float): How much the lower estimate of the change counts if the start model agrees
            with itself in 100 %, see :func:`estimate`.
        gain (float): The estimate must be above for 'better'.
        loss (float): And below for 'worse'. Between the two, signs are too weak to tell.
        still (float): If no more than this share of joints moved at all, and it is neither better
            nor worse, there is no clear change.
        moved (float): 'Better' needs this share of joints that moved.
        kept (float): And this share of the start model's sure joints must have stayed.
        witness (float): And the start model's views must agree with the adapted model at least
            this fraction as often as with the start model.
        implausible (float): And implausible poses may rise by this much.
        collapse (float): A model whose poses differ less than this fraction of what they did, and
            with whom the witness agrees less, has collapsed: 'worse'.
    """
    known: float = 20.
    trust: float = 0.8
    gain: float = 2.
    loss: float = -2.
    still: float = 15.
    moved: float = 20.
    kept: float = 90.
    witness: float = 0.7
    implausible: float = 15.
    collapse: float = 0.3


def estimate(before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray],
             rule: Rule | None = None) -> np.ndarray:
    """Estimate of the change of accuracy, from how often looks of the two models agree.

    If p and q are the shares of joints that the start model and the adapted one get right, and
    two looks agree when both are right, then two looks of the start model agree in p * p, one of
    each model in p * q, two of the adapted one in q * q. Looks of *one* model err alike, too:

    - ``(qq - pp) / 2`` is too high if training has made the adapted model err more alike;
    - ``pq - pp`` is too low, since looks of two models err less alike than those of one.

    The truth is between them. The lower one deserves the more trust the more of the start model's
    answers are right: leaving wrong ones costs nothing.

    Args:
        before (Mapping[str, np.ndarray]): ``agreement`` of the start model.
        after (Mapping[str, np.ndarray]): ``agreement``, ``witness`` and ``converse``.
        rule (Rule, optional): Gives ``trust``.

    Returns:
        np.ndarray: Points of agreement beyond chance, of the arrays' shape; above 0 is better.
    """
    start = before['agreement']
    high = (after['agreement'] - start) / 2
    low = (after['witness'] + after['converse']) / 2 - start
    trust = (rule or Rule()).trust * np.clip(start, 0, 100) / 100
    return (1 - trust) * high + trust * low


def decide(before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray], groups: int,
           rule: Rule | None = None) -> tuple[str, float, list[str]]:
    """Word, how sure, and reasons.

    The estimate is made for each resampled data set, too; a word needs most of them. The other
    conditions are asked of the data as they are.

    Args:
        before (Mapping[str, np.ndarray]): By the measure's name: its value for the data as they
            are, then for the resampled ones. A measure may be absent.
        after (Mapping[str, np.ndarray]): Likewise.
        groups (int): How many groups were resampled.
        rule (Rule, optional): Other thresholds.
    """
    rule = rule or Rule()
    if 'witness' not in before:
        return UNKNOWN, 0., ['there are no other views of the people to judge by']
    known = before['agreement'][0]
    if not known > rule.known:
        return UNKNOWN, 0., [weak_start(known)]
    better, worse = (bool(v[0]) for v in votes(before, after, rule))
    change = estimate(before, after, rule)[1:]
    shares = {BETTER: float((change > rule.gain).mean()), WORSE: float((change < rule.loss).mean())}
    if collapsed(before, after, rule)[0]:
        shares[WORSE] = 1.
    reasons = _reasons(before, after, rule)
    if worse and shares[WORSE] >= AGREED[WORSE]:
        word = WORSE
    elif better and shares[BETTER] >= AGREED[BETTER] and groups >= FEWEST:
        word = BETTER
    elif after['moved'][0] <= rule.still:
        word = SAME
    else:
        reasons.append(
            f'there are only {groups} independent pieces of video, too few to say more'
            if better and groups < FEWEST else
            'these signs are too weak or contradict each other')
        return UNKNOWN, 0., reasons
    return word, RELIABLE[word] * shares.get(word, 1.), reasons


def votes(before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray], rule: Rule
          ) -> tuple[np.ndarray, np.ndarray]:
    """Where the rule says 'better' and where 'worse': two bool arrays of the values' shape."""
    change = estimate(before, after, rule)
    worse = (change < rule.loss) | collapsed(before, after, rule)
    better = ~worse & (change > rule.gain) & (after['moved'] > rule.moved) & \
        (after['witness'] >= rule.witness * before['witness'])
    if 'kept' in after:
        better &= ~(after['kept'] < rule.kept)
    if 'implausible' in after:
        better &= ~(after['implausible'] - before['implausible'] > rule.implausible)
    return better, worse


def collapsed(before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray],
              rule: Rule | None = None) -> np.ndarray:
    """Where the adapted model says nearly the same of everybody: bool of the values' shape."""
    if 'spread' not in before or 'witness' not in before:
        return np.zeros(np.shape(after['moved']), bool)
    # without gross errors poses differ less, too; but then the witness does not disagree
    return (after['spread'] < (rule or Rule()).collapse * before['spread']) & \
        (after['witness'] < before['witness'])


def weak_start(known: float) -> str:
    """Why nothing can be told of a start model that agrees with itself in ``known`` percent."""
    return (f'the start model knows too little of these frames: its answers for the same person, '
            f'seen again, agree in {max(known, 0):.0f} % beyond chance, and more than '
            f'{Rule().known:.0f} % are needed to judge by them')


def _reasons(before, after, rule: Rule) -> list[str]:
    """What the data as they are say."""
    def more(name):
        change = after[name][0] - before[name][0]
        return f'{abs(change):.1f} points {"more" if change > 0 else "less"} often'
    change = estimate(before, after, rule)
    moved = after['moved'][0]
    said = [f'the accuracy is estimated to change by {change[0]:+.1f} points of agreement (above '
            f'0 in {100 * (change[1:] > 0).mean():.0f} % of the resampled data)',
            f'the model agrees with itself {more("agreement")}',
            f'the start model\'s other views agree with the adapted model {more("witness")} than '
            'with the start model',
            f'the adapted model\'s other views agree with the start model {more("converse")} than '
            'the start model\'s do',
            f'{moved:.1f} % of the joints moved by more than 2 % of the box'
            + (', too few to matter much' if moved <= rule.still else '')]
    if 'kept' in after and np.isfinite(after['kept'][0]):
        said.append(f'{after["kept"][0]:.0f} % of the start model\'s sure joints stayed in place')
    if collapsed(before, after, rule)[0]:
        said.append('the adapted model says nearly the same of everybody')
    return said
