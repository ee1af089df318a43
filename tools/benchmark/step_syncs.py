"""Count the moments when the host waits for a GPU in an adaptation step.

With a GPU they are read from PyTorch's profiler. Without one the step runs on tensors that have
shapes but no data: which operations make the host wait follows from their kind alone.
"""
from __future__ import annotations

import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from unittest import mock

import torch
from torch.utils._python_dispatch import TorchDispatchMode

PACKAGE = Path(__file__).resolve().parents[2] / 'projects'
# calls of CUDA's runtime that block the host
BLOCKING = ('cudaStreamSynchronize', 'cudaDeviceSynchronize', 'cudaEventSynchronize')
# operations that read a result back to decide on shapes, values or errors
READING = ('_local_scalar_dense', 'nonzero', 'masked_select', '_unique2', 'unique_dim',
           '_linalg_check_errors', 'equal', 'repeat_interleave.Tensor')


def profiled(step: Callable) -> tuple[int, dict[str, int]]:
    """Blocking calls in one step on a GPU, the profiler's own not counted.

    Args:
        step (Callable): Runs on the GPU; was run before (caches, lazy initialisation).

    Returns:
        tuple[int, dict[str, int]]: Calls of :data:`BLOCKING`, and how often PyTorch's
        synchronisation warning came from which place.
    """
    from torch.profiler import ProfilerActivity, profile

    def count(function: Callable) -> int:
        torch.cuda.synchronize()
        with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiler:
            function()
        return sum(e.count for e in profiler.key_averages() if e.key in BLOCKING)

    calls = count(step) - count(lambda: None)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        torch.cuda.set_sync_debug_mode('warn')
        try:
            step()
        finally:
            torch.cuda.set_sync_debug_mode('default')
    places = Counter(f'{_shorten(w.filename)}:{w.lineno}' for w in caught
                     if 'synchroniz' in str(w.message))
    return calls, dict(places)


def _shorten(filename: str) -> str:
    path = Path(filename)
    return str(path.relative_to(PACKAGE)) if path.is_relative_to(PACKAGE) else path.name


class _Watch(TorchDispatchMode):
    """Notes operations that would block, and gives stand-ins for values that do not exist."""

    def __init__(self) -> None:
        super().__init__()
        self.places: Counter[str] = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs, name = kwargs or {}, str(func).removeprefix('aten.')
        tensors = [a for a in args if isinstance(a, torch.Tensor)]
        reads = name.startswith(READING)
        if name.startswith('index.Tensor'):  # a mask as index is a nonzero in disguise
            masks = [i for i in args[1] if i is not None and i.dtype == torch.bool]
            reads, tensors = bool(masks), tensors + masks
        if reads and any(t.is_meta for t in tensors):
            self._note(name)
            return _stand_in(name, func, args, kwargs)
        if name.startswith('lift_fresh') and tensors[0].is_meta:  # made of Python numbers
            self._note('tensor of Python numbers')
        if name.startswith(('_to_copy', 'copy_')):
            return self._copy(name, func, args, kwargs)
        return func(*args, **kwargs)

    def _copy(self, name: str, func, args: tuple, kwargs: dict):
        if name.startswith('copy_'):
            target, source = args[0].device.type, args[1]
            waits = not (kwargs.get('non_blocking') or True in args[2:])
        else:
            source = args[0]
            target = torch.device(kwargs.get('device') or source.device).type
            waits = not kwargs.get('non_blocking')
        if waits and {target, source.device.type} == {'cpu', 'meta'}:
            self._note(f'{name} to {target if target == "cpu" else "the GPU"}')
        if target == 'cpu' and source.is_meta:
            stand_in = torch.zeros_like(source, device='cpu')
            args = (args[0], stand_in, *args[2:]) if name.startswith('copy_') else (
                stand_in, *args[1:])
        return func(*args, **kwargs)

    def _note(self, name: str) -> None:
        frames = [f for f in traceback.extract_stack() if __file__ not in f.filename]
        own = [f for f in frames if f.filename.startswith(str(PACKAGE))]
        frame = (own or frames)[-1]
        self.places[f'{_shorten(frame.filename)}:{frame.lineno} {name}'] += 1


def _stand_in(name: str, func, args: tuple, kwargs: dict):
    """All elements count as chosen, all numbers as 0."""
    first = args[0]
    if name.startswith('_local_scalar_dense'):
        return 0. if first.is_floating_point() else 0
    if name.startswith('equal'):
        return False
    if name.startswith('_linalg_check_errors'):
        return None
    if name.startswith('index.Tensor') and len(args[1]) == 1:
        return first.flatten(0, args[1][0].ndim - 1)
    if name.startswith('nonzero'):
        return first.new_zeros(first.numel(), first.ndim, dtype=torch.long)
    return func(*args, **kwargs)


def imagined(make_step: Callable[[torch.device], Callable]) -> dict[str, int]:
    """Blocking operations of one step, backward pass included, on an imaginary GPU.

    PyTorch's ``meta`` device plays the GPU: its tensors have shapes, but no values.

    Args:
        make_step (Callable): Builds everything on the device it is given and returns the step.

    Returns:
        dict[str, int]: Count by place in the package's code (or the caller's) and operation.
    """
    device = torch.device('meta')
    with device:
        step = make_step(device)
    # autocast has no rules for this device; it makes nobody wait
    with mock.patch.object(torch, 'autocast', lambda *_, **__: nullcontext()):
        with _Watch():
            step()  # whatever happens only once
        with _Watch() as watch:
            step()
    return dict(watch.places)
