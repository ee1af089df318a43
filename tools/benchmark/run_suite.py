"""Run configs x seeds on the embedded benchmark; write one JSON a run, then tables and plots.

    python tools/benchmark/run_suite.py --suite people --seeds 0 1 2 --jobs 2
    python tools/benchmark/run_suite.py --report          # tables from the JSONs, no training

Resumable: finished runs are kept, interrupted trainings continue from their last checkpoint. The
last checkpoint is scored, never the best on target labels. Results lie in WORK_DIR/results:
README.md, plots, and runs/. With --record they are those of the repository (docs/benchmarks/), and
the pages and metafiles that show them are written anew.
"""
from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from suite_checks import (
    check_rows,
    check_runs,
    missing_data,
    notes,
    other_counts,
    other_data,
)
from suite_results import read_results, unknown_note
from suite_run import RECORDED, ROOT, TIED, Run, use_photos
from suites import SUITES

from udapose.cli._experiment import steps_in


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--suite', nargs='+', choices=list(SUITES), default=list(SUITES))
    parser.add_argument('--seeds', nargs='+', type=_seed, default=[0, 1, 2])
    parser.add_argument('--rows', nargs='+', default=None, help='default: all rows of the suite')
    parser.add_argument('--jobs', type=_positive, default=1, help='runs at a time')
    parser.add_argument('--threads', type=_positive, default=1, help='CPU threads of each run')
    parser.add_argument('--work-dir', type=Path, default=ROOT / 'work_dirs/suite')
    parser.add_argument('--source-iters', type=_positive, help='length of the rows that others '
                        'continue from, of the suites photos2 and photos2_scratch')
    parser.add_argument('--adapt-iters', type=_positive, help='length of all other rows, likewise')
    parser.add_argument('--photos', type=Path, help='folder that holds lspet_photos/ (default: '
                        'that of the variable UDAPOSE_TEST_DATA, else data/)')
    parser.add_argument('--report', action='store_true', help='only write tables and plots')
    parser.add_argument('--record', action='store_true', help='the results that the repository '
                        'keeps: rows that it has are not trained again, new ones are added, and '
                        'its pages are written')
    args = parser.parse_args()
    # the trainings run in the repository
    args.work_dir = args.work_dir.expanduser().resolve()
    args.results = RECORDED if args.record else args.work_dir / 'results/runs'
    use_photos(args.photos)
    return args


def _positive(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f'a number from 1, got {text}')
    return int(text)


def _seed(text: str) -> int:
    if not 0 <= int(text) < 2 ** 32:
        raise argparse.ArgumentTypeError(f'a number from 0 to 4294967295, got {text}')
    return int(text)


def schedule(runs: list[Run], jobs: int, threads: int, tell_every: float = 300.) -> list[str]:
    """Run everything that is not done, ``jobs`` at a time; returns the names that failed.

    Args:
        runs (list[Run]): Each behind what it continues from.
        jobs, threads (int): Runs at a time, CPU threads of each.
        tell_every (float): Seconds between lines on how far the trainings are.
    """
    waiting, active, failed = [r for r in runs if not r.done], [], []
    total, begin = len(waiting), time.time()
    told = begin
    while waiting or active:
        for run, process in active[:]:
            if process.poll() is not None:
                active.remove((run, process))
                if process.returncode:
                    failed.append(run.name)
                print(f'[{total - len(waiting) - len(active)}/{total}, '
                      f'{(time.time() - begin) / 60:.0f} min] {run.name}: '
                      + ('FAILED' if process.returncode else 'done'), flush=True)
        for run in waiting[:]:
            if run.needs is not None and run.needs.name in failed:
                waiting.remove(run)
                failed.append(run.name)
            elif run.ready and len(active) < jobs:
                waiting.remove(run)
                print(f'{run.name} begins, see {run.dir / "train.log"}', flush=True)
                active.append((run, subprocess.Popen(run.command(threads), **TIED)))
        if waiting and not active:
            failed += [r.name for r in waiting]
            break
        if time.time() - told > tell_every:
            told = time.time()
            print(', '.join(far(run) for run, _ in active), flush=True)
        time.sleep(1)
    return failed


def far(run: Run) -> str:
    """How far a run is, by its logs."""
    steps = steps_in(run.dir / 'train.log')
    last = max(run.dir.glob('*.log'), key=lambda log: log.stat().st_mtime, default=None)
    done = 'starting' if steps is None else '{}/{}'.format(*steps)
    return f'{run.name} {done}' + (f', {last.stem}' if last and last.stem != 'train' else '')


def with_origins(rows: dict, wanted: list[str] | None) -> list[str]:
    """The wanted rows (None: all) and those that they continue from, in the suite's order."""
    needed = set()
    for row in rows if wanted is None else wanted:
        while row in rows and row not in needed:
            needed.add(row)
            row = rows[row]['init']
    return [row for row in rows if row in needed]


def wanted_runs(suites: list[str], seeds: list[int], rows: list[str] | None, work: Path,
                results: Path | None = None) -> list[Run]:
    """The runs of suites x seeds x rows with what they continue from; shared ones once."""
    runs = {}
    for suite in suites:
        specs = SUITES[suite]['rows']
        for seed in seeds:
            for row in with_origins(specs, rows):
                run = Run(suite, row, 0 if specs[row].get('shared') else seed, work, results)
                if run.needs is not None:  # it may be of another suite
                    runs.setdefault(run.needs.name, run.needs)
                runs.setdefault(run.name, run)
    return list(runs.values())


def prepare(args: argparse.Namespace) -> list[Run]:
    """The runs that are wanted, and everything that can be said before the first one begins.

    Raises:
        ValueError: Something would stop them later.
        OSError: The folder of the results cannot be written.
    """
    check_rows(args.suite, args.rows)
    runs = wanted_runs(args.suite, args.seeds, args.rows, args.work_dir, args.results)
    said, results = [], read_results(args.results)[0]  # the tables at the end need them all
    for suite in sorted({run.suite for run in runs}):
        fault = missing_data(SUITES[suite]) or other_data(suite, results)
        if fault:
            raise ValueError(fault)
        said.append(other_counts(SUITES[suite]))
    lengths = dict(source=args.source_iters, adapt=args.adapt_iters)
    check_runs(runs, lengths)
    args.results.mkdir(parents=True, exist_ok=True)
    there = sum(run.done for run in runs)
    said += notes(runs, args.suite, args.rows, lengths)
    said += [f'{there} of {len(runs)} runs are in {args.results} and not made again'] * bool(there)
    for line in filter(None, said):
        print(line, flush=True)
    return runs


def main() -> None:
    args = parse_args()
    failed = []
    for name in ('source', 'adapt'):  # each run is a process of its own
        os.environ[f'UDAPOSE_{name.upper()}_ITERS'] = str(getattr(args, f'{name}_iters') or '')
    if not args.report:
        try:
            runs = prepare(args)
        except (ValueError, OSError) as error:
            sys.exit(f'error: {error}')
        failed = schedule(runs, args.jobs, args.threads)
    if not list(args.results.glob('*.json')):
        sys.exit(f'failed: {", ".join(failed)}' if failed else
                 f'{args.results} holds no results yet (--record: those of the repository)')
    from report import write_pages, write_report
    try:
        _, unknown = read_results(args.results)
    except ValueError as error:
        sys.exit(f'error: {error}')
    if unknown:
        print(unknown_note(args.results, unknown), flush=True)
    write_report(args.results, args.results.parent)
    if args.record:
        from metafiles import write_metafiles
        write_pages(args.results)
        write_metafiles(args.results)
    print(f'tables and plots: {args.results.parent / "README.md"}', flush=True)
    if failed:
        sys.exit(f'failed: {", ".join(failed)}')


if __name__ == '__main__':
    main()
