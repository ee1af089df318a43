r"""Images a second of a whole pre-training on one core: loading, augmentation, masks, step, hooks.

    python tools/benchmark/mae_stage_speed.py --out docs/benchmarks/mae_stage_speed.json \
        --page docs/masked_autoencoder.md

Runs the first iterations of shipped configs as `udapose train` does, in one thread without
workers. The time is that of the process on the CPU, so that other processes hardly change it. Needs
the embedded data sets (`udapose synth`).
"""
from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from step_report import publish

import udapose  # noqa: F401
from udapose.configs import config_root

MARKS = ('<!-- mae_stage_speed: begin -->', '<!-- mae_stage_speed: end -->')
CONFIGS = [f'mae_synth-{kind}_vit-tiny_{side}x{side}' for kind in ('hands', 'people')
           for side in (64, 96)]
WARM_UP = 3


class _Clock(Hook):
    """CPU seconds between the ends of iterations, and those within the steps."""
    priority = 'VERY_LOW'

    def __init__(self) -> None:
        self.ends, self.steps = [], []

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        self.begin = time.process_time()

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        self.ends.append(time.process_time())
        self.steps.append(self.ends[-1] - self.begin)


def measure(name: str, iterations: int) -> dict:
    """Images a second of one config, and the share of the time before each step."""
    cfg = Config.fromfile(config_root() / f'masked_reconstruction/{name}.py')
    clock = _Clock()
    with tempfile.TemporaryDirectory() as work_dir:
        cfg.merge_from_dict(dict(
            work_dir=work_dir, experiment_name=name,
            visualizer=dict(name=name),  # MMEngine keeps one for each name and process
            train_cfg=dict(max_iters=iterations + WARM_UP),
            train_dataloader=dict(num_workers=0, persistent_workers=False)))
        runner = Runner.from_cfg(cfg)
        runner.register_hook(clock)
        runner.train()
    whole = [b - a for a, b in zip(clock.ends[WARM_UP - 1:], clock.ends[WARM_UP:])]
    batch, seconds = cfg.train_dataloader.batch_size, statistics.median(whole)
    return dict(
        config=name, batch_size=batch, images_per_second=round(batch / seconds, 1),
        loading=round(1 - statistics.median(clock.steps[WARM_UP:]) / seconds, 3))


def table(result: dict) -> str:
    """The result as Markdown."""
    lines = ['| config | images/s per core | of that time, loading and augmentation |',
             '|---|---|---|']
    lines += [f'| `{row["config"]}` | {row["images_per_second"]:.0f} | {row["loading"]:.0%} |'
              for row in result['rows']]
    return '\n'.join([*lines, '', f'Median of {result["iterations"]} iterations of batch '
                      f'{result["rows"][0]["batch_size"]}, {result["device"]}, PyTorch '
                      f'{result["torch"]}.'])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--configs', nargs='+', default=CONFIGS)
    parser.add_argument('--iterations', type=int, default=12)
    parser.add_argument('--out', type=Path)
    parser.add_argument('--page', type=Path, help='Markdown file with markers for the table')
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = [measure(name, args.iterations) for name in args.configs]
    result = dict(iterations=args.iterations, torch=torch.__version__,
                  device='cpu, 1 thread, CPU time', rows=rows)
    publish(result, table(result), MARKS, args.out, args.page)


if __name__ == '__main__':
    main()
