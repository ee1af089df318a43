"""The training of a run, in a process of its own, and its best checkpoint as a plain model."""
from __future__ import annotations

import errno
import os
import re
import sys
from pathlib import Path

import torch
from mmengine.config import Config

from ..cores import usable_cores
from ..export import export
from .config_changes import follow
from .devices import device_environment

#: What the end of a training's log says then; the second is PyTorch's way.
_DISK_FULL = 'No space left on device', 'PytorchStreamWriter', 'unexpected pos'


def train(folder: Path, made_with: str, device: str) -> dict:
    """Train as ``config.py`` says, or go on where a killed training was.

    A training that was made with something else is kept as ``work_1/``, ``work_2/``, ...

    Args:
        folder (Path): Of the run; ``adapted/`` is written.
        made_with (str): Fingerprint of all that the training depends on.
        device (str): E.g. ``'cpu'``.

    Returns:
        dict: ``checkpoint``, its ``iteration``, and ``seconds`` of the training.

    Raises:
        RuntimeError: The training failed; names its log.
        OSError: The disk is full.
    """
    from ..cli._experiment import Job, resume_arguments, wait
    work = folder / 'work'
    mark = work / 'fingerprint.txt'
    known = mark.read_text(encoding='utf-8') if mark.exists() else None
    if work.exists() and known != made_with:
        number = next(n for n in range(1, 10 ** 6) if not (folder / f'work_{n}').exists())
        work.rename(folder / f'work_{number}')
        print(f'  the training starts anew; the earlier one is in work_{number}/', flush=True)
    work.mkdir(exist_ok=True)
    mark.write_text(made_with, encoding='utf-8')
    follow(folder)
    job = Job('adaptation', [sys.executable, '-m', 'udapose', 'train', str(folder / 'config.py'),
                             '--work-dir', str(work), *resume_arguments(work)],
              work / 'train.log', usable_cores(), device_environment(device))
    try:
        wait([job])
    except RuntimeError as error:
        if any(sign in str(error) for sign in _DISK_FULL):
            raise OSError(errno.ENOSPC, 'No space left on device', str(work)) from error
        last = list(re.finditer(r'^[\w.]+(Error|Exception): ', str(error), re.MULTILINE))
        if not last:
            raise
        raise RuntimeError(f'the training failed: {str(error)[last[-1].start():]} (its log is '
                           f'{job.log})') from error
    checkpoint, iteration = best_checkpoint(work)
    cfg = Config.fromfile(folder / 'config.py')
    export(cfg, torch.load(checkpoint, map_location='cpu', weights_only=False),
           folder / 'adapted')
    print(f'  best checkpoint by label_free/score: {checkpoint.name}', flush=True)
    return dict(checkpoint=checkpoint.name, iteration=iteration, seconds=round(job.seconds, 1))


def best_checkpoint(work: Path) -> tuple[Path, int]:
    """The best checkpoint by the label-free score, else the last one; and its iteration."""
    from ..cli._experiment import last_checkpoint
    found = sorted(work.glob('best_label_free_score_iter_*.pth'), key=os.path.getmtime)
    path = found[-1] if found else last_checkpoint(work)
    return path, int(path.stem.rsplit('_', 1)[1])
