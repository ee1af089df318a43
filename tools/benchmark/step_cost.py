"""Time of an adaptation step as a multiple of the passes that cannot be avoided, part by part.

    python tools/benchmark/step_cost.py --out docs/benchmarks/step_cost.json --page docs/costs.md

Everything is timed in one process, in turns; docs/costs.md explains what is compared.
"""
from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

warnings.filterwarnings('ignore')

import torch  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

import udapose  # noqa: E402,F401

# isort: split
import step_heads  # noqa: E402
import step_parts as parts  # noqa: E402
import step_settings as settings  # noqa: E402
from step_micro import pieces  # noqa: E402
from step_report import into_page, markdown  # noqa: E402
from step_syncs import imagined, profiled  # noqa: E402

from udapose.engine.machine import slowdown  # noqa: E402

MAX_SLOWDOWN = 3.  # of float32's time
MICRO_LOOPS = 10
NO_NETWORK_GOAL = 0.01


# ---------------------------------------------------------------------- timing
def clock(device: torch.device) -> Callable[[Callable, int], float]:
    """A function that times ``loops`` calls: CPU time of the process, or CUDA events."""
    def cpu(task: Callable, loops: int) -> float:
        start = time.process_time()
        for _ in range(loops):
            task()
        return (time.process_time() - start) / loops

    def cuda(task: Callable, loops: int) -> float:
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        torch.cuda.synchronize(device)
        begin.record()
        for _ in range(loops):
            task()
        end.record()
        torch.cuda.synchronize(device)
        return begin.elapsed_time(end) / 1000 / loops
    return cuda if device.type == 'cuda' else cpu


def take_turns(tasks: dict[str, tuple[Callable, int]], repeats: int, device: torch.device,
               between: Callable = lambda: None) -> dict[str, list[float]]:
    """Seconds of each task in each round; one round more, the first, is thrown away.

    Args:
        tasks (dict[str, tuple[Callable, int]]): Name to a function and how often it is called at
            a time.
        repeats (int): Rounds.
        device (torch.device): Decides on the clock.
        between (Callable): Called before each task, not timed.
    """
    timed, seconds = clock(device), {name: [] for name in tasks}
    for i in range(repeats + 1):
        for name, (task, loops) in tasks.items():
            between()
            took = timed(task, loops)
            if i:
                seconds[name].append(took)
        print(f'round {i} of {repeats} done', file=sys.stderr)
    return seconds


def share(seconds: list[float], base: list[float]) -> dict[str, float]:
    """Median and quartiles over the rounds of a task's time in multiples of the base's."""
    ratios = sorted(s / b for s, b in zip(seconds, base, strict=True))
    low, _, high = statistics.quantiles(ratios, n=4, method='inclusive') if len(ratios) > 1 \
        else ratios * 3
    return {k: round(v, 5) for k, v in (
        ('share', statistics.median(ratios)), ('low', low), ('high', high))}


def operations(task: Callable) -> float:
    """Multiply-adds (1e9) of convolutions and matrix products in one call, backward included."""
    with FlopCounterMode(display=False) as counter:
        task()
    return counter.get_total_flops() / 2e9


# ---------------------------------------------------------------------- the measurement
def too_slow(device: torch.device) -> dict[str, str]:
    """Types in which this machine computes, but so slowly that a measurement would never end."""
    if device.type != 'cpu':
        return {}
    times = slowdown(torch.bfloat16)['convolutions']
    return {'bfloat16': f'this processor has no instructions for bfloat16: a convolution takes '
                        f'{times:.0f} times as long as in float32'} if times > MAX_SLOWDOWN else {}


def style_of(suffix: str, style: str | None) -> dict | None:
    """The style transfer of a step, see :data:`settings.STEPS`."""
    return settings.config_style(suffix) if style == 'config' else settings.STYLES.get(style)


def measure(bench: parts.Workbench, repeats: int) -> dict:
    """All shares of one workbench, as in the JSON file; what cannot be measured is listed."""
    slow = too_slow(bench.device)
    reasons = {n: slow.get(s.get('dtype')) for n, s in settings.STYLES.items()}
    reasons.update({n: slow.get((style_of(*step[:2]) or {}).get('dtype'))
                    for n, step in settings.STEPS.items()})
    left_out = {name: reason for name, reason in reasons.items() if reason}
    for name, reason in left_out.items():
        print(f'left out: {name} ({reason})', file=sys.stderr)
    styles = {n: s for n, s in settings.STYLES.items() if n not in left_out}
    discriminators = dict(settings.DISCRIMINATORS)
    steps, tasks = {}, {'base': (bench.base, 1), 'joint base': (lambda: bench.base(True), 1)}
    for name, (suffix, style, changes, goal) in settings.STEPS.items():
        if name in left_out:
            continue
        model = settings.model_config(suffix)
        if style == 'config':
            spec = settings.config_style(suffix)
            style = f'as in the config: {name} ({spec["prob"]:.0%} of the images)'
            styles[style] = spec
        step = bench.step(suffix, styles.get(style), changes)
        tasks[f'step/{name}'] = step, 1
        tasks[f'no_network/{name}'] = bench.no_network(suffix, changes), MICRO_LOOPS
        found = settings.config_discriminator(suffix) if changes.get('alignments', 1) else None
        joint = (model.get('train_cfg') or {}).get('joint_forward', True)
        same = [n for n, d in discriminators.items() if d == found]
        if found and not same:
            same = [f'as in the config: {name}']
            discriminators[same[0]] = found
        steps[name] = dict(
            goal=goal, passes='joint base' if joint else 'base', style=style,
            discriminator=same[0] if found else None, run=step)
    tasks.update({f'style/{n}': (bench.style(s), 1) for n, s in styles.items()})
    tasks.update({f'discriminator/{n}': (bench.discriminator(*d), 1)
                  for n, d in discriminators.items()})
    counts = {name: operations(task) for name, (task, _) in tasks.items()}
    tasks.update({f'piece/{n}': (f, MICRO_LOOPS) for n, f in pieces(bench).items()})

    def forget_gradients() -> None:
        bench.student.zero_grad(set_to_none=True)

    seconds = take_turns(tasks, repeats, bench.device, forget_gradients)
    base = seconds['base']
    shares = {name: share(s, base) for name, s in seconds.items()}
    for name, count in counts.items():
        shares[name]['operations'] = round(count / counts['base'], 6)
    result = dict(base_seconds=statistics.median(base), base_operations=counts['base'], steps={},
                  no_network={}, parts={}, left_out=left_out)
    result['parts']['joint base'] = shares['joint base']
    for group in ('style', 'discriminator', 'piece'):
        result['parts'][group] = {n.removeprefix(f'{group}/'): s for n, s in shares.items()
                                  if n.startswith(f'{group}/')}
    nothing = dict(share=0., low=0., high=0., operations=0.)
    for name, step in steps.items():
        chosen = {'passes': step['passes'], 'style': f'style/{step["style"]}',
                  'discriminator': f'discriminator/{step["discriminator"]}',
                  'no_network': f'no_network/{name}'}
        own = {part: shares.get(task, nothing) for part, task in chosen.items()}
        whole = shares[f'step/{name}']
        result['steps'][name] = dict(
            whole, goal=step['goal'], parts=own,
            sum_of_parts=round(sum(part['share'] for part in own.values()), 5),
            logged_keys=len(step['run'].log))
        result['no_network'][name] = dict(shares[f'no_network/{name}'], goal=NO_NETWORK_GOAL)
    return result


def measure_heads(bench: step_heads.SimCCBench, repeats: int) -> dict:
    """The step of another head in multiples of its own base, by row."""
    tasks = bench.tasks()
    counts = {name: operations(task) for name, (task, _) in tasks.items()}
    seconds = take_turns(tasks, repeats, bench.inputs['source'].device, bench.forget)
    whole, passes = (dict(share(seconds[n], seconds['base']),
                          operations=round(counts[n] / counts['base'], 6))
                     for n in ('step', 'joint base'))
    return {step_heads.ROW: dict(
        whole, goal=step_heads.GOAL, passes=passes,
        base_seconds=statistics.median(seconds['base']), base_operations=counts['base'])}


# ---------------------------------------------------------------------- waiting for a GPU
def waiting(bench: parts.Workbench) -> dict:
    """Blocking calls of each step: profiled on a GPU, else found in imagination."""
    if bench.device.type != 'cuda':
        found = imagine(bench.batch)
        return dict(method='imagined', found=found,
                    calls={name: sum(places.values()) for name, places in found.items()})
    found, calls = {}, {}
    for name, make in _waiting_tasks():
        task = make(bench)
        task()
        calls[name], found[name] = profiled(task)
    return dict(method='profiler', found=found, calls=calls)


def _waiting_tasks() -> list[tuple[str, Callable]]:
    def step(suffix, style, changes):
        return lambda bench: bench.step(suffix, style_of(suffix, style), changes)
    tasks = [(name, step(*spec[:3])) for name, spec in settings.STEPS.items()]
    return tasks + [
        (step_heads.ROW, lambda bench: step_heads.SimCCBench(
            bench.size, bench.batch, bench.device).step),
        ('data preprocessor', lambda bench: bench.preprocess(False)),
        ('data preprocessor, non_blocking=True', lambda bench: bench.preprocess(True))]


def imagine(batch: int) -> dict:
    """Blocking operations of each step by place in the code, found without a GPU."""
    return {name: imagined(lambda device, make=make: make(parts.Workbench(18, 64, batch, device)))
            for name, make in _waiting_tasks()}


# ---------------------------------------------------------------------- command line
def main(argv: list[str] | None = None) -> dict:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--backbone-depth', type=int, default=50, choices=sorted(settings.CHANNELS))
    parser.add_argument('--size', type=int, default=256, help='side of the inputs in pixels')
    parser.add_argument('--batch', type=int, default=4, help='images per domain, even')
    parser.add_argument('--repeats', type=int, default=5, help='rounds')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--channels-last', action='store_true', help='memory format of all')
    parser.add_argument('--threads', type=int, default=1, help='CPU threads')
    parser.add_argument('--out', type=Path, help='JSON file')
    parser.add_argument('--page', type=Path, help='Markdown file with markers for the tables')
    args = parser.parse_args(argv)
    if args.size % 32 or args.batch % 2 or min(args.size, args.batch, args.repeats) < 1:
        parser.error('--size must be a multiple of 32, --batch even, --repeats at least 1')
    torch.set_num_threads(args.threads)
    torch.backends.cudnn.benchmark = True
    device = torch.device(args.device)
    memory_format = torch.channels_last if args.channels_last else torch.contiguous_format
    bench = parts.Workbench(args.backbone_depth, args.size, args.batch, device, memory_format)
    result = dict(setting=dict(
        depth=args.backbone_depth, size=args.size, joints=settings.JOINTS, batch=args.batch,
        repeats=args.repeats, threads=args.threads,
        memory_format=str(memory_format).removeprefix('torch.'),
        device=torch.cuda.get_device_name(device) if device.type == 'cuda'
        else f'CPU ({platform.machine()})', torch=torch.__version__,
        clock='CUDA events' if device.type == 'cuda' else 'CPU time of the process'))
    other = step_heads.SimCCBench(args.size, args.batch, device, memory_format)
    result.update(measure(bench, args.repeats), heads=measure_heads(other, args.repeats),
                  waiting=waiting(bench))
    text = markdown(result)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(result, indent=1) + '\n', encoding='utf-8')
    if args.page:
        into_page(args.page, text)
    print(text)
    return result


if __name__ == '__main__':
    main()
