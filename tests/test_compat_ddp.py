"""Two-process training on a CPU through MMEngine's Runner, against a closed form."""
from pathlib import Path

import pytest
import torch

from udapose.compat.amp import has_accelerator

WORKER = Path(__file__).with_name('ddp_worker.py')


def gradient_descent(epochs=3, batch_size=4, rate=0.1):
    """The same training by hand: (weight, bias)."""
    x = torch.arange(8) / 10
    y = 2 * x + 1
    weight, bias = torch.tensor(0.5), torch.tensor(0.0)
    for _ in range(epochs):
        for start in range(0, 8, batch_size):
            part = slice(start, start + batch_size)
            error = weight * x[part] + bias - y[part]
            weight, bias = (weight - rate * 2 * (error * x[part]).mean(),
                            bias - rate * 2 * error.mean())
    return float(weight), float(bias)


@pytest.mark.skipif(has_accelerator(), reason='about machines without a GPU')
def test_two_processes_train_as_one_with_the_whole_batch(tmp_path, run_python):
    done = run_python('-m', 'torch.distributed.run', '--nproc_per_node=2', '--rdzv_backend=c10d',
                      '--rdzv_endpoint=localhost:0', WORKER, tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    first, second = (torch.load(tmp_path / f'rank{rank}.pth') for rank in (0, 1))
    assert all(torch.equal(first[key], second[key]) for key in first)
    got = float(first['layer.weight']), float(first['layer.bias'])
    assert got == pytest.approx(gradient_descent(), rel=1e-5)
