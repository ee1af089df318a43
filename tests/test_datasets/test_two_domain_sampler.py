"""Order of the batches: fixed shares, disjoint ranks, fresh pairs, exact resumption."""
from itertools import chain, islice, repeat
from types import SimpleNamespace

import numpy as np
import pytest
from mmengine.runner import Runner
from mmpose.registry import DATA_SAMPLERS
from torch.utils.data import DataLoader

MODULE = 'udapose.datasets.samplers.two_domain_sampler'


def build(num_source=20, num_target=20, batch_size=4, seed=0, **kwargs):
    dataset = SimpleNamespace(num_source=num_source, num_target=num_target)
    return DATA_SAMPLERS.build(dict(type='TwoDomainSampler', dataset=dataset,
                                    batch_size=batch_size, seed=seed, **kwargs))


def take(sampler, batches):
    """The first batches of as many epochs as it takes; the sampler must continue by itself."""
    epochs = chain.from_iterable(repeat(sampler))
    flat = list(islice(epochs, batches * sampler.batch_size))
    return np.reshape(flat, (batches, sampler.batch_size))


def test_shares_and_passes():
    batches = take(build(30, 14, 6, source_ratio=[2, 1]), 70)
    assert (batches[:, :4] < 30).all()
    assert (batches[:, 4:] >= 30).all() and (batches[:, 4:] < 44).all()
    source, target = batches[:, :4].ravel(), batches[:, 4:].ravel() - 30
    for stream, size in ((source, 30), (target, 14)):
        passes = stream[:len(stream) // size * size].reshape(-1, size)
        assert (np.sort(passes) == np.arange(size)).all()  # each once per pass
        assert len(np.unique(passes, axis=0)) == len(passes)  # another order each time


def test_equal_sets_are_paired_anew():
    """Were both shuffled alike, instance i of the source would always meet i of the target."""
    batches = take(build(50, 50, 2), 50 * 40)
    pairs = np.zeros((50, 50), int)
    np.add.at(pairs, (batches[:, 0], batches[:, 1] - 50), 1)
    # 40 passes of independent permutations: about 40 Poisson(0.8) partners each
    assert pairs.max() <= 8
    distinct = (pairs > 0).sum(1)
    assert distinct.min() >= 18 and 25 < distinct.mean() < 30  # expected 50 (1 - 0.98^40) = 27.7
    assert np.diag(pairs).sum() < 80  # expected 40


@pytest.mark.parametrize('world_size', [2, 3])
def test_ranks_are_disjoint(monkeypatch, world_size):
    streams = []
    for rank in range(world_size):
        monkeypatch.setattr(f'{MODULE}.get_dist_info', lambda r=rank: (r, world_size))
        streams.append(take(build(24, 48, 4), 24))
    together = np.stack(streams, 1)  # (iteration, rank, batch)
    for part, size in ((together[..., :2], 24), (together[..., 2:] - 24, 48)):
        flat = part.reshape(-1)
        passes = flat[:len(flat) // size * size].reshape(-1, size)
        assert len(passes) > 1 and (np.sort(passes) == np.arange(size)).all()
    # the ranks together see what one process with the same global batch would see
    monkeypatch.setattr(f'{MODULE}.get_dist_info', lambda: (0, 1))
    single = take(build(24, 48, 4 * world_size), 24)
    half = 2 * world_size
    assert np.array_equal(together[..., :2].reshape(24, half), single[:, :half])
    assert np.array_equal(together[..., 2:].reshape(24, half), single[:, half:])


@pytest.mark.parametrize('start', [0, 1, 7, 33])
def test_resumption(start):
    expected = take(build(10, 7, 4), start + 12)[start:]
    sampler = build(10, 7, 4)
    take(sampler, 3)
    sampler.set_start(start)
    assert np.array_equal(take(sampler, 12), expected)
    assert np.array_equal(take(build(10, 7, 4, start_iter=start), 12), expected)
    sampler.set_epoch(5)
    assert np.array_equal(take(sampler, 12), expected)  # each iter() starts there
    flat = islice(sampler, 4 * 200)
    assert len(list(flat)) == 800  # and never ends


# ------------------------------------------------------------------ epochs
@pytest.mark.parametrize('length', [None, 3, 50])
def test_epochs_follow_each_other(length):
    """Epoch by epoch, with or without set_epoch, the order is that of the endless stream."""
    endless = build(20, 14, 4)
    endless.set_start(0)
    iters = length or 10
    expected = take(endless, 4 * iters).reshape(4, iters, 4)
    sampler = build(20, 14, 4, iters_per_epoch=length)
    assert len(sampler) == iters * 4
    for epoch in range(4):
        assert np.array_equal(np.reshape(list(sampler), (-1, 4)), expected[epoch])
    for epoch in (2, 0, 3):  # a run resumed after two epochs
        sampler.set_epoch(epoch)
        assert np.array_equal(np.reshape(list(sampler), (-1, 4)), expected[epoch])
    shifted = build(20, 14, 4, iters_per_epoch=length, start_iter=iters)
    shifted.set_epoch(0)
    assert np.array_equal(np.reshape(list(shifted), (-1, 4)), expected[1])


@pytest.mark.parametrize('workers', [0, 1])
def test_a_loader_ends_with_the_epoch(workers):
    sampler = build(8, 6, 4)
    loader = DataLoader(range(14), batch_size=4, sampler=sampler, num_workers=workers,
                        persistent_workers=workers > 0)
    first, second = ([b.tolist() for b in loader] for _ in range(2))
    assert len(first) == len(second) == len(loader) == 4
    assert {i for b in first for i in b} == set(range(14))
    assert first != second




def test_seed():
    assert np.array_equal(take(build(seed=1), 9), take(build(seed=1), 9))
    assert not np.array_equal(take(build(seed=1), 9), take(build(seed=2), 9))
    assert isinstance(build(seed=None).seed, int)


def test_without_shuffling():
    assert take(build(3, 2, 2, shuffle=False), 4).tolist() == [[0, 3], [1, 4], [2, 3], [0, 4]]


def test_small_domain_wraps_around():
    batches = take(build(3, 100, 16), 6)
    assert set(batches[:, :8].ravel()) == {0, 1, 2}
    counts = np.bincount(batches[:, :8].ravel())
    assert counts.max() - counts.min() == 0  # 48 draws, 16 passes


def test_length():
    assert len(build(20, 20, 4)) == 40
    assert len(build(21, 5, 6, source_ratio=[2, 1])) == 36  # 21 / 4 -> 6 batches


@pytest.mark.parametrize('kwargs, message', [
    (dict(batch_size=5), r'batch_size=5 cannot be divided into source_ratio=\[1, 1\]: it must be a '
                         'positive multiple of 2, for example 4'),
    (dict(batch_size=0), 'batch_size=0'),
    (dict(source_ratio=[1, 0]), 'two positive integers'),
    (dict(source_ratio=[1]), 'two positive integers'),
    (dict(num_target=0), 'a domain is empty: source and target have 20 and 0'),
    (dict(start_iter=-1), 'start iteration -1 is negative'),
    (dict(iters_per_epoch=0), 'iters_per_epoch=0: expected a positive integer'),
    (dict(iters_per_epoch=2.5), 'iters_per_epoch=2.5')])
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        build(**kwargs)


def test_wrong_data_set():
    with pytest.raises(TypeError, match='needs a TwoDomainDataset, got list'):
        DATA_SAMPLERS.build(dict(type='TwoDomainSampler', dataset=[1, 2], batch_size=2))


def test_other_batch_size_of_the_loader():
    sampler = build(batch_size=4)
    sampler.check_dataloader(DataLoader(range(40), batch_size=4, sampler=sampler))
    with pytest.raises(ValueError, match='train_dataloader.batch_size=8, but '
                       'train_dataloader.sampler.batch_size=4'):
        sampler.check_dataloader(DataLoader(range(40), batch_size=8, sampler=sampler))


def test_as_mmengine_builds_it(tiny, pipelines):
    dataset = dict(type='TwoDomainDataset', source=dict(tiny.source, pipeline=pipelines.source),
                   target=dict(tiny.target, pipeline=pipelines.target))
    loader = Runner.build_dataloader(dict(
        batch_size=4, num_workers=0, dataset=dataset,
        sampler=dict(type='TwoDomainSampler', batch_size=4)), seed=11)
    assert loader.sampler.seed == 11
    batch = next(iter(loader))
    present = {k: [x is not None for x in v] for k, v in batch['inputs'].items()}
    assert present == dict(source=[True, True, False, False],
                           target_teacher=[False, False, True, True],
                           target_student=[False, False, True, True])
