"""Thresholds of the verdict without labels, and what each measure alone could reach.

    python tools/benchmark/verdict_choose.py

Both on the first part of the runs alone, and of these on the ones that can be told. Prints the
share that the best two cuts of each measure's change would get right (an upper bound: the cuts are
chosen on the same runs), then the best settings of a grid of ``udapose.adaptation.rule.Rule``;
writes nothing.
"""
from __future__ import annotations

import itertools
import json
from dataclasses import replace

import numpy as np
from verdict_report import part_of

from udapose.adaptation.rule import BETTER, SAME, WORSE, Rule, estimate, votes
from udapose.cli._experiment import ROOT

GRID = dict(trust=(0.4, 0.5, 0.6, 0.7, 0.8), gain=(0., 0.25, 0.5, 1., 1.5),
            loss=(-0.25, -0.5, -0.75, -1.), moved=(10., 20., 30.))


def main() -> None:
    records = [r for path in sorted((ROOT / 'docs/benchmarks/verdict/runs').glob('*.json'))
               for r in json.loads(path.read_text(encoding='utf-8')) if part_of(r) == 0
               and r['measures']['agreement']['before'] > Rule().known]
    truth = np.array([r['true'] for r in records])
    # a measure that some joint sets lack does not decide there: not a number
    names = sorted({name for r in records for name in r['measures']})
    before, after = ({name: np.array([_value(r, name, key) for r in records]) for name in names}
                     for key in ('before', 'after'))
    changes = {name: after[name] - before[name] for name in names}
    for name, change in {**changes, 'estimate': estimate(before, after)}.items():
        print(f'{name}: the best two cuts are right in {100 * best_cuts(change, truth):.0f} %')
    found = []
    for values in itertools.product(*GRID.values()):
        rule = replace(Rule(), **dict(zip(GRID, values)))
        better, worse = votes(before, after, rule)
        said = np.where(worse, WORSE, np.where(better, BETTER, SAME))
        false = int(((said == BETTER) & (truth == WORSE)).sum())
        found.append((false, -int((said == truth).sum()), values))
    best = [f for f in sorted(found) if f[:2] == min(found)[:2]]
    print(f'{len(records)} comparisons; right: {-best[0][1]}; false better: {best[0][0]}; '
          f'{len(best)} settings are as good')
    for number, name in enumerate(GRID):
        print(name, sorted({f[2][number] for f in best}))


def best_cuts(change: np.ndarray, truth: np.ndarray) -> float:
    """Share right of the best 'better' above one cut, 'worse' below another, or the reverse."""
    best = 0.
    for values in (np.nan_to_num(change), -np.nan_to_num(change)):
        order = np.sort(values)
        cuts = np.concatenate([[-np.inf], (order[1:] + order[:-1]) / 2, [np.inf]])
        for low, high in itertools.combinations_with_replacement(cuts, 2):
            said = np.where(values > high, BETTER, np.where(values < low, WORSE, SAME))
            best = max(best, float((said == truth).mean()))
    return best


def _value(record: dict, name: str, key: str) -> float:
    value = record['measures'].get(name, {}).get(key)
    return np.nan if value is None else value


if __name__ == '__main__':
    main()
