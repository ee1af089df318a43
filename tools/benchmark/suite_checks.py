"""What can be said about the runs of a suite before the first one begins."""
from __future__ import annotations

import json
import os
from pathlib import Path

from suite_results import read_result
from suite_run import DATA_KEYS, ROOT, Run
from suites import SUITES

from udapose.cli._experiment import CONFIGS, last_checkpoint, options


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
        if run.done:
            result = read_result(run.json)
            found, asked = result['iterations'], set(run.lengths().values())
            if asked and {str(found)} != asked:
                raise ValueError(f'{run.json} is of {found} iterations, not {asked.pop()}: delete '
                                 f'it and {run.dir}, or give another --work-dir')
            _require_settings(run, result)
        else:
            run.check_folder()
            if run.needs is not None and run.needs.done:
                _require_checkpoint(run.needs)
    missing = [found for run in runs if not run.done and (found := run.missing_file())]
    if missing:
        raise ValueError('\n'.join(missing))
    options({'load_from': str(runs[0].dir)})  # a path that MMEngine would change


def _require_settings(run: Run, result: dict) -> None:
    """That a finished run is of today's row; results from before settings were kept pass."""
    if 'settings' not in result:
        return
    now, then = run.recorded_settings(), result['settings']
    lengths = set(run.cfg.get('lengths', ()))  # those are compared by their number of iterations
    for key in sorted({*now, *then} - lengths):
        if now.get(key) != then.get(key):
            raise ValueError(f'{run.json} is of other settings: {key} is {then.get(key, "unset")}, '
                             f'now {now.get(key, "unset")}: delete it and {run.dir}, or give '
                             'another --work-dir')


def other_data(suite: str, results: list[dict]) -> str | None:
    """How a rendered data set differs from that of results that are there; None if it does not.

    Args:
        suite (str): Key of SUITES.
        results (list[dict]): Of any suites.
    """
    now = _read_meta(ROOT / SUITES[suite]['data'] / 'meta.json')
    for run in results:
        for key in DATA_KEYS if run['suite'] == suite else ():
            then = run['data'].get(key)
            if then not in (None, {}) and now.get(key) not in (None, {}, then):
                return (f'{SUITES[suite]["data"]} has {key} {now[key]}, the results of {suite} '
                        f'that are there (such as {run["suite"]}-{run["row"]}-seed{run["seed"]}) '
                        f'were made with {then}: render the data as they were (udapose synth), or '
                        'give another --work-dir')
    return None


def _require_checkpoint(run: Run) -> None:
    try:
        last_checkpoint(run.dir)
    except FileNotFoundError as error:
        raise ValueError(f'{error} (and delete {run.json})') from error


def notes(runs: list[Run], suites: list[str], rows: list[str] | None,
          lengths: dict[str, int | None]) -> list[str]:
    """What is not as somebody might think who reads the command.

    Args:
        runs, suites, rows: Those wanted.
        lengths (dict): As in :func:`check_runs`.
    """
    found = []
    for suite in suites:
        absent = [row for row in rows or () if row not in SUITES[suite]['rows']]
        if absent:
            found.append(f'note: {suite} has no row {", ".join(absent)}')
    for name, value in lengths.items():
        deaf = sorted({run.suite for run in runs if not run.cfg.get('lengths')
                       and bool(run.cfg.get('hidden')) == (name == 'source')})
        if value and deaf:
            found.append(f'note: --{name}-iters {value} is not for {", ".join(deaf)}: their rows '
                         'have the lengths of their configs')
    for run in runs:
        if run.done and run.cfg.get('lengths') and not run.lengths():
            there, usual = read_result(run.json)['iterations'], _usual_length(run)
            if there != usual:
                found.append(f'note: {run.name} is there with {there} iterations, the usual length '
                             f'is {usual}: to train it anew delete {run.json} and {run.dir}')
    return found


def _usual_length(run: Run) -> int:
    from mmengine.config import Config
    key = 'train_cfg.max_iters'
    return int(run.cfg.get('options', {}).get(key) or Config.fromfile(
        CONFIGS / run.cfg['config'], import_custom_modules=False).train_cfg.max_iters)


def missing_data(spec: dict) -> str | None:
    """All that is missing for a suite and how to get it; None if nothing is."""
    found = [_missing_people(spec, data, version)
             for data, version in [(spec['data'], spec.get('version', 1)), *spec.get('also', [])]]
    return '\n'.join(filter(None, [*found, missing_photos(spec)])) or None


def _missing_people(spec: dict, data: str, version: int) -> str | None:
    """Whether a rendered data set of a suite is not there, or not of the version."""
    kind = Path(data).name.rstrip('2')
    command = ('' if Path.cwd() == ROOT else f'in {ROOT} ') + (
        f'run udapose synth --kind {kind} --out {data}'
        + (f' --version {version}' if version > 1 else '')
        + ''.join(f' --{part}-train {count}' for part, count in
                  spec.get('train_counts', {}).items() if data == spec['data']))
    meta = ROOT / data / 'meta.json'
    if not meta.exists():
        return f'{data} is missing: {command}'
    found = _read_meta(meta).get('generator_version')
    return None if found == version else (
        f'{data} was made by version {found} of the generator, the suite is defined with version '
        f'{version}: delete the folder and {command}')


def missing_photos(spec: dict) -> str | None:
    """What is missing of a suite's photographs; None if nothing is."""
    for name, images in spec.get('needs', {}).items():
        folder = os.environ.get('UDAPOSE_TEST_DATA') or str(ROOT / 'data')
        path = ROOT / name.replace('$UDAPOSE_TEST_DATA', folder)
        fault = _photo_fault(path, Path(os.path.normpath(path.parent / images)))
        if fault:
            return (f'{fault}: see docs/real_photos.md'
                    + ('; --photos names the folder' if '$' in name else ''))
    return None


def _photo_fault(annotations: Path, images: Path) -> str | None:
    """What is wrong with photographs that only later rows would find, after a long first one."""
    if not annotations.exists():
        return f'{annotations} is missing'
    try:
        names = [image['file_name'] for image in
                 json.loads(annotations.read_text(encoding='utf-8'))['images']]
    except (ValueError, KeyError, TypeError, OSError) as error:
        return f'{annotations} is no COCO file ({type(error).__name__}: {error})'
    if not names:
        return f'{annotations} lists no photographs'
    absent = [name for name in names if not (images / name).is_file()]
    return (f'{len(absent)} of the {len(names)} photographs in {annotations} are missing in '
            f'{images}, for example {absent[0]}') if absent else None


def _read_meta(path: Path) -> dict:
    """The description of a rendered data set; empty, of no version, if absent or damaged."""
    try:
        found = json.loads(path.read_text(encoding='utf-8'))
    except (ValueError, FileNotFoundError):
        return {}
    return found if isinstance(found, dict) else {}


def other_counts(spec: dict) -> str | None:
    """Whether a data set has other sizes than those that the recorded rows were made with."""
    if 'train_counts' not in spec:
        return None
    counts = _read_meta(ROOT / spec['data'] / 'meta.json').get('counts') or {}
    found = {part: (counts.get(part) or {}).get('train') for part in spec['train_counts']}
    return None if found == spec['train_counts'] else (
        f'note: {spec["data"]} has {found} training images, the recorded rows were made with '
        f'{spec["train_counts"]}')
