"""Ids of samples: numbers, text, arrays, tensors."""
import numpy as np
import pytest
import torch
from test_published_pck import evaluate, random_samples

from udapose.evaluation.metrics.grouped_pck import sort_key


@pytest.mark.parametrize('kind', [str, 'a{}'.format, np.int64, lambda i: np.array([i]),
                                  lambda i: torch.tensor(i), lambda i: 2**60 + i])
def test_ids_may_be_of_any_kind(kind):
    """They order the samples, which arrive in any order, and nothing else."""
    samples = random_samples(9, 5, 0)
    expected = evaluate(samples, batch_size=4)
    shuffled = [dict(samples[i], id=kind(samples[i]['id']))
                for i in np.random.default_rng(1).permutation(9)]
    assert evaluate(shuffled, batch_size=4) == expected
    unordered = [dict(s, id=None) for s in shuffled]
    assert evaluate(unordered, batch_size=4) != expected


def test_text_that_is_a_number_is_ordered_as_one():
    keys = [sort_key(i) for i in ('2', 9, '10', np.int64(11), 12.5, 'a', 'b')]
    assert keys == sorted(keys) and len(set(keys)) == 7 and sort_key(None) is None
