"""Would a third model, trained independently, make the verdict surer? From kept predictions.

    python tools/benchmark/verdict_witness.py --work-dir work_dirs/verdict

The third model is the source model of a quickstart run with another seed: same data and network,
other random numbers. Whoever agrees with it more often should be the better one, since it shares
neither model's own errors. Printed is, for that and for the estimate that the verdict uses, the
share that the best two cuts get right (chosen on the same comparisons: an upper bound). Writes
nothing.
"""
from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from verdict_choose import best_cuts
from verdict_report import change_of, people_of, snapshots, word_of

from udapose.adaptation.measures import agreement, box_sides, measure, relative
from udapose.adaptation.people import Predictions
from udapose.adaptation.rule import Rule, estimate
from udapose.cli._experiment import ROOT


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--work-dir', type=Path, default=ROOT / 'work_dirs/verdict')
    work = parser.parse_args().work_dir.resolve()
    rows = []
    for record in snapshots(work):
        third = work / f'quickstart/{record["target"]}-source800-seed{(record["seed"] + 1) % 3}.npz'
        if third.exists():
            row = compared(record, third, work)
            if row['start'] > Rule().known:
                rows.append(row)
    truth = np.array([row['true'] for row in rows])
    print(f'{len(rows)} comparisons; the best two cuts are right in')
    for name in ('estimate', 'third'):
        change = np.array([row[name] for row in rows])
        print(f'{name}: {100 * best_cuts(change, truth):.0f} %, correlation with the truth '
              f'{np.corrcoef(change, [row["change"] for row in rows])[0, 1]:.2f}')


def compared(record: dict, third: Path, work: Path) -> dict:
    """The estimate, and by how much the third model agrees more with the adapted one."""
    people = people_of(record['target'], work / 'data')
    sides = box_sides(people)
    before, after = (Predictions.load(work / file) for file in record['files'])
    other = Predictions.load(third)
    old, new, *others = (relative(p, people, sides) for p in (
        before.points, after.points, other.points, *other.views))
    others = np.stack(others)
    found = measure(before, after, people, {})
    start, change = ({name: one[name].value() for name in ('agreement', 'witness', 'converse')}
                     for one in (found.before, found.after))
    return dict(start=start['agreement'], estimate=float(estimate(start, change)),
                third=float(agreement(new, others).value() - agreement(old, others).value()),
                change=change_of(record), true=word_of(change_of(record)))


if __name__ == '__main__':
    main()
