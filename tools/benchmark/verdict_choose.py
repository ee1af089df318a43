"""Thresholds of the verdict without labels, and what each measure alone could reach.

    python tools/benchmark/verdict_choose.py

On all but the fresh rows, and of these on the comparisons whose start model knows enough. Prints
the share that the best two cuts of each measure's change would get right (an upper bound: the cuts
are chosen on the same runs), then for a grid of ``udapose.adaptation.rule.Rule`` how many are told
and how many of these rightly; writes nothing.
"""
from __future__ import annotations

import itertools
import json
from dataclasses import replace

import numpy as np
from verdict_report import PARTS, change_of, part_of

from udapose.adaptation.rule import BETTER, SAME, UNKNOWN, WORSE, Rule, estimate, votes
from udapose.cli._experiment import ROOT

GRID = dict(gain=(0., 1., 1.5, 2., 3.), loss=(-0.75, -1.5, -2., -3.), still=(0., 10., 15., 20.))


def main() -> None:
    records = [r for path in sorted((ROOT / 'docs/benchmarks/verdict/runs').glob('*.json'))
               for r in json.loads(path.read_text(encoding='utf-8')) if part_of(r) < 3
               and r['measures']['agreement']['before'] > Rule().known]
    truth = np.array([r['true'] for r in records])
    # a measure that some joint sets lack does not decide there: not a number
    names = sorted({name for r in records for name in r['measures']})
    before, after = ({name: np.array([_value(r, name, key) for r in records]) for name in names}
                     for key in ('before', 'after'))
    changes = {name: after[name] - before[name] for name in names}
    for name, change in {**changes, 'estimate': estimate(before, after)}.items():
        print(f'{name}: the best two cuts are right in {100 * best_cuts(change, truth):.0f} %')
    for part in sorted({part_of(r) for r in records}):
        chosen = np.array([part_of(r) == part for r in records])
        true = np.array([change_of(r) for r in records])[chosen]
        print(f'{PARTS[part]}: the estimate correlates with the truth by '
              f'{np.corrcoef(estimate(before, after)[chosen], true)[0, 1]:.2f}')
    print(f'\n{len(records)} comparisons; without the resampled data, which tell less\n'
          f'{"  ".join(GRID)}: told, right, false better')
    for values in itertools.product(*GRID.values()):
        rule = replace(Rule(), **dict(zip(GRID, values)))
        better, worse = votes(before, after, rule)
        said = np.where(worse, WORSE, np.where(better, BETTER, np.where(
            after['moved'] <= rule.still, SAME, UNKNOWN)))
        told = said != UNKNOWN
        print(f'{"  ".join(f"{value:g}" for value in values)}: {told.sum()}, '
              f'{100 * (said == truth)[told].mean():.0f} %, '
              f'{((said == BETTER) & (truth == WORSE)).sum()}')


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
