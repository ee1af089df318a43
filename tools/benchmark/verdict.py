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
from verdict_plan import PLAN, SETTINGS, TARGETS, run_name

from udapose.cli._config_text import format_once
from udapose.cli._experiment import ROOT, write_json


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--work-dir', type=Path, default=ROOT / 'work_dirs/verdict')
    parser.add_argument('--people', type=Path, help='an embedded data set that is there already')
    parser.add_argument('--hands', type=Path, help='likewise')
    parser.add_argument('--photos', type=Path, help='train/, test/ and test.json')
    parser.add_argument('--quickstart', type=Path, nargs='*', default=[],
                        help='folders of finished runs of `udapose quickstart`, seeds 0, 1, ...')
    parser.add_argument('--suite-rows', type=Path, help='work directory of run_suite.py: its '
                        'finished rows are parts of their own')
    parser.add_argument('--minutes', type=float, default=1e9, help='begin no run after these')
    parser.add_argument('--only', choices=('trained', 'weights', 'quickstart', 'suite'),
                        help='a part of the runs')
    parser.add_argument('--report', action='store_true', help='only judge and write')
    parser.add_argument('--out', type=Path, default=ROOT / 'docs/benchmarks/verdict')
    return parser.parse_args()


def work_list(args, data: Path, work: Path):
    """(name, function that returns its records) of every run that the data allow."""
    from verdict_existing import pairs
    from verdict_runs import run_one
    from verdict_suite import pairs as suite_pairs
    from verdict_train import train_source
    if args.only in (None, 'quickstart'):
        yield from pairs(args.quickstart, data, work)
    if args.suite_rows and args.only in (None, 'suite'):
        yield from suite_pairs(args.suite_rows, data, work)
    for target, checkpoint, setting, seed in PLAN:
        if args.only and args.only != ('trained' if setting in SETTINGS else 'weights'):
            continue
        name = run_name(target, checkpoint, setting, seed)
        if target != 'photos' or (data / 'photos').exists():
            def make(source=TARGETS[target]['source'], seed=seed, name=name):
                train_source(source, seed, data, work)
                return run_one(name, data, work)
            yield name, make


def main() -> None:
    args = parse_args()
    begin, work = time.time(), args.work_dir.resolve()
    data = work / 'data'
    if not args.report:
        import torch

        import udapose  # noqa: F401  (registers)
        torch.set_num_threads(1)
        format_once()
        verdict_data.prepare(data, args.people, args.hands, args.photos)
        for name, make in work_list(args, data, work):
            record = work / 'records' / f'{name}.json'
            if record.exists():
                continue
            if time.time() - begin > 60 * args.minutes:
                print(f'{args.minutes:g} minutes are over: repeat the command to continue')
                break
            try:
                write_json(record, make())
            except Exception:  # the other runs are still worth their time
                traceback.print_exc()
                print(f'{name} failed', file=sys.stderr, flush=True)
                continue
            for found in json.loads(record.read_text(encoding='utf-8')):
                print(f'[{(time.time() - begin) / 60:.0f} min] {name} at {found["iterations"]}: '
                      f'{found["truth"]["PCK@0.05"]}', flush=True)
    from verdict_report import write
    write(work, args.out)


if __name__ == '__main__':
    main()
