"""Which of MMPose's own top-down 2D configs can be adapted: try every one of them.

    python tools/benchmark/stock_configs.py                    # all that are left; resumable
    python tools/benchmark/stock_configs.py --only rtmpose --out part.json   # some, beside others
    python tools/benchmark/stock_configs.py --merge part.json  # parts into the record
    python tools/benchmark/stock_configs.py --report           # the pages from the record alone

Each model is built with fewer layers where that keeps its interfaces, trained for two iterations
on random images with labels from the config's own codec (with and without source images),
exported, built again from the export, and compared with the teacher. The data sets are not needed.
The record and the pages that are made from it are written at the end of each of these commands,
`--out` alone excepted.
"""
from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from udapose.cli._experiment import write_json

ROOT = Path(__file__).resolve().parents[2]
RECORD = ROOT / 'docs/benchmarks/stock_configs.json'
MODES = dict(two_domain=True, source_free=False)  # with source images?
FAILED = 'failed: '


def read(path: Path) -> dict[str, dict | None]:
    """Results by config, None for those not tried yet; nothing if there is no such file."""
    return json.loads(path.read_text(encoding='utf-8')) if path.exists() else {}


def settled(result: dict | None) -> bool:
    """Whether there is an answer; a trial that failed is made again by the next walk."""
    return result is not None and not any(r.startswith(FAILED) for r in result.values())


def walk(paths: list[str], out: Path, per_process: int, run=subprocess.run) -> None:
    """Try configs, a few in each process: a long-lived one grows to gigabytes.

    Args:
        paths (list[str]): What to try.
        out (Path): Gets each result at once.
        per_process (int): Configs for each process.
        run (Callable): Starts a process.
    """
    while paths:
        part, paths = paths[:per_process], paths[per_process:]
        done = run([sys.executable, __file__, '--out', str(out), '--here', *part])
        missing = [path for path in part if read(out).get(path) is None]
        if missing:  # the process died, say for want of memory, at the first of them
            reason = f'{FAILED}its process ended with exit code {done.returncode}'
            write_json(out, {**read(out), missing[0]: dict.fromkeys(MODES, reason)})
            paths = missing[1:] + paths


def walk_here(paths: list[str], out: Path) -> None:
    """Try configs in this process."""
    from stock_trial import try_config
    for path in paths:
        found = {}
        for mode, source in MODES.items():
            try:
                found[mode] = try_config(path, source)
            except Exception as error:  # noqa: BLE001  (whatever it is, the walk goes on)
                found[mode] = f'{FAILED}{type(error).__name__}: {error}'[:300]
        print(path, found, flush=True)
        write_json(out, {**read(out), path: found})


def merge(record: dict, parts: list[Path]) -> dict:
    """The record with what the parts have tried.

    Raises:
        ValueError: A part has other configs than the record: made with another MMPose.
    """
    for part in parts:
        new = {path: result for path, result in read(part).items() if result is not None}
        unknown = sorted(new.keys() - record.keys())
        if unknown or not part.exists():
            raise ValueError(f'{part} has {len(unknown)} configs that this MMPose lacks, such as '
                             f'{unknown[0]}' if unknown else f'{part} does not exist')
        for path, result in sorted(new.items()):
            if settled(record[path]) and record[path] != result:
                if not settled(result):
                    continue  # a trial that failed is no answer
                print(f'{path}: {record[path]} becomes {result}')
            record = {**record, path: result}
    return record


def main(argv: list[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--only', default='', help='only paths that hold this word')
    parser.add_argument('--out', type=Path, help='results of this walk as json; default: the '
                        'record')
    parser.add_argument('--per-process', type=int, default=8, help='configs for each process')
    parser.add_argument('--merge', type=Path, nargs='+', metavar='FILE',
                        help='only put the results of these files into the record')
    parser.add_argument('--report', action='store_true', help='only write the pages')
    parser.add_argument('--here', nargs='+', help=argparse.SUPPRESS)  # a process of the walk
    args = parser.parse_args(argv)
    if args.here:
        walk_here(args.here, args.out)
        return
    from stock_report import write_pages
    record = read(RECORD)
    if not args.report:
        from stock_trial import stock_configs
        record = {path: record.get(path) for path in stock_configs()}
        if args.merge:
            record = merge(record, args.merge)
        else:
            out = args.out or RECORD
            known = {**record, **{k: v for k, v in read(out).items() if v is not None}}
            todo = [path for path in record if args.only in path and not settled(known[path])]
            print(f'{len(todo)} to try', flush=True)
            # what failed is tried again: one that has a result has been tried in this walk
            start = record if out == RECORD else read(out)
            write_json(out, {k: v if settled(v) else None for k, v in start.items()})
            walk(todo, out, args.per_process)
            if args.out:
                return
            record.update(read(out))
        write_json(RECORD, record)
    write_pages(record)


if __name__ == '__main__':
    main()
