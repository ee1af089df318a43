"""How well label-free criteria choose checkpoints, from the logs of finished suite runs.

    python tools/benchmark/selection.py --suite people

Reads what each validation logged, ``work_dirs/suite/<suite>/<row>/seed<k>/*/vis_data/*.json``
(``target/PCK@0.05`` and ``label_free/*``), and writes ``docs/benchmarks/selection/<suite>.json``,
``.md`` and ``.png``. No training, no model.
"""
from __future__ import annotations

import argparse
import json
import math
from collections import defaultdict
from pathlib import Path

import numpy as np
from suites import SUITES

from udapose.cli._experiment import ROOT, write_json

#: Criteria of which less is better
LESS = {'label_free/entropy'}
NO_CRITERION = ('last checkpoint', 'random checkpoint')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--suite', nargs='+', choices=list(SUITES), default=list(SUITES))
    parser.add_argument('--work-dir', type=Path, default=ROOT / 'work_dirs/suite')
    parser.add_argument('--out', type=Path, default=ROOT / 'docs/benchmarks/selection')
    parser.add_argument('--min-validations', type=int, default=8,
                        help='runs with fewer are left out')
    return parser.parse_args()


# ---------------------------------------------------------------------- logs
def read_run(folder: Path, metric: str) -> list[dict]:
    """Validations of one run that logged both the metric and a label-free criterion.

    Args:
        folder (Path): The run's work directory; logs of resumed parts are joined, the later ones
            replacing the same iteration.
        metric (str): E.g. ``target/PCK@0.05``.

    Returns:
        list[dict]: ``iteration``, the metric and the criteria, by iteration.
    """
    found: dict[int, dict] = {}
    for log in sorted(folder.glob('*/vis_data/scalars.json')):
        last = 0
        for line in log.read_text(encoding='utf-8').splitlines():
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:  # the end of a killed run
                continue
            if metric not in entry:
                last = entry.get('iter', last)
                continue
            # MMEngine logs step 0 where it numbers validations by epoch
            iteration = entry.get('step') or last
            values = {k: v for k, v in entry.items() if k.startswith('label_free/')}
            if values:
                found[iteration] = dict(iteration=iteration, **{metric: entry[metric]}, **values)
    return [found[i] for i in sorted(found)]


def collect(suite: str, work: Path, min_validations: int) -> list[dict]:
    """All runs of a suite with enough validations, but those trained on target labels."""
    spec, runs = SUITES[suite], []
    metric = f'target/{spec["metric"]}'
    for folder in sorted((work / suite).glob('*/seed*')):
        if folder.parent.name == spec['upper']:
            continue
        checkpoints = read_run(folder, metric)
        if len(checkpoints) >= min_validations:
            runs.append(dict(row=folder.parent.name, seed=int(folder.name[4:]),
                             checkpoints=checkpoints))
    return runs


# ---------------------------------------------------------------------- statistics
def ranks(values) -> np.ndarray:
    """Ranks from 1, ties get the mean of theirs."""
    values = np.asarray(values, float)
    below = (values[None] < values[:, None]).sum(1)
    return below + ((values[None] == values[:, None]).sum(1) + 1) / 2


def spearman(a, b) -> float | None:
    """Spearman's rank correlation; None if one of them is constant."""
    a, b = (r - r.mean() for r in (ranks(a), ranks(b)))
    scale = math.sqrt(float((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale else None


def regret(criterion, metric) -> float:
    """Metric of the best checkpoint minus that of the one with the greatest criterion.

    Of several with the same criterion the first is taken, as ``save_best`` does.
    """
    return float(np.max(metric) - np.asarray(metric)[int(np.argmax(criterion))])


def statistics(runs: list[dict], metric: str) -> dict[str, dict]:
    """Per criterion, how it ranks checkpoints and what choosing by it costs.

    Args:
        runs (list[dict]): ``row``, ``seed`` and ``checkpoints``, see :func:`collect`.
        metric (str): The true target metric, percent.

    Returns:
        dict[str, dict]: ``within`` (Spearman per run: list, None where one is constant),
        ``pooled`` (Spearman over all checkpoints), ``regret`` (points per run: list), ``across``
        (points per seed: list; one choice among the checkpoints of all rows of the seed), ``runs``
        and ``checkpoints`` (counts). The entries ``last checkpoint`` and ``random checkpoint``
        (its expectation) have regrets only, ``across`` of the first chooses a run at random.
    """
    names = sorted({k for run in runs for c in run['checkpoints'] for k in c
                    if k.startswith('label_free/')})
    result = {}
    for name in (*names, *NO_CRITERION):
        usable = [run for run in runs if name in NO_CRITERION
                  or all(name in c for c in run['checkpoints'])]
        if not usable:
            continue
        truth = [np.array([c[metric] for c in run['checkpoints']]) for run in usable]
        seeds = sorted({run['seed'] for run in usable})
        of_seed = [[i for i, run in enumerate(usable) if run['seed'] == s] for s in seeds]
        entry = dict(runs=len(usable), checkpoints=sum(map(len, truth)))
        if name in NO_CRITERION:
            chosen = [t[-1] if name == NO_CRITERION[0] else t.mean() for t in truth]
            entry.update(
                regret=[float(t.max() - c) for t, c in zip(truth, chosen)],
                across=[float(max(truth[i].max() for i in group)
                              - np.mean([chosen[i] for i in group])) for group in of_seed])
        else:
            sign = -1 if name in LESS else 1
            value = [sign * np.array([c[name] for c in run['checkpoints']]) for run in usable]
            entry.update(
                within=[spearman(v, t) for v, t in zip(value, truth)],
                pooled=spearman(np.concatenate(value), np.concatenate(truth)),
                regret=[regret(v, t) for v, t in zip(value, truth)],
                across=[regret(np.concatenate([value[i] for i in group]),
                               np.concatenate([truth[i] for i in group])) for group in of_seed])
        result[name] = entry
    return result


def summarize(suite: str, runs: list[dict]) -> dict:
    """The JSON: the runs and their statistics."""
    metric = f'target/{SUITES[suite]["metric"]}'
    return dict(suite=suite, metric=metric, runs=runs, statistics=statistics(runs, metric))


# ---------------------------------------------------------------------- report
def selection_section(path: str | Path) -> str:
    """Markdown of one suite's JSON; empty if the file does not exist.

    Args:
        path (str | Path): ``docs/benchmarks/selection/<suite>.json``.
    """
    path = Path(path)
    if not path.exists():
        return ''
    data = json.loads(path.read_text(encoding='utf-8'))
    per_row = defaultdict(list)
    for run in data['runs']:
        per_row[run['row']].append(run['seed'])
    rows = ', '.join(f'`{row}` ({len(seeds)})' for row, seeds in per_row.items())
    count = sum(len(run['checkpoints']) for run in data['runs'])
    lines = [
        '### Model selection without labels\n',
        f'{len(data["runs"])} runs, {count} checkpoints (runs per row: {rows}). The truth is '
        f'{data["metric"]} on the labelled validation set at the same checkpoint. Rank '
        'correlation: Spearman, positive if the criterion prefers better checkpoints. Regret: '
        'points below the checkpoint that target labels would choose, 0 for that oracle. *Across '
        'rows*: one choice among all rows and checkpoints of a seed (a criterion that only some '
        'runs have: among those).\n',
        '| chosen by | correlation within runs: mean (lowest) | pooled | regret within runs: mean '
        '(largest) | regret across rows: mean (largest) | runs |', '|' + '---|' * 6]
    entries = data['statistics']
    for name in sorted(entries, key=lambda n: (n in NO_CRITERION, np.mean(entries[n]['regret']))):
        entry = entries[name]
        cells = ['', '']
        if name not in NO_CRITERION:
            within = [v for v in entry['within'] if v is not None]
            cells = [f'{np.mean(within):+.2f} ({min(within):+.2f})' if within else 'constant',
                     'constant' if entry['pooled'] is None else f'{entry["pooled"]:+.2f}']
        cells += [f'{np.mean(entry[k]):.2f} ({max(entry[k]):.2f})' for k in ('regret', 'across')]
        title = name if name in NO_CRITERION else f'`{name}`' + (
            ' (less is better)' if name in LESS else '')
        lines.append('| ' + ' | '.join([title, *cells, str(entry['runs'])]) + ' |')
    lines.append('| target labels (oracle) | +1.00 (+1.00) | +1.00 | 0.00 (0.00) | 0.00 (0.00) | '
                 f'{len(data["runs"])} |')
    picture = path.with_suffix('.png')
    if picture.exists():
        lines.append(f'\n![{data["suite"]} selection]({path.parent.name}/{picture.name})')
    return '\n'.join(lines) + '\n'


def plot(data: dict, path: Path) -> None:
    """One panel per criterion: its value against the truth, a line per run."""
    import matplotlib
    matplotlib.use('Agg')
    from matplotlib import pyplot as plt
    names = [n for n in data['statistics'] if n not in NO_CRITERION]
    rows = sorted({run['row'] for run in data['runs']})
    figure, axes = plt.subplots(1, len(names), figsize=(3 * len(names), 3.2), sharey=True,
                                squeeze=False)
    for axis, name in zip(axes[0], names):
        for run in data['runs']:
            points = [(c[name], c[data['metric']]) for c in run['checkpoints'] if name in c]
            if points:
                axis.plot(*zip(*points), '.-', color=f'C{rows.index(run["row"]) % 10}', alpha=0.5,
                          linewidth=0.8, markersize=4)
        axis.set_xlabel(name.removeprefix('label_free/') + (' (less)' if name in LESS else ''))
        axis.grid(alpha=0.3)
    axes[0, 0].set_ylabel(f'{data["metric"]} [%]')
    for i, row in enumerate(rows):
        axes[0, 0].plot([], [], color=f'C{i % 10}', label=row)
    axes[0, 0].legend(fontsize=6)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> None:
    args = parse_args()
    for suite in args.suite:
        runs = collect(suite, args.work_dir, args.min_validations)
        if not runs:
            print(f'{suite}: no run in {args.work_dir / suite} has {args.min_validations} '
                  'validations with label_free/* (val_cfg.label_free, train_cfg.val_interval)')
            continue
        data = summarize(suite, runs)
        path = args.out / f'{suite}.json'
        write_json(path, data)
        plot(data, path.with_suffix('.png'))
        # the section links from the folder above
        path.with_suffix('.md').write_text(
            selection_section(path).replace(f']({path.parent.name}/', ']('), encoding='utf-8')
        print(f'{suite}: {len(runs)} runs -> {path}')


if __name__ == '__main__':
    main()
