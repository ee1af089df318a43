"""The start model of `udapose adapt --demo`: a small one, trained on labelled source renderings."""
from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..cli import _experiment
from ..cores import usable_cores

CONFIG = _experiment.CONFIGS / 'source_only/source-only_synth-people_res18-w32_64x64-boxes.py'


@dataclass(frozen=True)
class Plan:
    """How much work.

    Args:
        images (dict[str, int]): Options of `udapose synth`; of the target domain only a few
            images for the curve of the log, which nothing is chosen by.
        iterations (int): Of the training.
        batch (int): Images of each.
    """
    images: dict[str, int]
    iterations: int
    batch: int


FULL = Plan(dict(size=128, source_train=2000, target_train=0, val=40, test=0), 1000, 32)
SMOKE = Plan(dict(size=64, source_train=32, target_train=0, val=4, test=0), 8, 8)


def train_start_model(out: str | Path, seed: int = 0, smoke: bool = False,
                      threads: int | None = None,
                      progress: Callable[[str, float], str] | None = None) -> tuple[Path, Path]:
    """Render labelled source images and train a small top-down model on them.

    The steps run in processes of their own and leave ``data/``, ``work/`` and ``model/`` in
    ``out``. The same call continues after an interruption, and returns at once if all is there.

    Args:
        out (str | Path): Folder.
        seed (int): Of images and training. Defaults to 0.
        smoke (bool): Some seconds of work, for quick tests; such a model predicts nothing useful.
        threads (int, optional): Of the training. Defaults to the fastest of some, by a short
            measurement (one in the smoke version); at most one for each core and 8.
        progress (Callable, optional): Called as ``progress(step, share)`` with a step
            ('rendering', 'training') and the share in [0, 1] of it that is done; the text that it
            returns ends the line that shows the progress.

    Returns:
        tuple[Path, Path]: ``config.py`` and ``model.pth`` of a plain MMPose model with 22 joints,
        whose test pipeline crops from boxes.

    Raises:
        RuntimeError: A step failed (the message has the end of its log), or ``out`` holds a model
            of another seed or size.
        ValueError: ``threads`` is below 1.

    Example:
        >>> config, checkpoint = train_start_model('demo/start')
        >>> predictor = Predictor(config, checkpoint)
    """
    if threads is not None and threads < 1:
        raise ValueError(f'threads is {threads}; choose 1 or more')
    plan, out = SMOKE if smoke else FULL, Path(out).resolve()
    data, work, model = out / 'data', out / 'work', out / 'model'
    changes = _changes(plan, data, seed)
    _experiment.check_record(work, CONFIG, changes)
    files = model / 'config.py', model / 'model.pth'
    if (work / 'last_checkpoint').exists() and all(file.is_file() for file in files):
        return files
    out.mkdir(parents=True, exist_ok=True)

    def run(job: _experiment.Job, step: str) -> None:
        def note(jobs):
            done, total = job.steps() or (0, 1)
            return progress(step, done / total)
        _experiment.wait([job], note=note if progress else None)

    sizes = [f'--{key.replace("_", "-")}={value}' for key, value in plan.images.items()]
    run(_experiment.Job('rendering', [
        sys.executable, '-m', 'udapose', 'synth', '--kind', 'people', '--out', str(data),
        '--seed', str(seed), *sizes], out / 'data.log', threads=1), 'rendering')
    machine = {}
    if smoke:
        threads = threads or 1  # a measurement would take longer than the work
    if threads is None:
        threads, channels_last = _experiment.fastest(
            CONFIG, plan.batch, out, min(usable_cores(), 8))
        if channels_last:
            machine['default_hooks.channels_last.type'] = 'ChannelsLastHook'
    if usable_cores() > 1 and not smoke:  # a process that loads images fills the gaps of the others
        machine.update({'train_dataloader.num_workers': 1,
                        'train_dataloader.persistent_workers': True})
    run(_experiment.train('training', CONFIG, work, threads, machine, **changes), 'training')
    _export(work, model)
    return files


def _changes(plan: Plan, data: Path, seed: int) -> dict:
    steps = plan.iterations
    return {'train_dataloader.dataset.data_root': f'{data}/source/',
            'val_dataloader.dataset.data_root': f'{data}/target/',
            'test_dataloader.dataset.data_root': f'{data}/target/',
            'train_dataloader.batch_size': plan.batch, 'randomness.seed': seed,
            'train_cfg.max_iters': steps, 'train_cfg.val_interval': max(steps // 2, 1),
            'default_hooks.checkpoint.interval': max(steps // 4, 4),
            'default_hooks.logger.interval': 20,
            'param_scheduler.1.milestones': [steps * 7 // 10, steps * 9 // 10]}


def _export(work: Path, model: Path) -> None:
    import torch
    from mmengine.config import Config
    from mmengine.registry import init_default_scope

    from ..export import export
    init_default_scope('mmpose')
    checkpoint = torch.load(_experiment.last_checkpoint(work), map_location='cpu',
                            weights_only=False)
    # MMEngine keeps the training's whole config, all changes included, beside the checkpoints.
    export(Config.fromfile(work / CONFIG.name), checkpoint, model)
