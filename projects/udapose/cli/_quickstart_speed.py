"""Measure which number of threads and which memory format train fastest on this machine.

    python -m udapose.cli._quickstart_speed CONFIG BATCH OUT THREADS [THREADS ...]

A process of its own, so that nothing of the measurement stays in memory. Takes some seconds.
"""
from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

STEPS = 6


def measure(config: str | Path, batch: int, threads: Sequence[int], limit: float = 20.) -> dict:
    """Time training steps of a config's model on random images, in each setting.

    Args:
        config (str | Path): Of a plain model.
        batch (int): Images a step.
        threads (Sequence[int]): Numbers of threads to try, in this order.
        limit (float): Seconds after which the rest is left out: on a machine that is busy with
            something else a single step has taken ten. Defaults to 20.

    Returns:
        dict: The fastest ``threads`` and ``channels_last``, and ``seconds`` of a step by setting.
    """
    import torch
    from mmengine.config import Config
    from mmengine.registry import init_default_scope
    from mmpose.registry import MODELS

    from udapose.engine.hooks.channels_last_hook import lay_out
    init_default_scope('mmpose')
    cfg = Config.fromfile(config)
    model = MODELS.build(cfg.model)
    width, height = cfg.codec.input_size
    images = torch.randn(batch, 3, height, width)
    before, seconds = torch.get_num_threads(), {}
    end = time.perf_counter() + limit
    try:
        for channels_last in (False, True):
            lay_out(model, torch.channels_last if channels_last else torch.contiguous_format)
            for count in threads:
                torch.set_num_threads(count)
                seconds[count, channels_last] = _step(model, images, end)
                if time.perf_counter() > end:
                    break
    finally:
        torch.set_num_threads(before)
    count, channels_last = min(seconds, key=seconds.get)
    return dict(threads=count, channels_last=channels_last, seconds={
        f'{n} threads, channels {"last" if last else "first"}': round(value, 4)
        for (n, last), value in seconds.items()})


def _step(model, images, end: float) -> float:
    """The fastest of some steps: what else runs on the machine only ever slows them down."""
    times = []
    for _ in range(STEPS):
        if times and time.perf_counter() > end:
            break
        begin = time.perf_counter()
        model.zero_grad()
        model(images, None, mode='tensor').square().mean().backward()
        times.append(time.perf_counter() - begin)
    return min(times)


def main(argv: Sequence[str]) -> None:
    """Measure and write the result."""
    import udapose
    from udapose.cli._experiment import write_json
    udapose.load_components()
    config, batch, out, *threads = argv
    write_json(Path(out), measure(config, int(batch), [int(n) for n in threads]))


if __name__ == '__main__':
    main(sys.argv[1:])
