"""Tables and plots of the benchmark from the runs' JSONs."""
from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from statistics import mean

from ablations import ablation, hamipose, source_free
from paired_statistics import (
    bar_note,
    gap_closed,
    missed_bar,
    other_starts,
    paired,
    signed,
    spread,
    values,
)
from readme_results import write_summary
from selection import selection_section
from selection_methods import methods_section
from suite_results import read_results
from suites import SUITES

ROOT = Path(__file__).resolve().parents[2]


def write_report(runs: Path, out: Path) -> None:
    """Write ``README.md`` and a plot per suite into ``out`` from ``runs/*.json``."""
    by_suite = read_runs(runs)
    parts = ['# Embedded benchmark\n',
             'How the settings were chosen: [search.md](search.md). What a step costs: '
             '[costs](../costs.md).\n',
             'Made by `tools/benchmark/run_suite.py` from the files in `runs/`; do not edit '
             'by hand. The rows of a seed continue from the start models named below each '
             'table, for the same number of iterations; the last checkpoint is scored. Values: '
             'mean ± standard deviation over seeds, in percent; differences are over the seeds '
             'that both rows have. *Beats*: the mean paired difference '
             'is larger than its standard error (with three seeds no test of significance), '
             'otherwise a tie. Minutes: wall time of trainings that shared the machine with others '
             'and were sometimes paused: a rough measure.\n']
    for suite, rows in by_suite.items():
        parts.append(table(suite, rows))
        plot(suite, rows, out / f'{suite}.png')
        parts += [ablation(rows, SUITES[suite]), source_free(rows, SUITES[suite]),
                  hamipose(rows, SUITES[suite])]
        parts.append(selection_section(out / f'selection/{suite}.json'))
        parts.append(methods_section(out / f'selection/{suite}_methods.json'))
    (out / 'README.md').write_text('\n'.join(filter(None, parts)), encoding='utf-8')


def write_pages(runs: Path) -> None:
    """Write the small tables of the repository's pages."""
    by_suite = read_runs(runs)
    for page in ('README.md', 'docs/real_photos.md'):
        write_summary(by_suite, ROOT / page)


def read_runs(runs: Path) -> dict:
    """Results by suite, row and seed, of the rows that there are."""
    by_suite: dict = defaultdict(lambda: defaultdict(dict))
    for run in read_results(runs)[0]:
        by_suite[run['suite']][run['row']][run['seed']] = run
    return by_suite


def table(suite: str, rows: dict) -> str:
    """Markdown of one suite."""
    spec = SUITES[suite]
    shown = [r for r, cfg in spec['rows'].items() if r in rows and 'table' not in cfg]
    others = [domain for domain in spec['domains'] if domain != 'target']
    references, lower = spec.get('references', [spec['lower']]), spec.get('lower_is_better', False)
    head = ['row', *(f'target {m}' for m in spec['metrics']),
            *(f'{d} {m}' for d in others for m in spec['metrics']), 'gap closed',
            *(f'difference to {r} (± SE)' for r in references), 'seeds', 'iterations', 'minutes']
    lines = [f'## {suite}\n', *spec.get('notes', []), '| ' + ' | '.join(head) + ' |',
             '|' + '---|' * len(head)]
    missed = missed_bar(rows, spec)
    for row in shown:
        runs = rows[row]
        cells = [f'`{row}`' + ' †' * (row in missed)
                 + ' (phase 1)' * bool(spec['rows'][row].get('hidden'))]
        cells += [spread(list(values(rows, row, m, d).values()))
                  for d in ('target', *others) for m in spec['metrics']]
        closed = gap_closed(rows, row, spec)
        inner = row not in (spec['lower'], spec['upper']) and not spec['rows'][row].get('hidden')
        cells.append(spread(closed) + ' %' if closed and inner else '')
        for reference in references:
            if row == reference or spec['rows'][row].get('hidden'):
                cells.append('')
                continue
            centre, error, verdict = paired(values(rows, row, spec['metric']),
                                            values(rows, reference, spec['metric']), lower)
            cells.append(f'{signed(centre, error)}, {verdict}' if verdict else '')
        iterations = sorted({r['iterations'] for r in runs.values()})
        minutes = mean(r['seconds']['train'] for r in runs.values()) / 60
        cells += [', '.join(map(str, sorted(runs))), ', '.join(map(str, iterations)),
                  f'{minutes:.1f}']
        lines.append('| ' + ' | '.join(cells) + ' |')
    if missed:
        lines.append(f'\n{bar_note(spec)}')
    lines += [f'\n{line}' for line in starts(rows, spec)]
    every = [run for row, runs in rows.items() for run in runs.values()]
    devices = sorted({f'{r["device"]}, {r["threads"]} thread(s)' for r in every})
    data = sorted({'generator version {generator_version}, {size} px, seed {seed}'.format(
        **r['data']) for r in every})
    lines.append(f'\nHardware: {"; ".join(devices)}. Data: {"; ".join(data)}. Commits: '
                 f'{", ".join(sorted({r["commit"] for r in every}))}.\n')
    groups = sorted({k for r in every for k in r['results'].get('target', {})
                     if k.startswith(spec['metric'] + '/')})
    if groups:
        lines += [f'Target {spec["metric"]} per joint group:\n',
                  '| row | ' + ' | '.join(g.split('/')[-1] for g in groups) + ' |',
                  '|' + '---|' * (len(groups) + 1)]
        for row in shown:
            lines.append(f'| `{row}` | ' + ' | '.join(
                spread(list(values(rows, row, g).values())) for g in groups) + ' |')
        lines.append('')
    lines.append(f'![{suite}]({suite}.png)\n')
    return '\n'.join(lines)


def starts(rows: dict, spec: dict) -> list[str]:
    """Which row begins with which model, and which with another instance of it."""
    by_init = defaultdict(list)
    for row, cfg in spec['rows'].items():
        if row in rows and cfg.get('init'):
            by_init[cfg['init']].append(row)
    lines, said = [], []
    for init, found in sorted(by_init.items(), key=lambda item: len(item[1])):
        rest = len(found) > 4 and len(found) == max(map(len, by_init.values()))
        said.append(f'`{init}` of ' + (f'all {"other " * bool(said)}rows that continue from one'
                                       if rest else ', '.join(f'`{row}`' for row in found)))
    if said:
        lines.append(f'Start models: {"; ".join(said)}.')
    others = other_starts(rows, spec)
    if others:
        lines.append('Began with another trained instance of the start model than the recorded '
                     'one, so that differences to other rows hold that of the start models, too: '
                     + ', '.join(f'`{row}` (seed{"s" * (len(seeds) > 1)} '
                                 f'{", ".join(map(str, seeds))})'
                                 for row, seeds in others.items()) + '.')
    return lines


def plot(suite: str, rows: dict, path: Path) -> None:
    """Bars of the target metrics with every seed as a dot."""
    import matplotlib
    matplotlib.use('Agg')
    from matplotlib import pyplot as plt
    spec = SUITES[suite]
    shown = [r for r, cfg in spec['rows'].items()
             if r in rows and not cfg.get('hidden') and 'table' not in cfg]
    figure, axes = plt.subplots(1, len(spec['metrics']), figsize=(6 * len(spec['metrics']), 3.6))
    for axis, metric in zip(axes, spec['metrics'], strict=True):
        for i, row in enumerate(shown):
            own = list(values(rows, row, metric).values())
            axis.bar(i, mean(own), color=f'C{i}', alpha=0.6)
            axis.plot([i] * len(own), own, 'k.', markersize=5)
        axis.set_xticks(range(len(shown)), shown, fontsize=8, rotation=30, ha='right')
        axis.set_ylabel(f'target {metric} [{"mm" if "MPJPE" in metric else "%"}]')
        axis.grid(axis='y', alpha=0.3)
    figure.suptitle(suite)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)
