"""Chooses the thresholds of the verdict without labels on the first half of the runs alone.

    python tools/benchmark/verdict_choose.py

Prints the best settings of a grid of ``udapose.adaptation.rule.Rule`` by the share of right ones
among those without a false 'better' on the runs of seed 0; writes nothing.
"""
from __future__ import annotations

import itertools
import json
from dataclasses import replace

import numpy as np
from verdict_report import half_of

from udapose.adaptation.rule import BETTER, SAME, WORSE, Rule, votes
from udapose.cli._experiment import ROOT

GRID = dict(known=(5., 10., 15., 20.), gain=(1., 2., 3., 4., 5.), moved=(2., 3., 5., 8., 12.),
            loss=(-3., -4., -6., -8., -10.), collapse=(0.2, 0.3, 0.4, 0.5))


def main() -> None:
    records = [r for path in sorted((ROOT / 'docs/benchmarks/verdict/runs').glob('*.json'))
               for r in json.loads(path.read_text(encoding='utf-8')) if half_of(r) == 0]
    truth = np.array([r['true'] for r in records])
    # a measure that some joint sets lack does not decide there: not a number
    names = {name for r in records for name in r['measures']}
    before, after = ({name: np.array([_value(r, name, key) for r in records]) for name in names}
                     for key in ('before', 'after'))
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
    middle = np.array([f[2] for f in best])
    print('the one nearest to their middle:', dict(zip(GRID, min(
        (f[2] for f in best), key=lambda v: float((np.abs(v - middle.mean(0)) / (
            np.ptp(middle, axis=0) + 1e-9)).sum())))))


def _value(record: dict, name: str, key: str) -> float:
    value = record['measures'].get(name, {}).get(key)
    return np.nan if value is None else value


if __name__ == '__main__':
    main()
