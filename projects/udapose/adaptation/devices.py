"""Where a run computes."""
from __future__ import annotations

import os
from collections.abc import Mapping

import torch


def usable_device(name: str | None) -> str:
    """The device, or the best one there is.

    Args:
        name (str, optional): As the user gives it.

    Raises:
        ValueError: It cannot be used here.
    """
    if name is None:
        return 'cuda:0' if torch.cuda.is_available() else 'cpu'
    try:
        torch.zeros(1, device=name).cpu()  # there are devices that compute nothing
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f'--device {name} cannot be used here '
                         f'({str(error).splitlines()[0]}): leave it out, or choose cpu') from error
    return name


def device_environment(device: str, before: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What makes a training, which takes the first GPU that it sees, take the device.

    Args:
        device (str): ``'cpu'``, ``'cuda:1'``, ...
        before (Mapping[str, str]): The environment now.

    Returns:
        dict[str, str]: Variables to set.
    """
    kind, _, number = device.partition(':')
    if kind == 'cpu':
        return dict(CUDA_VISIBLE_DEVICES='')
    if kind != 'cuda' or not number:
        return {}
    seen = [name for name in before.get('CUDA_VISIBLE_DEVICES', '').split(',') if name]
    return dict(CUDA_VISIBLE_DEVICES=seen[int(number)] if seen else number)
