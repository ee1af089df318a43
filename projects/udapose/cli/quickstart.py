"""Train on synthetic images, adapt to unlabelled ones, evaluate: all through MMPose's scripts.

Leaves in ``--out``: results.json, table.txt, contact_sheet.png, before_after.png, curves.png,
adapted_model/{model.pth, config.py} (a plain MMPose model). An interrupted run continues; a folder
of another run (--kind, --seed, --data) is refused.
"""
from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from _experiment import (
    CONFIGS,
    ROOT,
    check_record,
    last_checkpoint,
    metrics,
    test,
    train,
    wait,
    write_json,
)

SMOKE = dict(sizes=('--size', '64', '--source-train', '200', '--target-train', '200', '--val', '20',
                    '--test', '40'), source=60, adapt=40)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--kind', choices=('people', 'hands'), default='people')
    parser.add_argument('--oracle', action='store_true', help='also train with target labels')
    parser.add_argument('--smoke', action='store_true', help='two minutes, for CI')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--out', type=Path, default=None, help='default: work_dirs/quickstart')
    parser.add_argument('--data', type=Path, default=None, help='default: data/synthpose/KIND')
    return parser.parse_args()


def data_options(data: Path, layout: str) -> dict[str, str]:
    """Config keys that point a config's data sets at ``data``; ``layout`` is the method's."""
    source, target = f'{data}/source/', f'{data}/target/'
    keys = dict(plain={'data_root': source},
                two_domain={'source.data_root': source,
                            'target.data_root': f'{target}images/train/'},
                oracle={'datasets.0.data_root': source, 'datasets.1.data_root': target})[layout]
    return {'val_dataloader.dataset.data_root': target,
            **{f'train_dataloader.dataset.{k}': v for k, v in keys.items()}}


def domain_options(data: Path, kind: str, domain: str) -> dict[str, str]:
    """Config keys that make test.py score the test set of one domain."""
    meta = CONFIGS / f'_base_/datasets/metainfo/synth_{kind}_{domain}.py'
    return {'test_dataloader.dataset.data_root': f'{data}/{domain}/',
            'test_dataloader.dataset.metainfo.from_file': str(meta),
            'test_evaluator.prefix': domain}


def main() -> None:
    args = parse_args()
    started = time.time()
    out = (args.out or ROOT / f'work_dirs/quickstart{"_smoke" if args.smoke else ""}').resolve()
    data = (args.data or (out / 'data' if args.smoke else ROOT / f'data/synthpose/{args.kind}')
            ).resolve()
    shown = os.path.relpath(out)  # from the caller's folder, as --out and --data are
    os.chdir(ROOT)  # the configs name files of the repository
    out.mkdir(parents=True, exist_ok=True)
    cores = len(os.sched_getaffinity(0))
    name, seconds = f'synth-{args.kind}_res18-w32_64x64', {}

    def step(title: str, key: str, jobs) -> None:
        print(f'== {title}', flush=True)
        begin = time.time()
        wait(jobs())
        seconds[key] = round(time.time() - begin, 1)

    def settings(method: str, layout: str) -> tuple[Path, dict]:
        iters = SMOKE['source' if method == 'source_only_init' else 'adapt']
        smoke = {'train_cfg.max_iters': iters, 'train_cfg.val_interval': iters,
                 'default_hooks.checkpoint.interval': iters} if args.smoke else {}
        return CONFIGS / CONFIG_FILES[method].format(name=name), {
            **data_options(data, layout), 'randomness.seed': args.seed, **smoke}

    check_record(out / 'source_only_init', *settings('source_only_init', 'plain'))

    print('== 1/4 the embedded data set', flush=True)
    begin = time.time()
    command = [sys.executable, '-m', 'udapose.synthetic', '--kind', args.kind, '--out', str(data)]
    subprocess.run(command + list(SMOKE['sizes'] if args.smoke else ()), check=True, cwd=ROOT)
    seconds['data'] = round(time.time() - begin, 1)
    if (data / 'contact_sheet.png').exists():
        shutil.copy(data / 'contact_sheet.png', out / 'contact_sheet.png')

    def training(method: str, layout: str, threads: int, **more):
        config, overrides = settings(method, layout)
        return train(method, config, out / method, threads, **overrides, **more)

    step('2/4 train on labelled source images', 'source',
         lambda: [training('source_only_init', 'plain', cores)])
    init = dict(load_from=str(last_checkpoint(out / 'source_only_init')))
    methods = dict(source_only='plain', adapted='two_domain')
    if args.oracle:
        methods['oracle'] = 'oracle'
    share = max(cores // len(methods), 1)
    step('3/4 adapt to the unlabelled target images (beside it: source only, as long; '
         + ('oracle)' if args.oracle else 'no oracle)'), 'adaptation',
         lambda: [training(m, layout, share, **init) for m, layout in methods.items()])

    print('== 4/4 evaluate and draw', flush=True)
    begin = time.time()
    for method in methods:
        wait([test(f'{method}/{domain}', CONFIGS / CONFIG_FILES[method].format(name=name),
                   last_checkpoint(out / method), out / 'tests' / method / domain,
                   **domain_options(data, args.kind, domain)) for domain in ('source', 'target')])
    seconds['evaluation'] = round(time.time() - begin, 1)

    results = collect(out, methods)
    from _pictures import before_after, curves, export_adapted
    export_adapted(out)
    before_after(out, data, args.kind)
    curves(out)
    seconds['total'] = round(time.time() - started, 1)
    import torch
    results.update(
        iterations={m: max_iters(out / m) for m in ('source_only_init', *methods)},
        seed=args.seed,
        device=(torch.cuda.get_device_name() if torch.cuda.is_available()
                else f'cpu ({cores} cores)'),
        seconds=seconds)
    write_json(out / 'results.json', results)
    table = format_table(results)
    (out / 'table.txt').write_text(table)
    print(table)
    print(f'everything is in {shown}: results.json, table.txt, contact_sheet.png, '
          'before_after.png, curves.png, adapted_model/model.pth + config.py')


CONFIG_FILES = dict(
    source_only_init='source_only/source-only_{name}.py',
    source_only='source_only/source-only-continued_{name}.py',
    adapted='mean_teacher/mean-teacher_{name}.py',
    oracle='oracle/oracle_{name}.py')


def max_iters(work_dir: Path) -> int:
    """Iterations of the last checkpoint, from its name."""
    return int(last_checkpoint(work_dir).stem.split('_')[-1])


def collect(out: Path, methods) -> dict:
    """The documented result (docs/design.md), PCK in percent."""
    keys = ('PCK@0.05', 'PCK@0.1')
    results: dict = dict(source_only=None, adapted=None, oracle=None, gap_closed=None)
    for method in methods:
        results[method] = {}
        for domain in ('source', 'target'):
            found = metrics(out / 'tests' / method / domain)
            results[method][domain] = {k: round(found[f'{domain}/{k}'], 2) for k in keys}
    if results['oracle']:
        low, mid, high = (results[m]['target']['PCK@0.05']
                          for m in ('source_only', 'adapted', 'oracle'))
        results['gap_closed'] = round(100 * (mid - low) / (high - low), 1) if high > low else None
    return results


def format_table(results: dict) -> str:
    """A text table of all methods."""
    lines = [f'{"":14}{"target":>18}{"source":>22}',
             f'{"":14}{"PCK@0.05":>11}{"PCK@0.1":>11}{"PCK@0.05":>11}{"PCK@0.1":>11}']
    for method in ('source_only', 'adapted', 'oracle'):
        if results[method]:
            values = [results[method][d][k] for d in ('target', 'source')
                      for k in ('PCK@0.05', 'PCK@0.1')]
            lines.append(f'{method:14}' + ''.join(f'{v:11.1f}' for v in values))
    if results['gap_closed'] is not None:
        lines.append(f'gap closed (target PCK@0.05): {results["gap_closed"]:.0f} %')
    return '\n'.join(lines) + '\n'


if __name__ == '__main__':
    try:
        main()
    except RuntimeError as error:  # the end of a job's log, or another run's folder
        sys.exit(f'error: {error}')
