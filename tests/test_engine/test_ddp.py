"""Two processes on CPU: disjoint data, identical teachers, reduced buffers."""
import json
import subprocess
import sys
from pathlib import Path

import pytest

WORKER = Path(__file__).with_name('ddp_worker.py')


def train(data, work_dir, *extra):
    command = [sys.executable, '-m', 'torch.distributed.run', '--nproc_per_node=2',
               '--rdzv_backend=c10d', '--rdzv_endpoint=localhost:0',  # a free port
               str(WORKER), str(data), str(work_dir), *extra]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    report = json.loads((work_dir / 'report.json').read_text())
    assert report['differ'] == []  # parameters bitwise, buffers after averaging
    assert report['unsaved'] == []  # what rank 0 saved is what rank 1 holds
    return report


@pytest.mark.parametrize('extra', [[], ['--all-parts']])
def test_two_ranks(tiny_people, tmp_path, extra):
    report = train(tiny_people, tmp_path, *extra)
    assert report['entries'] > 100
    for folder in ('stylized', 'domain_maps', 'pseudo_labels') if extra else ():
        assert next(tmp_path.rglob(f'vis_data/{folder}/*.png'))  # written by rank 0
    ranks = [{tuple(x) for x in seen} for seen in report['seen']]
    assert ranks[0] and not ranks[0] & ranks[1]
    for iteration in range(3):
        for branch in ('source', 'target_teacher', 'target_student'):
            images = [sorted(x[2] for x in rank if x[0] == iteration and x[1] == branch)
                      for rank in ranks]
            assert len(images[0]) == len(images[1]) == 2
            assert not set(images[0]) & set(images[1])


@pytest.mark.parametrize('extra', ['--masked-reconstruction', '--attention'])
def test_two_ranks_of_masked_reconstruction(tiny_people, tmp_path, extra):
    report = train(tiny_people, tmp_path, extra)
    ranks = [{tuple(x) for x in seen} for seen in report['seen']]
    assert len(ranks[0]) == len(ranks[1]) > 0 and not ranks[0] & ranks[1]
    folder = 'reconstruction' if 'masked' in extra else 'attention'
    pictures = list(tmp_path.rglob(f'vis_data/{folder}/*.png'))
    assert pictures  # drawn by rank 0


def test_two_ranks_without_source_images(tiny_people, tmp_path):
    """Without find_unused_parameters: a head with two stages, all terms against drift."""
    report = train(tiny_people, tmp_path, '--source-free')
    ranks = [{tuple(x) for x in seen} for seen in report['seen']]
    assert ranks[0] and not ranks[0] & ranks[1]
    assert {x[1] for x in ranks[0]} == {'target_teacher', 'target_student'}
