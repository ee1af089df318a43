"""One implementation for tensors and arrays."""
from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import torch


def accepts_arrays(function: Callable) -> Callable:
    """Let a function of tensors take NumPy arrays as well.

    Without a tensor among the positional arguments, arrays become tensors (they share memory) and
    a returned tensor becomes an array. With one, arrays become tensors of its device.
    """
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        tensor = next((a for a in args if isinstance(a, torch.Tensor)), None)
        device = None if tensor is None else tensor.device
        given = [*args, *kwargs.values()]
        if not any(isinstance(a, np.ndarray) for a in given):
            return function(*args, **kwargs)

        def convert(value):
            if not isinstance(value, np.ndarray):
                return value
            # from_numpy refuses negative strides and warns of read-only memory.
            value = np.ascontiguousarray(value)
            return torch.from_numpy(value if value.flags.writeable else value.copy()).to(device)
        result = function(*map(convert, args), **{k: convert(v) for k, v in kwargs.items()})
        return result.numpy() if tensor is None and isinstance(result, torch.Tensor) else result

    return wrapper
