"""The JSONs of finished runs, read with care: they are kept for long, copied and moved."""
from __future__ import annotations

import json
from pathlib import Path

from suites import SUITES

#: What a run writes, see suite_run.py.
KEYS = ('suite', 'row', 'seed', 'config', 'results', 'iterations', 'seconds', 'device', 'threads',
        'commit', 'data')


def read_result(path: Path) -> dict:
    """The JSON of one run.

    Raises:
        ValueError: It is damaged, or something else; names the file and the remedy.
    """
    try:
        run = json.loads(path.read_text(encoding='utf-8'))
    except ValueError as error:  # also text that is no UTF-8
        raise ValueError(f'{path} is damaged ({error}): delete it, and its run is tested again, '
                         'or bring it back') from error
    missing = [key for key in KEYS if not isinstance(run, dict) or key not in run]
    if missing:
        raise ValueError(f'{path} is no result of this version (it lacks {", ".join(missing)}): '
                         'delete it, or give another --work-dir')
    return run


def read_results(folder: Path) -> tuple[list[dict], list[str]]:
    """All results of a folder that belong to today's suites.

    Args:
        folder (Path): With one JSON a run.

    Returns:
        tuple[list[dict], list[str]]: The results, in the order of their names, and the names of
        those whose suite or row there is no longer.

    Raises:
        ValueError: See :func:`read_result`.
    """
    known, unknown = [], []
    for path in sorted(folder.glob('*.json')):
        run = read_result(path)
        if run['row'] in SUITES.get(run['suite'], dict(rows={}))['rows']:
            known.append(run)
        else:
            unknown.append(path.name)
    return known, unknown


def unknown_note(folder: Path, unknown: list[str]) -> str:
    """A line about results that no table shows."""
    shown = ', '.join(unknown[:5]) + (f' and {len(unknown) - 5} more' if len(unknown) > 5 else '')
    return f'note: {folder} has results of rows that there are no longer: {shown}; no table ' \
           'shows them'
