"""How well label-free criteria choose between *methods*, from the last models of finished runs.

    python tools/benchmark/selection_methods.py --suite people hands

Measures ``LabelFreeCriteria`` on the last checkpoint of each run that has a JSON in
``docs/benchmarks/runs/``, all on the same views of the same target images. The truth is the target
score in that JSON (test split). Writes ``docs/benchmarks/selection/<suite>_methods.json``; the page
of the benchmark shows it. No training.
"""
from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from selection import LESS, NO_CRITERION, statistics
from suite_run import Run
from suites import SUITES

from udapose.cli._experiment import CONFIGS, ROOT, last_checkpoint, write_json

RUNS = ROOT / 'docs/benchmarks/runs'
#: Whose training set of target images, and whose views, all rows are measured on
VIEWS = 'mean_teacher'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--suite', nargs='+', choices=list(SUITES), default=['people', 'hands'])
    parser.add_argument('--work-dir', type=Path, default=ROOT / 'work_dirs/suite')
    parser.add_argument('--out', type=Path, default=ROOT / 'docs/benchmarks/selection')
    parser.add_argument('--num-images', type=int, default=200)
    parser.add_argument('--device', default='cpu')
    return parser.parse_args()


def measured_rows(suite: str) -> list[str]:
    """Rows of the main table."""
    return [row for row, cfg in SUITES[suite]['rows'].items()
            if not cfg.get('hidden') and 'table' not in cfg]


def measure(suite: str, work: Path, num_images: int, device: str) -> list[dict]:
    """``row``, ``seed``, the truth and the criteria of every finished run."""
    from mmengine.config import Config
    from mmengine.registry import init_default_scope
    from mmengine.runner.checkpoint import CheckpointLoader
    from mmpose.registry import METRICS, MODELS

    from udapose.models.pose_estimators.checkpoint_formats import load_weights
    spec, found, criteria = SUITES[suite], [], None
    truth = spec['metric']
    for row in measured_rows(suite):
        cfg = Config.fromfile(CONFIGS / spec['rows'][row]['config'])
        for seed in sorted(int(p.stem.rsplit('seed', 1)[1])
                           for p in RUNS.glob(f'{suite}-{row}-seed*.json')):
            run = Run(suite, row, seed, work, RUNS)
            if not run.complete:
                print(f'{run.dir} has not the training of {run.json.name}: {row}, seed {seed} is '
                      'left out')
                continue
            cfg.merge_from_dict({k: None if v == 'None' else v for k, v in
                                 spec['rows'][row].get('options', {}).items()
                                 if k.startswith('model.')})
            init_default_scope('mmpose')
            if criteria is None:
                views = Config.fromfile(CONFIGS / spec['rows'][VIEWS]['config'])
                criteria = METRICS.build(dict(type='LabelFreeCriteria', num_images=num_images))
                criteria.prepare(views.train_dataloader.dataset.target)
            model = MODELS.build(cfg.model).to(device)
            load_weights(model, CheckpointLoader.load_checkpoint(
                str(last_checkpoint(run.dir)), map_location='cpu'))
            results = json.loads(run.json.read_text(encoding='utf-8'))['results']
            found.append(dict(row=row, seed=seed, **{f'target/{truth}': results['target'][truth]},
                              **{f'label_free/{k}': round(v, 4)
                                 for k, v in criteria(model).items()}))
            print(found[-1], flush=True)
    return found


def by_seed(models: list[dict], upper: str | None) -> list[dict]:
    """What :func:`selection.statistics` wants: per seed one 'run' whose 'checkpoints' are methods.

    Rows that a seed lacks would make seeds incomparable: only rows that all seeds have. The row
    ``upper`` was trained on target labels and is no candidate.
    """
    models = [m for m in models if m['row'] != upper]
    seeds = sorted({m['seed'] for m in models})
    common = set.intersection(*({m['row'] for m in models if m['seed'] == s} for s in seeds))
    return [dict(row='methods', seed=s, checkpoints=[
        m for m in models if m['seed'] == s and m['row'] in common]) for s in seeds]


def methods_section(path: str | Path) -> str:
    """Markdown of one suite's JSON; empty if the file does not exist."""
    path = Path(path)
    if not path.exists():
        return ''
    data = json.loads(path.read_text(encoding='utf-8'))
    metric, upper = data['metric'], SUITES[data['suite']]['upper']
    runs = by_seed(data['models'], upper)
    found = {k: v for k, v in statistics(runs, metric).items() if k != NO_CRITERION[0]}
    names = sorted((k for k in found if k not in NO_CRITERION),
                   key=lambda n: np.mean(found[n]['regret']))
    rows = [m['row'] for m in runs[0]['checkpoints']]

    def mean(row: str, key: str) -> float:
        return np.mean([m[key] for m in data['models'] if m['row'] == row])

    def title(name: str) -> str:
        return name.removeprefix('label_free/') + (' (less)' if name in LESS else '')

    lines = [
        '### Choosing a method without labels\n',
        f'Last checkpoint of {len(rows)} methods, {len(runs)} seed(s), {data["num_images"]} target '
        f'images without labels. The truth is {metric} on the test split; `{upper}` is shown, but '
        'no candidate. Mean over the seeds:\n',
        f'| method | {metric} | ' + ' | '.join(map(title, names)) + ' |',
        '|' + '---|' * (len(names) + 2)]
    lines += [f'| `{row}` | {mean(row, metric):.1f} | ' + ' | '.join(
        f'{mean(row, n):.3g}' for n in names) + ' |'
        for row in (*sorted(rows, key=lambda r: mean(r, metric)), upper)
        if any(m['row'] == row for m in data['models'])]
    lines += ['\nHow each ranks the methods of a seed, and how many points below the best method '
              'its choice is:\n', '| chosen by | rank correlation: mean (lowest) | '
              'regret: mean (largest) |', '|---|---|---|']
    for name in (*names, NO_CRITERION[1]):
        entry = found[name]
        within = [v for v in entry.get('within', ()) if v is not None]
        shown = f'{np.mean(within):+.2f} ({min(within):+.2f})' if within else ''
        label = 'random method' if name in NO_CRITERION else f'`{name}`' + (
            ' (less is better)' if name in LESS else '')
        lines.append(f'| {label} | {shown} | {np.mean(entry["regret"]):.2f} '
                     f'({max(entry["regret"]):.2f}) |')
    return '\n'.join(lines) + '\n'


def main() -> None:
    args = parse_args()
    import udapose  # noqa: F401
    for suite in args.suite:
        models = measure(suite, args.work_dir, args.num_images, args.device)
        if not models:
            print(f'{suite}: no finished run has its checkpoint in {args.work_dir / suite}')
            continue
        write_json(args.out / f'{suite}_methods.json', dict(
            suite=suite, metric=f'target/{SUITES[suite]["metric"]}', models=models,
            num_images=args.num_images))
        print(f'{suite}: {len(models)} models')


if __name__ == '__main__':
    main()
