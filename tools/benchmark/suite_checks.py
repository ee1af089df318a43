"""What can be said about the runs of a suite before the first one begins."""
from __future__ import annotations

import json
import os
from pathlib import Path

from suite_run import ROOT, Run
from suites import SUITES

from udapose.cli._experiment import options


def check_rows(suites: list[str], rows: list[str] | None) -> None:
    """Require that each row is one of a suite.

    Raises:
        ValueError: Names the row and those that there are.
    """
    known = {row for suite in suites for row in SUITES[suite]['rows']}
    unknown = [row for row in rows or () if row not in known]
    if unknown:
        raise ValueError(f'--rows {" ".join(unknown)}: no such row in {", ".join(suites)}; there '
                         f'are {", ".join(sorted(known))}')


def check_runs(runs: list[Run], lengths: dict[str, int | None]) -> None:
    """Everything that would stop a run later, and options that nothing would heed.

    Args:
        runs (list[Run]): All that are wanted.
        lengths (dict): ``source`` and ``adapt``, the options of that name; None if not given.

    Raises:
        ValueError: Names the culprit and the remedy.
    """
    for name, value in lengths.items():
        if value and not any(run.cfg.get('lengths') and bool(run.cfg.get('hidden')) ==
                             (name == 'source') for run in runs):
            raise ValueError(f'--{name}-iters {value}: none of these rows has a length that can '
                             'be chosen; only those of the suites photos2 and photos2_scratch do')
    for run in runs:
        asked = set(map(int, run.lengths().values()))
        if run.done and asked:
            found = json.loads(run.json.read_text(encoding='utf-8'))['iterations']
            if {found} != asked:
                raise ValueError(f'{run.json} is of {found} iterations, not {asked.pop()}: delete '
                                 f'it and {run.dir}, or give another --work-dir')
    missing = [found for run in runs if not run.done and (found := run.missing_file())]
    if missing:
        raise ValueError('\n'.join(missing))
    options({'load_from': str(runs[0].dir)})  # a path that MMEngine would change


def missing_data(spec: dict) -> str | None:
    """What is missing for a suite and how to get it; None if nothing is."""
    for data, version in [(spec['data'], spec.get('version', 1)), *spec.get('also', [])]:
        kind = Path(data).name.rstrip('2')
        command = (f'python -m udapose.synthetic --kind {kind} --out {data}'
                   + (f' --version {version}' if version > 1 else '')
                   + ''.join(f' --{part}-train {count}' for part, count in
                             spec.get('train_counts', {}).items() if data == spec['data']))
        meta = ROOT / data / 'meta.json'
        if not meta.exists():
            return f'{data} is missing: run {command}'
        found = json.loads(meta.read_text(encoding='utf-8'))
        if found.get('generator_version') != version:
            return (f'{data} was made by version {found.get("generator_version")} of the '
                    f'generator, the suite is defined with version {version}: delete the folder '
                    f'and run {command}')
    if 'needs' in spec:
        folder = os.environ.get('UDAPOSE_TEST_DATA', str(ROOT / 'data'))
        path = ROOT / spec['needs'].replace('$UDAPOSE_TEST_DATA', folder)
        if not path.exists():
            return (f'{path} is missing: see docs/real_photos.md'
                    + ('; --photos names the folder' if '$' in spec['needs'] else ''))
    return None


def other_counts(spec: dict) -> str | None:
    """Whether a data set has other sizes than those that the recorded rows were made with."""
    if 'train_counts' not in spec:
        return None
    counts = json.loads((ROOT / spec['data'] / 'meta.json').read_text(
        encoding='utf-8')).get('counts') or {}
    found = {part: (counts.get(part) or {}).get('train') for part in spec['train_counts']}
    return None if found == spec['train_counts'] else (
        f'note: {spec["data"]} has {found} training images, the recorded rows were made with '
        f'{spec["train_counts"]}')
