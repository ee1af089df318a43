"""How the verdict without labels is decided; docs/verdict.md says where the numbers are from."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

BETTER, SAME, WORSE = 'better', 'no clear change', 'worse'
#: Share of the resampled data sets that must say so.
AGREED = {BETTER: 0.9, WORSE: 0.6}
#: Fewer independent groups never give 'better'.
FEWEST = 5
#: How often the word was right in the runs that the rule was not chosen on (docs/verdict.md).
RELIABLE = {BETTER: 0.9, SAME: 0.5, WORSE: 0.65}


@dataclass(frozen=True)
class Rule:
    """Thresholds, in the measures' units; chosen on half of the runs of docs/verdict.md.

    Args:
        known (float): The start model must agree with itself this much, else it is no witness.
        gain (float): The witness must agree this much more for 'better'.
        moved (float): And this share of the joints must have moved.
        kept (float): And this share of its sure joints must have stayed.
        implausible (float): And implausible poses may rise by this much.
        loss (float): 'worse' if the witness's change plus half the agreement's is below.
        collapse (float): Or if the poses differ less than this fraction of what they did, and the
            witness agrees less.
    """
    known: float = 20.
    gain: float = 3.
    moved: float = 8.
    kept: float = 90.
    implausible: float = 5.
    loss: float = -8.
    collapse: float = 0.3


def decide(before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray], groups: int,
           rule: Rule | None = None) -> tuple[str, float, list[str]]:
    """Word, how sure, and reasons.

    The rule is applied to the measures of each resampled data set; a word needs most of them.

    Args:
        before (Mapping[str, np.ndarray]): By the measure's name: its value for the data as they
            are, then for the resampled ones. A measure may be absent.
        after (Mapping[str, np.ndarray]): Likewise.
        groups (int): How many groups were resampled.
        rule (Rule, optional): Other thresholds.
    """
    rule = rule or Rule()
    if 'witness' not in before:
        return SAME, 0., ['there are no other views of the people to judge by']
    change = {name: after[name] - before[name] for name in before}
    better, worse = votes(before, after, rule)
    shares = {BETTER: float(better[1:].mean()), WORSE: float(worse[1:].mean())}
    reasons = _reasons(change, after, rule)
    word = SAME
    if worse[0] and shares[WORSE] >= AGREED[WORSE]:
        word = WORSE
    elif better[0] and shares[BETTER] >= AGREED[BETTER]:
        if groups >= FEWEST:
            word = BETTER
        else:
            reasons.append(f'there are only {groups} independent pieces of video, too few to say '
                           'more')
    share = shares.get(word, 1 - max(shares.values()))
    return word, RELIABLE[word] * share, reasons


def votes(before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray], rule: Rule
          ) -> tuple[np.ndarray, np.ndarray]:
    """Where the rule says 'better' and where 'worse': two bool arrays of the values' shape."""
    witness = after['witness'] - before['witness']
    agreement = after['agreement'] - before['agreement']
    knows = before['witness'] > rule.known
    worse = knows & (witness + agreement / 2 < rule.loss)
    if 'spread' in before:
        # without gross errors poses differ less, too; but then the witness does not disagree
        worse |= (after['spread'] < rule.collapse * before['spread']) & (witness < 0)
    better = knows & ~worse & (witness > rule.gain) & (after['moved'] > rule.moved)
    if 'kept' in after:
        better &= ~(after['kept'] < rule.kept)
    if 'implausible' in after:
        better &= ~(after['implausible'] - before['implausible'] > rule.implausible)
    return better, worse


def _reasons(change, after, rule: Rule) -> list[str]:
    """What the data as they are say."""
    said = [f'the start model\'s other views agree with the adapted model '
            f'{abs(change["witness"][0]):.1f} points '
            f'{"more" if change["witness"][0] > 0 else "less"} often than with the start model',
            f'the model agrees with itself {abs(change["agreement"][0]):.1f} points '
            f'{"more" if change["agreement"][0] > 0 else "less"} often',
            f'{after["moved"][0]:.1f} % of the joints moved by more than 10 % of the box'
            + (', too few to matter much' if after['moved'][0] <= rule.moved else '')]
    if 'kept' in after and np.isfinite(after['kept'][0]):
        said.append(f'{after["kept"][0]:.0f} % of the start model\'s sure joints stayed in place')
    return said
