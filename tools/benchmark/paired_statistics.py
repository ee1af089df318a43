"""Statistics over the seeds of a suite's rows: spread, paired differences, gap closed."""
from __future__ import annotations

import math
from statistics import mean, stdev


def values(rows: dict, row: str, key: str, domain: str = 'target') -> dict[int, float]:
    """Metric of each seed."""
    return {seed: run['results'][domain][key] for seed, run in rows.get(row, {}).items()
            if key in run['results'].get(domain, {})}


def changes(rows: dict, row: str, key: str, start: str, domain: str = 'target'
            ) -> dict[int, float]:
    """What each seed adds to the very model it began with; where that was not kept, to the
    recorded one of the row ``start``: a start model trained again elsewhere is another one."""
    before = {**values(rows, start, key, domain),
              **{seed: run['start'][domain][key] for seed, run in rows.get(row, {}).items()
                 if key in run.get('start', {}).get(domain, {})}}
    own = values(rows, row, key, domain)
    return {seed: own[seed] - before[seed] for seed in sorted(own.keys() & before.keys())}


def other_starts(rows: dict, spec: dict) -> dict[str, list[int]]:
    """Rows with the seeds that began with another trained instance of their start model than
    the recorded one: trained again on another machine, it has other scores."""
    found = {}
    for row, runs in rows.items():
        init = rows.get(spec['rows'][row].get('init'), {})
        shared = spec['rows'].get(spec['rows'][row].get('init'), {}).get('shared')
        seeds = [seed for seed, run in sorted(runs.items()) if run.get('start')
                 and (recorded := init.get(0 if shared else seed)) is not None
                 and recorded['results'] != run['start']]
        if seeds:
            found[row] = seeds
    return found


def of_seeds(pairs: int, seeds: int) -> str:
    """What is said where fewer seeds could be compared than were trained."""
    return f' ({pairs} of {seeds} seeds)' if pairs < seeds else ''


def average(differences: list[float]) -> tuple[float, float]:
    """Mean and its standard error; nan for what so few numbers do not give."""
    if not differences:
        return math.nan, math.nan
    error = stdev(differences) / math.sqrt(len(differences)) if len(differences) > 1 else math.nan
    return mean(differences), error


def spread(numbers: list[float]) -> str:
    """``mean ± standard deviation``; nothing where nothing was measured."""
    if not numbers:
        return ''
    return f'{mean(numbers):.1f}' + (f' ± {stdev(numbers):.1f}' if len(numbers) > 1 else '')


def signed(centre: float, error: float) -> str:
    """``+mean ± standard error``; one seed has no error, none have no text."""
    if math.isnan(centre):
        return ''
    return f'{centre:+.1f}' + ('' if math.isnan(error) else f' ± {error:.1f}')


def paired(a: dict[int, float], b: dict[int, float],
           lower_is_better: bool = False) -> tuple[float, float, str]:
    """Mean difference a - b over common seeds, its standard error, and the verdict on a."""
    differences = [a[s] - b[s] for s in sorted(a.keys() & b.keys())]
    if not differences:
        return math.nan, math.nan, ''
    centre, error = average(differences)
    if math.isnan(error):
        return centre, error, 'one seed'
    better = (centre < 0) if lower_is_better else (centre > 0)
    verdict = 'tie' if abs(centre) <= error else 'beats' if better else 'loses'
    return centre, error, verdict


def gap_closed(rows: dict, row: str, spec: dict) -> list[float]:
    """Percent of the gap between lower and upper reference, per seed."""
    low, high, own = (values(rows, r, spec['metric']) if r else {}
                      for r in (spec['lower'], spec['upper'], row))
    return [100 * (own[s] - low[s]) / (high[s] - low[s])
            for s in sorted(own.keys() & low.keys() & high.keys())
            if (high[s] < low[s]) == spec.get('lower_is_better', False) and high[s] != low[s]]


def missed_bar(rows: dict, spec: dict) -> list[str]:
    """Rows that learned too little on the source to count: see ``bar`` in suites.py."""
    if 'bar' not in spec:
        return []
    row, share = spec['bar']
    bar = values(rows, row, spec['metric'], 'source')
    limit = share * mean(bar.values()) if bar else math.inf
    others = (row, spec.get('upper'))  # an oracle may not see the source at all
    return [r for r in rows if r not in others and mean(
        values(rows, r, spec['metric'], 'source').values() or [0]) > limit]


def bar_note(spec: dict) -> str:
    """What the mark means."""
    row, share = spec['bar']
    return (f'† does not count: its {spec["metric"]} on the source is above {share:g} of '
            f'`{row}`\'s, so it has not learned enough to say anything about adaptation.')
