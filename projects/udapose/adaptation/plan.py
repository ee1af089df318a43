"""What an adaptation will take, measured by a few steps on this machine."""
from __future__ import annotations

import copy
import sys
import time
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmengine.runner import load_checkpoint
from mmpose.registry import DATASETS, MODELS

from ..config_writing import write_config
from ..cores import usable_cores
from ..file_io import write_json
from ..random_state import random_state_kept
from .config_changes import new_keys
from .options import Options
from .training_config import Schedule, training_config

try:
    import resource
except ImportError:  # Windows
    resource = None

_STEPS = 3


def make_plan(plain: Config, folder: Path, options: Options, device: str, frames: dict,
              people: dict) -> dict:
    """Write the training's ``config.py`` and ``plan.json``, and measure what it will take.

    Args:
        plain (Config): The start model's.
        folder (Path): Of the run, with the people.
        options (Options): The user's.
        device (str): Of the training.
        frames, people (dict): Summaries of the steps before.

    Returns:
        dict: The plan, see docs/design.md.

    Raises:
        ValueError: The training does not work with the user's ``--cfg-options``.
    """
    schedule = Schedule.suggest(people['train'], device.startswith('cuda'), usable_cores())
    if options.iterations:
        schedule.iterations = options.iterations
    cfg = training_config(plain, folder, schedule, people['held_back'], _source(plain, options),
                          options.seed)
    try:
        for key in new_keys(cfg, options.cfg_options):
            print(f'  --cfg-options {key}: the config had no such key, it is added', flush=True)
        cfg.merge_from_dict(options.cfg_options)
        write_config(cfg, folder / 'config.py')
        measured = timed(cfg, device)
    except (TypeError, LookupError, AttributeError, AssertionError) as error:
        if not options.cfg_options:
            raise
        raise ValueError('the training config does not work with these --cfg-options '
                         f'({type(error).__name__}: {error})') from error
    plan = dict(frames=frames['counts'], people=people, iterations=cfg.train_cfg.max_iters,
                batch=cfg.train_dataloader.batch_size, device=device,
                cores=usable_cores(), source=options.source, folder=str(folder), **measured)
    write_json(folder / 'plan.json', plan)
    return plan


def _source(plain: Config, options: Options) -> dict | None:
    """The data set of labelled source images."""
    if not options.source_files:
        return None
    path, images = options.source_files
    return dict(type='CocoDataset', ann_file=str(path), data_prefix=dict(img=f'{images}/'),
                metainfo=plain.test_dataloader.dataset.metainfo.to_dict())


def timed(cfg: Config, device: str) -> dict:
    """Seconds of a training step, of loading a person, and memory.

    Builds the model and the data set of the config and trains a few steps, the weights of which
    are thrown away; so a config that cannot run is found here.

    Args:
        cfg (Config): As written to the run's folder.
        device (str): Of the training.

    Returns:
        dict: ``step_seconds``, ``loading_seconds`` (of a step's images in one process),
        ``memory_mb`` (None where the system does not tell), and ``seconds`` for the whole training.
    """
    init_default_scope('mmpose')
    cfg = copy.deepcopy(cfg)
    with random_state_kept():
        dataset = DATASETS.build(cfg.train_dataloader.dataset)
        count = cfg.train_dataloader.batch_size
        indices = _indices(dataset, count)
        began = time.perf_counter()
        batch = pseudo_collate([dataset[i] for i in indices])
        loading = time.perf_counter() - began
        model = MODELS.build(cfg.model)
        load_checkpoint(model, cfg.load_from, map_location='cpu', logger='silent')
        model.to(device).train()
        times = []
        for _ in range(_STEPS):
            began = time.perf_counter()
            data = model.data_preprocessor(batch, True)
            losses = model(**data, mode='loss')
            total, _ = model.parse_losses(losses)
            total.backward()
            model.zero_grad()
            if device.startswith('cuda'):
                torch.cuda.synchronize()
            times.append(time.perf_counter() - began)
    step, workers = min(times), max(cfg.train_dataloader.num_workers, 1)
    if cfg.train_dataloader.num_workers:
        each = max(step, loading / workers)
    else:
        each = step + loading
    return dict(step_seconds=round(step, 3), loading_seconds=round(loading, 3),
                memory_mb=_most_memory(device), seconds=round(each * cfg.train_cfg.max_iters))


def _most_memory(device: str) -> int | None:
    """MiB that were in use at most: of the GPU, or of this process."""
    if device.startswith('cuda'):
        return round(torch.cuda.max_memory_allocated() / 2 ** 20)
    if resource is None:
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(most / (2 ** 20 if sys.platform == 'darwin' else 2 ** 10))


def _indices(dataset, count: int) -> list[int]:
    """A batch: of two domains half of each."""
    sizes = getattr(dataset, 'num_source', None)
    if sizes is None:
        return [i % len(dataset) for i in range(count)]
    half = count // 2
    return [i % sizes for i in range(half)] + [
        sizes + i % (len(dataset) - sizes) for i in range(count - half)]


def format_plan(plan: dict) -> str:
    """The plan as some lines of text."""
    counts, people = plan['frames'], plan['people']
    minutes = plan['seconds'] / 60
    return '\n'.join([
        f'  {counts["chosen"]} frames with {people["train"]} people to adapt to, '
        f'{people["held_back"]} people in {counts["held_back"]} frames held back',
        f'  {plan["iterations"]} iterations of {plan["batch"]} images on {plan["device"]}, '
        + ('with labelled source images' if plan['source'] else 'without source images'),
        f'  about {minutes:.0f} min' if minutes >= 1.5 else f'  about {plan["seconds"]:.0f} s',
        *([f'  memory about {plan["memory_mb"] / 1024:.1f} GB'] if plan['memory_mb'] else [])])
