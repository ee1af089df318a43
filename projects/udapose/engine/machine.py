"""What a machine can do quickly."""
from __future__ import annotations

import time

import torch
from torch import nn

_LAYERS = dict(  # a layer and its input, some milliseconds in float32
    convolutions=(lambda: nn.Conv2d(32, 32, 3, padding=1), (1, 32, 32, 32)),
    products=(lambda: nn.Linear(128, 128), (512, 128)))


def slowdown(dtype: torch.dtype, repeats: int = 3) -> dict[str, float]:
    """How many times float32's time layers take on the CPU in another type, by autocast.

    A CPU without instructions for bfloat16 computes with it all the same, but many times slower
    than in float32. Measured (forward and backward, well below a second in all), as no list of
    processors would last. The random state is left as it is.

    Args:
        dtype (torch.dtype): Type of the autocast.
        repeats (int): The fastest of so many runs counts. Defaults to 3.

    Returns:
        dict[str, float]: For ``convolutions`` and (matrix) ``products``; below 1: faster.
    """
    found = {}
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        for name, (make, shape) in _LAYERS.items():
            layer, inputs = make(), torch.rand(shape)
            times = {cast: min(_seconds(layer, inputs, dtype, cast) for _ in range(repeats + 1))
                     for cast in (False, True)}
            found[name] = times[True] / max(times[False], 1e-9)
    return found


def _seconds(layer: nn.Module, inputs: torch.Tensor, dtype: torch.dtype, cast: bool) -> float:
    begin = time.thread_time() if torch.get_num_threads() == 1 else time.perf_counter()
    with torch.autocast('cpu', dtype, enabled=cast):
        layer(inputs).float().square().sum().backward()
    return (time.thread_time() if torch.get_num_threads() == 1 else time.perf_counter()) - begin
