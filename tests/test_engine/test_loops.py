"""The resumable loop: every pass of a finite sampler differs, workers are its own, seeded."""
import multiprocessing
from types import SimpleNamespace

import mmengine.runner.loops
import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler
from torch.utils.data import DataLoader, Dataset

from udapose.datasets.samplers import TwoDomainSampler
from udapose.engine.loops import ResumableIterBasedTrainLoop


class Items(Dataset):
    """Eight items: the index and a random number."""

    num_source = num_target = 4

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return torch.tensor([index, np.random.rand()])


class Runner(SimpleNamespace):
    """What a loop asks of MMEngine's runner."""

    def __init__(self):
        super().__init__(seed=3, _randomness_cfg={}, val_loop=None, optim_wrapper=None,
                         visualizer=SimpleNamespace(), seen=[], workers=[])
        self.model = SimpleNamespace(train=lambda: None, train_step=self.train_step)

    def train_step(self, batch, optim_wrapper):
        self.seen.append(batch[0].tolist())
        self.workers.append(len(multiprocessing.active_children()))

    def call_hook(self, name, **kwargs):
        pass


def built(num_workers, sampler=None, count=24, **loader):
    data = Items()
    sampler = sampler or DefaultSampler(data, shuffle=True, seed=0)
    return ResumableIterBasedTrainLoop(
        Runner(), DataLoader(data, sampler=sampler, num_workers=num_workers, **loader), count)


def run(loop, start=0):
    """The batches' first items from iteration ``start`` on, as (iterations, 2)."""
    loop._iter = start  # as Runner.resume does
    loop.run()
    return np.array(loop.runner.seen)


def passes(num_workers, start=0, **loader):
    """What a loop from iteration ``start`` is given, three passes of eight."""
    return run(built(num_workers, **loader), start).reshape(-1, 8, 2)


@pytest.mark.parametrize('loader', [
    dict(num_workers=0), dict(num_workers=1), dict(num_workers=1, persistent_workers=True)])
def test_passes_differ(loader):
    seen = passes(**loader)
    assert (np.sort(seen[..., 0]) == np.arange(8)).all()  # every item once a pass
    orders = {tuple(p[:, 0]) for p in seen}
    assert len(orders) == 3
    assert len({n for p in seen for n in p[:, 1]}) == 24  # no number twice
    np.testing.assert_array_equal(passes(**loader), seen)  # but the same in another run


def test_workers_end_with_the_training():
    """Persistent ones, too."""
    loop = built(2, persistent_workers=True)
    run(loop)
    assert loop.runner.workers == [2] * 24
    assert not multiprocessing.active_children()
    again = built(1, persistent_workers=True, count=8)
    again.stop_training = False
    first, again.runner.seen = run(again), []
    np.testing.assert_array_equal(run(again), first)  # the loader can be used again


def test_without_a_seed_in_the_config_a_resumed_run_has_the_order_of_its_start():
    """MMEngine draws a seed at each start and brings the first one back after the sampler."""
    def loop(drawn, sampler_seed):
        made = built(0, TwoDomainSampler(Items(), 2, seed=sampler_seed), 6, batch_size=2)
        made.runner.seed = made._sampler_seed = drawn
        return made
    first = run(loop(3, 3))
    resumed = loop(4, 4)
    resumed.runner.seed = 3  # as Runner.resume does
    np.testing.assert_array_equal(run(resumed, start=2), first[2:])
    other = loop(4, 7)  # the config gave the sampler a seed of its own
    other.runner.seed = 3
    run(other)
    assert other.dataloader.sampler.seed == 7


@pytest.mark.parametrize('own', [None, 7])
def test_seeds_that_differ_by_rank_leave_the_order_the_same_on_all(monkeypatch, own):
    """With diff_rank_seed MMEngine's sampler draws a seed of its own at each start."""
    def loop(rank, drawn):
        monkeypatch.setattr('udapose.engine.loops.get_rank', lambda: rank)
        runner = Runner()
        runner._randomness_cfg['diff_rank_seed'] = True
        runner.seed = 3 + rank
        sampler = TwoDomainSampler(Items(), 2, seed=drawn if own is None else own)
        runner.build_dataloader = lambda *_, **__: DataLoader(Items(), 2, sampler=sampler)
        return ResumableIterBasedTrainLoop(runner, dict(sampler=dict(seed=own)), 6)
    first = run(loop(0, drawn=11))
    np.testing.assert_array_equal(run(loop(0, drawn=12), start=2)[..., 0], first[2:, ..., 0])
    second = loop(1, drawn=11)
    np.testing.assert_array_equal(run(second)[..., 0], first[..., 0])
    assert second.dataloader.sampler.seed == (3 if own is None else 7)
    assert (np.array(second.runner.seen)[..., 1] != first[..., 1]).all()  # not the same numbers


def test_a_resumed_run_is_in_the_pass_that_was_interrupted():
    np.testing.assert_array_equal(passes(0, start=8)[..., 0], passes(0)[1:, :, 0])


# ------------------------------------------------------------------ workers
@pytest.fixture(params=['installed', 'eager'])
def mmengine_loop(request, monkeypatch):
    """MMEngine's loop as it is installed, and as in 0.10.7: an iterator in the constructor."""
    iterator = mmengine.runner.loops._InfiniteDataloaderIterator

    def start(self, dataloader):
        original(self, dataloader)
        self._iterator = iter(dataloader)
    original = iterator.__init__
    if request.param == 'eager':
        monkeypatch.setattr(iterator, '__init__', start)


@pytest.mark.usefixtures('mmengine_loop')
@pytest.mark.parametrize('persistent', [False, True])
def test_no_worker_starts_before_the_run_nor_more_than_were_asked_for(persistent):
    """MMEngine 0.10.7 starts an iterator, and its workers, in the constructor."""
    before = len(multiprocessing.active_children())
    loop = built(2, count=5, persistent_workers=persistent)
    assert len(multiprocessing.active_children()) == before
    run(loop)
    assert loop.runner.workers == [before + 2] * 5


@pytest.mark.usefixtures('mmengine_loop')
@pytest.mark.parametrize('persistent', [False, True])
def test_a_resumed_run_draws_other_numbers_than_the_first_iterations(persistent):
    """Workers are seeded by the iteration of the resume, those of a fresh run by iteration 0."""
    def draw(start):
        sampler = TwoDomainSampler(Items(), 2, seed=1)
        return run(built(1, sampler, 8, batch_size=2, persistent_workers=persistent), start)
    fresh, resumed = draw(0), draw(5)
    np.testing.assert_array_equal(resumed[:, 0], fresh[5:, 0])  # the order goes on
    assert not set(resumed[:, 1]) & set(fresh[:, 1])
    np.testing.assert_array_equal(draw(5), resumed)
