"""The resumable loop on finite samplers: every pass has its own order and augmentations."""
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler
from torch.utils.data import DataLoader, Dataset

from udapose.engine.loops import ResumableIterBasedTrainLoop


class Items(Dataset):
    """Eight items: the index and a random number."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return torch.tensor([index, np.random.rand()])


def passes(num_workers, start=0, count=24, **loader):
    """What a loop from iteration ``start`` is given, three passes of eight."""
    data = Items()
    loop = ResumableIterBasedTrainLoop.__new__(ResumableIterBasedTrainLoop)
    seen = []
    loop.dataloader = DataLoader(data, sampler=DefaultSampler(data, shuffle=True, seed=0),
                                 num_workers=num_workers, **loader)
    loop._runner = SimpleNamespace(seed=3, call_hook=lambda *a, **k: None, val_loop=None,
                                   model=SimpleNamespace(train=lambda: None))
    loop._iter, loop._max_iters, loop.stop_training = start, count, False
    loop._decide_current_val_interval = lambda: None

    def run_iter(batch):
        seen.append(batch[0].tolist())
        loop._iter += 1
    loop.run_iter = run_iter
    loop.run()
    return np.array(seen).reshape(-1, 8, 2)


@pytest.mark.parametrize('num_workers', [0, 1])
def test_passes_differ(num_workers):
    seen = passes(num_workers)
    assert (np.sort(seen[..., 0]) == np.arange(8)).all()  # every item once a pass
    orders = {tuple(p[:, 0]) for p in seen}
    assert len(orders) == 3
    assert len({n for p in seen for n in p[:, 1]}) == 24  # no number twice
    np.testing.assert_array_equal(passes(num_workers), seen)  # but the same in another run


def test_a_resumed_run_is_in_the_pass_that_was_interrupted():
    np.testing.assert_array_equal(passes(0, start=8)[..., 0], passes(0)[1:, :, 0])
