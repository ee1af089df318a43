"""The trainings of tools/benchmark/verdict.py, all in one process."""
from __future__ import annotations

import fcntl
import time
from pathlib import Path

import cv2
import numpy as np
from verdict_plan import HANDS, PEOPLE, PHOTOS, SETTINGS, SOURCES, TARGETS, WEIGHTS

from udapose.adaptation.predictor import Predictor
from udapose.cli._experiment import CONFIGS


def config_of(name: str, data: Path, work_dir: Path):
    """A shipped config on the data of this benchmark, without validation or pictures."""
    from mmengine.config import Config
    cfg = Config.fromfile(CONFIGS / name)
    cfg = Config(_moved(cfg.to_dict(), data))
    for part in ('val', 'test'):
        cfg[f'{part}_cfg'] = cfg[f'{part}_evaluator'] = None
    cfg.val_dataloader = None
    cfg.custom_hooks = [h for h in cfg.get('custom_hooks', []) if h['type'] not in (
        'PseudoLabelVisualizationHook', 'ExportTeacherHook')]
    cfg.vis_backends = cfg.visualizer.vis_backends = [dict(type='LocalVisBackend')]
    cfg.visualizer.name = cfg.experiment_name = f'{work_dir.parent.name}-{work_dir.name}'
    cfg.work_dir = str(work_dir)
    return cfg


def _moved(value, data: Path):
    """A config's content with this benchmark's folders."""
    if isinstance(value, dict):
        return {k: _moved(v, data) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_moved(v, data) for v in value)
    if isinstance(value, str):
        for old, new in (('data/synthpose/', ''), ('data/lspet/images/', 'photos/images/train/')):
            if value.startswith(old):
                return f'{data}/{new}{value[len(old):]}'
    return value


def train(cfg, iters: int, saved: tuple[int, ...], seed: int) -> float:
    """Train in this process; returns its seconds. Checkpoints after ``saved`` iterations."""
    from mmengine.runner import Runner
    cfg.test_dataloader = None
    interval = int(np.gcd.reduce(saved))
    cfg.merge_from_dict({
        'train_cfg.max_iters': iters, 'train_cfg.val_interval': 10**6, 'randomness.seed': seed,
        'default_hooks.checkpoint.interval': interval,
        'default_hooks.checkpoint.max_keep_ckpts': -1, 'default_hooks.logger.interval': 20})
    begin = time.time()
    Runner.from_cfg(cfg).train()
    return time.time() - begin


def source_folder(name: str, seed: int, work: Path) -> Path:
    """Where a start model's checkpoints are."""
    return work / 'sources' / f'{name}-seed{seed if SOURCES[name].get("seeded") else 0}'


def train_source(name: str, seed: int, data: Path, work: Path) -> None:
    """Train a start model unless its checkpoints are there."""
    spec, folder = SOURCES[name], source_folder(name, seed, work)
    last = max(spec['checkpoints'])
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / 'lock').open('wb') as lock:  # two processes may share a work directory
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / f'iter_{last}.pth').exists():
            return
        cfg = config_of(spec['config'], data, folder)
        cfg.param_scheduler[1].milestones = [round(0.7 * last), round(0.9 * last)]
        train(cfg, last, spec['checkpoints'], int(folder.name[-1]))


def adapt(target: str, checkpoint: int, setting: str, seed: int, data: Path, work: Path,
          folder: Path) -> dict:
    """Train one run; returns seconds and, if the training was stopped, why."""
    spec, how = TARGETS[target], SETTINGS[setting]
    kind = dict(people=PEOPLE, hands=HANDS, lsp14=PHOTOS)[spec['source']]
    plain = 'mean_teacher/mean-teacher_' + kind + '.py'
    cfg = config_of(plain, data, folder)
    images = data / spec['root'] / 'images/train'
    if how.get('images') == 'other':
        images = data / ('people' if spec['source'] == 'hands' else 'hands') / \
            'target/images/train'
    elif how.get('images'):
        images = data / how['images'] / (target if how['images'] == 'few' else '')
    unlabeled = cfg.train_dataloader.dataset.target
    unlabeled.data_root = str(images)
    if not how.get('mean_teacher'):
        cfg.model.train_cfg.source_free = True
        if not how.get('no_terms'):
            cfg.model.alignments = dict(
                distillation=dict(type='StartModelDistillation', loss_weight=0.3),
                weights=dict(type='StartWeightLoss'))
        cfg.train_dataloader = dict(batch_size=12, num_workers=0, dataset=unlabeled,
                                    sampler=dict(type='InfiniteSampler', shuffle=True))
    else:
        cfg.train_dataloader.update(batch_size=24)
        cfg.train_dataloader.sampler.batch_size = 24
    for hook in cfg.custom_hooks:
        if hook['type'] == 'EMATeacherHook':
            hook['momentum'] = how.get('momentum', 0.06)  # a short run: a short horizon
    cfg.param_scheduler = [dict(type='LinearLR', start_factor=0.02, by_epoch=False, begin=0,
                                end=5)]
    cfg.load_from = str(source_folder(spec['source'], seed, work) / f'iter_{checkpoint}.pth')
    cfg.merge_from_dict(how.get('options', {}))
    stopped = None
    try:
        seconds = train(cfg, how['iters'], (how['iters'], ), seed)
    except FloatingPointError as error:  # FiniteLossHook
        seconds, stopped = 0., f'{type(error).__name__}: {error}'[:200]
    return dict(seconds=round(seconds, 1), stopped=stopped)


def plain_weights(checkpoint: Path, out: Path) -> Path:
    """The teacher of a student-teacher checkpoint, or a plain model as it is, without the rest."""
    import torch
    state = torch.load(checkpoint, map_location='cpu', weights_only=False)['state_dict']
    plain = {k.removeprefix('teacher.'): v for k, v in state.items() if k.startswith('teacher.')}
    torch.save(dict(state_dict=plain or state), out)
    return out


def plain_config(source: str, data: Path, work: Path):
    """The plain config of a start model, for :class:`Predictor`."""
    return config_of(SOURCES[source]['config'], data, work / 'plain')


def change_weights(target: str, checkpoint: Path, setting: str, seed: int, data: Path, work: Path,
                   out: Path) -> Path:
    """A start model whose weights are changed without training.

    ``images``: its batch norms' statistics are those of 192 images (arXiv 1603.04779), of the
    target or of noise; ``noise``: each weight gets noise of this share of its tensor's deviation.
    """
    import torch
    how, spec = WEIGHTS[setting], TARGETS[target]
    predictor = Predictor(plain_config(spec['source'], data, work), checkpoint, batch_size=192)
    model = predictor.model
    if 'noise' in how:
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for weight in model.parameters():
                if weight.ndim > 1:
                    weight += how['noise'] * weight.std() * torch.randn(
                        weight.shape, generator=generator)
    else:
        folder = data / ('noise' if how['images'] == 'noise' else spec['root'] + '/images/train')
        norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
        for norm in norms:
            norm.train()
            norm.momentum = 1.
            norm.reset_running_stats()
        images = [cv2.imread(str(p)) for p in sorted(folder.iterdir())[:192]]
        predictor._predict([(i, np.array([0, 0, i.shape[1], i.shape[0]])) for i in images])
    torch.save(dict(state_dict=model.state_dict()), out)
    return out
