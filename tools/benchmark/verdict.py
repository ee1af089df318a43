"""How often is the verdict of `udapose adapt` right? Runs whose truth is known.

    python tools/benchmark/verdict.py --photos FOLDER   # trains; continues if repeated
    python tools/benchmark/verdict.py --report          # judges and writes the tables

Trains many short runs, good and harmful ones, on the embedded people and hands and, with
``--photos``, on photographs; keeps the predictions in ``--work-dir``. Then the verdict without
labels is given from the predictions for some unlabelled test images, and compared with the true
change of PCK@0.05 on all labelled ones: 'better' is right if it rose by more than a point, 'worse'
if it fell by more, 'no clear change' between. Writes one JSON a run (figures only) and the
confusion tables to docs/benchmarks/verdict/, and the tables into docs/verdict.md.
"""
from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from pathlib import Path

import verdict_data
import verdict_runs as runs

from udapose.cli._experiment import ROOT, write_json


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--work-dir', type=Path, default=ROOT / 'work_dirs/verdict')
    parser.add_argument('--people', type=Path, help='an embedded data set that is there already')
    parser.add_argument('--photos', type=Path, help='train/, test/ and test.json')
    parser.add_argument('--minutes', type=float, default=1e9, help='begin no run after these')
    parser.add_argument('--report', action='store_true', help='only judge and write')
    parser.add_argument('--out', type=Path, default=ROOT / 'docs/benchmarks/verdict')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    begin, work = time.time(), args.work_dir.resolve()
    data = work / 'data'
    if not args.report:
        import torch

        import udapose  # noqa: F401  (registers)
        torch.set_num_threads(1)
        verdict_data.prepare(data, args.people, args.photos)
        for number, plan in enumerate(runs.PLAN):
            name = runs.run_name(*plan)
            record = work / 'records' / f'{name}.json'
            if record.exists() or (plan[0] == 'photos' and not (data / 'photos').exists()):
                continue
            if time.time() - begin > 60 * args.minutes:
                print(f'{args.minutes:g} minutes are over: {len(runs.PLAN) - number} runs are '
                      'left; repeat the command to continue')
                break
            try:
                runs.train_source(runs.TARGETS[plan[0]]['source'], data, work)
                write_json(record, runs.run_one(name, data, work))
            except Exception:  # the other runs are still worth their time
                traceback.print_exc()
                print(f'{name} failed', file=sys.stderr, flush=True)
                continue
            for found in json.loads(record.read_text(encoding='utf-8')):
                print(f'[{number + 1}/{len(runs.PLAN)}, {(time.time() - begin) / 60:.0f} min] '
                      f'{name} at {found["iterations"]}: {found["truth"]["PCK@0.05"]}', flush=True)
    from verdict_report import write
    write(work, args.out)


if __name__ == '__main__':
    main()
