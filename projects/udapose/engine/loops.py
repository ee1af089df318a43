"""A training loop whose resumed run equals the one that was never interrupted."""
from __future__ import annotations

import logging
import random
from functools import partial

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.logging import print_log
from mmengine.runner import BaseLoop, IterBasedTrainLoop
from mmpose.registry import LOOPS
from torch.utils.data import DataLoader


@LOOPS.register_module()
class ResumableIterBasedTrainLoop(IterBasedTrainLoop):
    """MMEngine's iteration-based loop with reproducible data order and random state.

    The random state (Python, NumPy, PyTorch) at the start of each iteration is a function of
    (seed, rank, iteration) only, and the sampler is repositioned without loading what has been
    consumed. With ``num_workers=0`` a run resumed after ``kill -9`` continues exactly as one
    never killed; with workers the data order continues exactly, and augmentations are drawn from
    a stream that depends on the iteration of the resume (they are not replayed).

    Ranks get different random states, so that DDP replicas do not draw the same augmentations.
    Samplers need ``set_start(iteration)`` (as :class:`TwoDomainSampler`) or
    ``skip(num_samples)`` (as ``InfiniteSampler`` of recent MMEngine). A finite sampler gets its
    pass by ``set_epoch``; a resumed run starts its pass again.

    Args:
        runner, dataloader: Given by the runner.
        *args, **kwargs: MMEngine's: ``max_iters``, ``val_begin``, ``val_interval``,
            ``dynamic_intervals``.
    """

    def __init__(self, runner, dataloader: DataLoader | dict, *args, **kwargs) -> None:
        BaseLoop.__init__(self, runner, dataloader)  # builds the loader
        loader = self.dataloader
        # with diff_rank_seed the sampler has not been given the seed, but has drawn one
        self._rank_offset = get_rank() if runner._randomness_cfg.get('diff_rank_seed') else 0
        drawn = (runner._randomness_cfg.get('diff_rank_seed') and isinstance(dataloader, dict)
                 and dataloader.get('sampler', {}).get('seed') is None)
        self._sampler_seed = getattr(loader.sampler, 'seed', None) if drawn else runner.seed
        # MMEngine 0.10.7 starts an iterator here: its workers would load the first batches of a
        # fresh run, not seeded by us, and stay alive beside (or, if persistent, instead of) ours
        super().__init__(runner, _NotStarted(loader.dataset), *args, **kwargs)
        self.dataloader = loader
        del self.dataloader_iterator  # of the stand-in

    def run(self) -> torch.nn.Module:
        """Launch training."""
        self.runner.call_hook('before_train')
        self.runner.call_hook('before_train_epoch')
        self._reposition()
        try:
            self._iterate()
        finally:
            # Persistent workers would live as long as the runner does. And where the garbage
            # collector finds their iterator, the message that ends them is lost and each is waited
            # for, 5 seconds long.
            self.dataloader._iterator = None
        self.runner.call_hook('after_train_epoch')
        self.runner.call_hook('after_train')
        return self.runner.model

    def _iterate(self) -> None:
        iterator = iter(self.dataloader)
        while self._iter < self._max_iters and not self.stop_training:
            self.runner.model.train()
            self._seed_iteration()
            try:
                batch = next(iterator)
            except StopIteration:  # a finite sampler: another pass
                self._begin_pass()
                iterator = iter(self.dataloader)
                self._seed_iteration()
                batch = next(iterator)
            self.run_iter(batch)
            self._decide_current_val_interval()
            if (self.runner.val_loop is not None and self._iter >= self.val_begin
                    and (self._iter % self.val_interval == 0 or self._iter == self._max_iters)):
                self.runner.val_loop.run()

    def _seed_iteration(self) -> None:
        seed = mixed_seed(self.runner.seed, get_rank(), self._iter)
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)

    def _reposition(self) -> None:
        loader = self.dataloader
        if hasattr(loader.sampler, 'check_dataloader'):
            loader.sampler.check_dataloader(loader)
        self._seed_workers()
        sampler = loader.sampler
        # without randomness.seed each start draws one, and a resume brings the first start's back
        # when the sampler has been built
        seed = getattr(sampler, 'seed', None)
        if seed is not None and seed == self._sampler_seed:
            sampler.seed = self.runner.seed - self._rank_offset  # the same on all ranks
        if hasattr(sampler, 'set_start'):
            sampler.set_start(self._iter)
        elif self._iter == 0:
            return
        elif hasattr(sampler, 'skip'):
            sampler.skip(self._iter * loader.batch_size)
        else:
            self._begin_pass()
            print_log(f'{type(sampler).__name__} cannot be repositioned: the resumed run sees the '
                      'data from the start of a pass. Use TwoDomainSampler or a recent '
                      "MMEngine's InfiniteSampler", logger='current', level=logging.WARNING)

    def _begin_pass(self) -> None:
        """Another order for a finite sampler, other augmentations for workers that start anew."""
        loader = self.dataloader
        for sampler in (loader.sampler, loader.batch_sampler):
            if hasattr(sampler, 'set_epoch'):
                sampler.set_epoch(self._iter // max(len(loader), 1))
        self._seed_workers()

    def _seed_workers(self) -> None:
        if self.dataloader.num_workers > 0:
            self.dataloader.worker_init_fn = partial(
                _seed_worker, seed=mixed_seed(self.runner.seed, get_rank(), self._iter))


class _NotStarted:
    """Stands in for a loader while MMEngine's constructor looks at its data set."""

    def __init__(self, dataset) -> None:
        self.dataset = dataset

    def __iter__(self):
        return iter(())


def mixed_seed(*numbers: int) -> int:
    """A 32-bit seed that depends on all numbers (NumPy's SeedSequence mixes them)."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


def _seed_worker(worker_id: int, seed: int) -> None:
    seed = mixed_seed(seed, worker_id)
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
