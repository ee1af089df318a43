"""Batches with fixed numbers of source and target instances."""
from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from mmpose.registry import DATA_SAMPLERS
from torch.utils.data import DataLoader, Sampler


@DATA_SAMPLERS.register_module()
class TwoDomainSampler(Sampler):
    """Batches of first ``n_s`` source, then ``n_t`` target instances.

    Each domain has its own endless stream: permutation after permutation of its instances,
    permutation ``p`` of domain ``d`` drawn with the seed sequence ``(seed, d, p)``. Sets of equal
    length are therefore paired anew in every pass. In iteration ``t`` on ``W`` ranks, positions
    ``[t n W, (t + 1) n W)`` of a stream form the global batch, and rank ``r`` takes the ``r``-th of
    ``W`` equal slices: within a pass no instance is given to two ranks or twice to one. A domain
    smaller than its share of a batch wraps around.

    The order is a function of (seed, iteration) alone, so a resumed run goes on exactly, without
    loading data. The number of ranks and the batch size must stay the same for that.

    An ``iter()`` is one epoch of ``iters_per_epoch`` batches, and the next one goes on where it
    ended: epoch ``e`` holds the iterations from ``e * iters_per_epoch`` on, also if
    :meth:`set_epoch` says so. After :meth:`set_start` an ``iter()`` never ends:
    ``ResumableIterBasedTrainLoop`` asks for this, so that its workers never start anew.

    Args:
        dataset (TwoDomainDataset): Anything with ``num_source`` and ``num_target``.
        batch_size (int): Instances per batch and rank, the same as the data loader's.
        source_ratio (Sequence[int]): Parts of source and target in a batch; their sum divides
            ``batch_size``. Defaults to ``[1, 1]``.
        shuffle (bool): Defaults to ``True``.
        seed (int, optional): The same on all ranks. ``None``: a random one, agreed upon by all
            ranks. MMEngine passes the runner's.
        start_iter (int): Which iteration of the order the run's first one is. Defaults to 0.
        iters_per_epoch (int, optional): Batches of an epoch, for epoch-based loops (the published
            epochs of arXiv 2404.14885 have 500). Defaults to as many as it takes to see every
            instance of both domains.

    Raises:
        TypeError: The data set does not have two domains.
        ValueError: Bad batch size, ratio or length, or an empty domain.
    """

    def __init__(self, dataset, batch_size: int, source_ratio: Sequence[int] = (1, 1),
                 shuffle: bool = True, seed: int | None = None, start_iter: int = 0,
                 iters_per_epoch: int | None = None) -> None:
        if not (hasattr(dataset, 'num_source') and hasattr(dataset, 'num_target')):
            raise TypeError(f'TwoDomainSampler needs a TwoDomainDataset, got '
                            f'{type(dataset).__name__} (num_batch_per_epoch is not supported)')
        ratio = list(source_ratio)
        if len(ratio) != 2 or any(not isinstance(r, int) or r < 1 for r in ratio):
            raise ValueError(f'source_ratio={source_ratio}: expected two positive integers, '
                             '[parts of source, parts of target]')
        if not isinstance(batch_size, int) or batch_size < 1 or batch_size % sum(ratio):
            nearest = max(1, round(batch_size / sum(ratio))) * sum(ratio)
            raise ValueError(f'batch_size={batch_size} cannot be divided into source_ratio='
                             f'{ratio}: it must be a positive multiple of {sum(ratio)}, for '
                             f'example {nearest}')
        self.dataset = dataset
        self.batch_size = batch_size
        self.sizes = (dataset.num_source, dataset.num_target)
        if min(self.sizes) < 1:
            raise ValueError('a domain is empty: source and target have '
                             f'{self.sizes[0]} and {self.sizes[1]} instances')
        self.counts = tuple(batch_size * r // sum(ratio) for r in ratio)
        self.shuffle = shuffle
        self.rank, self.world_size = get_dist_info()
        self.seed = sync_random_seed() if seed is None else int(seed)
        self._passes: list[tuple] = [(None, None), (None, None)]
        if iters_per_epoch is None:
            iters_per_epoch = max(math.ceil(size / (count * self.world_size))
                                  for size, count in zip(self.sizes, self.counts, strict=True))
        if not isinstance(iters_per_epoch, int) or iters_per_epoch < 1:
            raise ValueError(f'iters_per_epoch={iters_per_epoch}: expected a positive integer')
        self.iters_per_epoch = iters_per_epoch
        self.set_start(start_iter)
        self.start_iter, self.next_iter, self.endless = start_iter, 0, False

    def set_start(self, iteration: int) -> None:
        """Let the next ``iter()`` begin with the batch of ``iteration`` (from 0) and never end."""
        if iteration < 0:
            raise ValueError(f'start iteration {iteration} is negative')
        self.next_iter, self.endless = int(iteration), True

    def set_epoch(self, epoch: int) -> None:
        """Let the next ``iter()`` be this epoch (from 0); without effect after `set_start`."""
        if not self.endless:
            self.next_iter = epoch * self.iters_per_epoch

    def check_dataloader(self, dataloader: DataLoader) -> None:
        """Make sure that the loader cuts the stream where this sampler's batches end.

        Raises:
            ValueError: The loader's batch size differs.
        """
        if dataloader.batch_size != self.batch_size:
            raise ValueError(
                f'train_dataloader.batch_size={dataloader.batch_size}, but '
                f'train_dataloader.sampler.batch_size={self.batch_size}: batches would not hold '
                f'{self.counts[0]} source and {self.counts[1]} target instances. Set both to the '
                'same number')

    def batch(self, iteration: int) -> list[int]:
        """The indices that this rank gets in an iteration: source first, then target."""
        indices = []
        for domain, (count, size) in enumerate(zip(self.counts, self.sizes, strict=True)):
            start = (iteration * self.world_size + self.rank) * count
            offset = self.sizes[0] * domain
            while count > 0:
                number, begin = divmod(start, size)
                part = self._pass(domain, number)[begin:begin + count]
                indices.extend((part + offset).tolist())
                start, count = start + len(part), count - len(part)
        return indices

    def _pass(self, domain: int, number: int) -> np.ndarray:
        """Pass ``number`` through a domain; the latest one of each domain is kept."""
        if self._passes[domain][0] != number:
            order = np.arange(self.sizes[domain])
            if self.shuffle:
                np.random.default_rng((self.seed, domain, number)).shuffle(order)
            self._passes[domain] = (number, order)
        return self._passes[domain][1]

    def __iter__(self) -> Iterator[int]:
        start, end = self.next_iter, self.next_iter + self.iters_per_epoch
        for iteration in itertools.count(start) if self.endless else range(start, end):
            yield from self.batch(self.start_iter + iteration)
        if self.next_iter == start:  # nobody has chosen another one meanwhile
            self.next_iter = end

    def __len__(self) -> int:
        """Indices of an epoch on this rank."""
        return self.batch_size * self.iters_per_epoch
