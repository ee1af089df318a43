r"""Channels last against torch's usual memory format: time of a training step.

    python tools/benchmark/memory_format.py --out docs/benchmarks/memory_format.json \
        --page docs/costs.md

A step is a plain MMPose model's (backbone, three deconvolutions, heatmap loss) or the backbone's
alone: forward, backward, Adam. Both formats are timed in turns in one process; the speed-up is the
median over the rounds of the ratio of their times, so a machine that is busy for both changes
little.
"""
from __future__ import annotations

import argparse
import copy
import statistics
from collections.abc import Callable
from pathlib import Path

import torch
from mmengine.registry import init_default_scope

import udapose  # noqa: F401  (before anything of MMPose's)

# isort: split
from mmpose.registry import MODELS
from step_cost import clock
from step_parts import make_batch
from step_report import publish
from step_settings import estimator

from udapose.engine.hooks.channels_last_hook import lay_out

MARKS = ('<!-- memory_format: begin -->', '<!-- memory_format: end -->')
FORMATS = dict(contiguous=torch.contiguous_format, channels_last=torch.channels_last)
# Backbone and the channels of its last stage.
BACKBONES = {
    'ResNet-18': (dict(type='ResNet', depth=18), 512),
    'ResNet-50': (dict(type='ResNet', depth=50), 2048),
    'MobileNetV2': (dict(type='MobileNetV2', out_indices=(7,)), 1280)}


def steps(name: str, size: int, batch: int, device: torch.device, backbone: bool
          ) -> dict[str, Callable]:
    """The step of a model, or of its backbone alone, in each format: same weights and images."""
    init_default_scope('mmpose')
    torch.manual_seed(0)
    cfg = estimator(18, size)
    cfg['backbone'], cfg['head']['in_channels'] = BACKBONES[name]
    cfg['train_cfg'] = dict(compute_acc=False)
    model = MODELS.build(cfg).to(device).train()
    inputs, samples = make_batch(batch, size, device)

    def made(memory_format: torch.memory_format) -> Callable:
        own = copy.deepcopy(model)
        lay_out(own, memory_format)
        optimizer = torch.optim.Adam(own.parameters(), lr=1e-4)

        def step() -> float:
            optimizer.zero_grad()
            loss = own.backbone(inputs['source'])[-1].square().mean() if backbone else \
                own.loss(inputs['source'], samples['source'])['loss_kpt']
            loss.backward()
            optimizer.step()
            return loss
        return step
    return {key: made(memory_format) for key, memory_format in FORMATS.items()}


def measure(tasks: dict[str, Callable], rounds: int, device: torch.device) -> dict:
    """Seconds of a step in both formats and the speed-up with its quartiles."""
    timed = clock(device)
    losses = {key: float(task()) for key, task in tasks.items()}  # warms up, too
    seconds = {key: [] for key in tasks}
    for _ in range(rounds):
        for key, task in tasks.items():
            seconds[key].append(timed(task, 1))
    ratios = [a / b for a, b in zip(seconds['contiguous'], seconds['channels_last'], strict=True)]
    low, speedup, high = statistics.quantiles(ratios, n=4, method='inclusive') \
        if rounds > 1 else ratios * 3
    return dict(speedup=round(speedup, 2), low=round(low, 2), high=round(high, 2),
                first_losses=losses,
                seconds={k: round(statistics.median(v), 3) for k, v in seconds.items()})


def table(result: dict) -> str:
    """The results as Markdown."""
    setting = result['setting']
    return '\n'.join([
        f'{setting["size"]}x{setting["size"]}, batch {setting["batch"]}, {setting["device"]}, 1 '
        f'thread, PyTorch {setting["torch"]}; median (quartiles) of {setting["rounds"]} rounds.',
        '', '| training step | usual / channels last | seconds |', '|---|---|---|',
        *(f'| {name} | **{row["speedup"]:.2f}** ({row["low"]:.2f}-{row["high"]:.2f}) | '
          f'{row["seconds"]["contiguous"]:.2f} -> {row["seconds"]["channels_last"]:.2f} |'
          for name, row in result['models'].items())])


def main(argv: list[str] | None = None) -> dict:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--models', nargs='+', choices=sorted(BACKBONES),
                        default=['ResNet-18', 'MobileNetV2'])
    parser.add_argument('--size', type=int, default=128, help='side of the inputs in pixels')
    parser.add_argument('--batch', type=int, default=32)
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--out', type=Path)
    parser.add_argument('--page', type=Path, help='Markdown file with markers for the table')
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    device = torch.device(args.device)
    where = torch.cuda.get_device_name(device) if device.type == 'cuda' else \
        f'CPU ({torch.backends.cpu.get_cpu_capability()})'
    result = dict(setting=dict(size=args.size, batch=args.batch, rounds=args.rounds, device=where,
                               torch=torch.__version__), models={
        f'{name}{", backbone alone" * alone}': measure(
            steps(name, args.size, args.batch, device, alone), args.rounds, device)
        for name in args.models for alone in (True, False)})
    publish(result, table(result), MARKS, args.out, args.page)
    return result


if __name__ == '__main__':
    main()
