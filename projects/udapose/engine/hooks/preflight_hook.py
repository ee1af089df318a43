"""Checks before a run that would otherwise fail late or with a riddle."""
from __future__ import annotations

import logging
import os
import shutil
from urllib.error import URLError
from urllib.request import urlopen

import torch
from mmengine.config import Config
from mmengine.dataset import DefaultSampler, InfiniteSampler, default_collate
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import PretrainedInit
from mmengine.registry import WEIGHT_INITIALIZERS
from mmengine.runner import BaseLoop, find_latest_checkpoint
from mmpose.registry import HOOKS, OPTIM_WRAPPER_CONSTRUCTORS

from ... import compat
from ...config_types import is_kind, resolve
from ..checkpoint_fit import check_when_loaded
from ..machine import slowdown


@HOOKS.register_module()
class PreflightHook(Hook):
    """Check checkpoints, work directory and batch size before anything is computed.

    Args:
        min_free_gb (float): Free disk space in ``work_dir`` below which to stop. Defaults to 0.2.
        timeout (float): Seconds to wait for the host of a checkpoint URL. Defaults to 10.

    Raises:
        FileNotFoundError: ``load_from`` or a pre-trained file does not exist.
        ConnectionError: A checkpoint is given by URL, is not cached and cannot be reached.
        PermissionError: ``work_dir`` cannot be written.
        OSError: Too little disk space.
        ValueError: The batch size of the train data loader is not its sampler's; a sampler that
            knows nothing of the two domains; a spelling of ``Pretrained`` that MMEngine does not
            understand; a checkpoint of which nothing fits the model; ``--resume`` where there is
            nothing to resume, or of a training of another kind; layer decay or a collate function
            that know nothing of the model's and the batches' parts.
    """

    priority = 'VERY_HIGH'

    def __init__(self, min_free_gb: float = 0.2, timeout: float = 10.) -> None:
        self.min_free_gb, self.timeout = min_free_gb, timeout
        self._check = None

    def before_run(self, runner) -> None:
        """Check everything once, on the main process."""
        if isinstance(runner._load_from, os.PathLike):  # MMEngine takes text only
            runner._load_from = os.fspath(runner._load_from)
        if not is_main_process():
            return
        work_dir = runner.work_dir
        fixes = compat.applied_fixes()
        if fixes:
            print_log('udapose.compat fixed ' + '; '.join(f'{m.name} ({m.reason})' for m in fixes),
                      logger='current')
        if not os.access(work_dir, os.W_OK):
            raise PermissionError(f'work_dir {work_dir} cannot be written: choose another one '
                                  'with --work-dir, or change its permissions')
        if runner._load_from:
            self._check_checkpoint(runner._load_from, 'load_from')
        elif runner._resume:
            self._check_resume(runner)
        if not isinstance(runner._train_loop, BaseLoop):
            return  # a test initialises nothing and writes no checkpoints
        loader = getattr(runner._train_loop, 'dataloader', None)
        if hasattr(getattr(loader, 'sampler', None), 'check_dataloader'):
            loader.sampler.check_dataloader(loader)  # MMEngine's own loops do not ask it
        model = getattr(runner.model, 'module', runner.model)  # DDP's
        if hasattr(model, 'run_state'):  # masked reconstruction may mix them
            self._check_two_domains(loader)
        if hasattr(model, 'plain_names'):
            self._check_layer_decay(runner.cfg.get('optim_wrapper') or {}, model.plain_names[0])
        free = shutil.disk_usage(work_dir).free / 1e9
        if free < self.min_free_gb:
            raise OSError(f'only {free:.2f} GB are free in work_dir {work_dir}, checkpoints need '
                          f'at least {self.min_free_gb} GB: free some space or choose another '
                          'disk with --work-dir')
        if getattr(runner.optim_wrapper, 'cast_dtype', None) is torch.bfloat16 and \
                next(runner.model.parameters()).device.type == 'cpu':
            self._warn_of_slow_types()
        # MMEngine fetches these also if load_from or a resume replaces them afterwards
        for name, module in runner.model.named_modules():
            self._check_init_cfg(getattr(module, 'init_cfg', None),
                                 f'init_cfg of {name or "the model"}')

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Have the checkpoint compared with a plain model when it is loaded."""
        self._let_go()
        name = 'the last checkpoint' if runner._resume else 'the checkpoint'
        if not runner._has_loaded:  # else it is another file
            name = runner._load_from or name
        self._check = check_when_loaded(runner.model, checkpoint, str(name))
        if runner._resume and not runner._has_loaded:
            _check_resumed(runner.model, checkpoint, name)

    def _let_go(self, *args, **kwargs) -> None:
        """Take the check off the model: whatever it loads later is not the runner's."""
        if self._check is not None:
            self._check.remove()
            self._check = None

    before_train = before_val = before_test = _let_go

    @staticmethod
    def _warn_of_slow_types() -> None:
        times = slowdown(torch.bfloat16)
        if min(times.values()) > 1.5:
            print_log('this processor has no instructions for bfloat16 (convolutions take '
                      f'{times["convolutions"]:.0f} times as long as in float32, matrix products '
                      f'{times["products"]:.0f} times): train in float32, with '
                      "optim_wrapper=dict(_delete_=True, type='OptimWrapper', optimizer=...) or "
                      'without --amp', logger='current', level=logging.WARNING)

    @staticmethod
    def _check_resume(runner) -> None:
        """The option --resume of MMPose's train.py sets load_from to None."""
        file = getattr(runner.cfg, 'filename', None)
        if find_latest_checkpoint(runner.work_dir) or not file or not os.path.isfile(file):
            return
        lost = Config.fromfile(file).get('load_from')
        if lost:
            raise ValueError(
                f'--resume: work_dir {runner.work_dir} holds no checkpoint to go on from, and '
                f'without one MMPose forgets load_from={lost} of the config: the run would begin '
                'with random weights. Leave out --resume at the first start')

    @staticmethod
    def _check_layer_decay(cfg: dict, prefix: str) -> None:
        stock = OPTIM_WRAPPER_CONSTRUCTORS.get('LayerDecayOptimWrapperConstructor')
        if resolve(cfg.get('constructor'), OPTIM_WRAPPER_CONSTRUCTORS) is stock:
            raise ValueError(
                f'optim_wrapper.constructor={stock.__name__} knows parameters named backbone.* '
                f'only, and here they are {prefix}.backbone.*: every layer would get the full '
                f"learning rate. Set optim_wrapper.constructor='Prefixed{stock.__name__}'")

    @staticmethod
    def _check_two_domains(loader) -> None:
        collate = getattr(loader, 'collate_fn', None)
        if getattr(collate, 'func', collate) is default_collate:
            raise ValueError(
                "train_dataloader.collate_fn is default_collate, which cannot stack samples of "
                "different branches: leave it out (pseudo_collate is MMEngine's default)")
        sampler = getattr(loader, 'sampler', None)
        # a subclass with an order of its own may know the domains
        mixing = getattr(type(sampler), '__iter__', None) in (
            DefaultSampler.__iter__, InfiniteSampler.__iter__)
        if mixing and hasattr(getattr(loader, 'dataset', None), 'num_target'):
            raise ValueError(
                f'train_dataloader.sampler is {type(sampler).__name__}, which draws from both '
                'domains of the data set alike: sooner or later (in the last batch of an epoch, '
                'for example) a batch lacks one of them. Set sampler=dict(type='
                "'TwoDomainSampler', batch_size=...); with iters_per_epoch it also suits loops by "
                'epochs')

    def _check_init_cfg(self, init_cfg, key: str) -> None:
        for cfg in init_cfg if isinstance(init_cfg, (list, tuple)) else [init_cfg]:
            if isinstance(cfg, dict) and is_kind(cfg, WEIGHT_INITIALIZERS, 'Pretrained'):
                if cfg['type'] not in ('Pretrained', PretrainedInit):
                    raise ValueError(
                        f"{key} has type={cfg['type']!r}, by which MMEngine does not know it for "
                        'Pretrained: it would overwrite the loaded weights with random ones. '
                        "Write type='Pretrained'")
                self._check_checkpoint(cfg['checkpoint'], key)

    def _check_checkpoint(self, path: str, key: str) -> None:
        path = os.path.expanduser(os.fspath(path))  # as MMEngine reads it
        if path.startswith(('http://', 'https://')):
            cached = os.path.join(_cache_dir(), os.path.basename(path))
            if os.path.exists(cached):
                return
            try:
                urlopen(path, timeout=self.timeout).close()
            except (URLError, OSError) as error:
                raise ConnectionError(
                    f'{key}={path} cannot be reached ({error}). Without network: download the file '
                    f'on another machine and put it at {cached}, or name a local file or None in '
                    'the config') from None
        elif '://' not in path and not os.path.isfile(path):
            raise FileNotFoundError(
                f'{key}={path} does not exist. Train the source model first (the header of the '
                'config says how), or name another checkpoint with --cfg-options load_from=FILE')


def _check_resumed(model, checkpoint: dict, name: str) -> None:
    """A wrapper takes a plain model's weights, but its iterations are another training's."""
    prefixes = [f'{part}.' for part in getattr(getattr(model, 'module', model), 'plain_names', ())]
    weights = checkpoint.get('state_dict', checkpoint)
    if prefixes and not any(prefix in key for key in weights for prefix in prefixes):
        raise ValueError(
            f'resume=True, but {name} is no checkpoint of this training (nothing in it begins with '
            f'{" or ".join(prefixes)}): its iterations would count as done. To begin with its '
            'weights, name it in load_from and leave out --resume (resume=False); to go on from '
            'the latest checkpoint of work_dir, leave out load_from')


def _cache_dir() -> str:
    from torch.hub import get_dir
    return os.path.join(os.getenv('TORCH_HOME', get_dir()), 'checkpoints')
