"""A run killed with SIGKILL and resumed equals the one that was never killed."""
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

WORKER = Path(__file__).with_name('resume_worker.py')


def run(*args):
    return subprocess.run([sys.executable, str(WORKER), *map(str, args)], capture_output=True,
                          text=True)


def losses(folder):
    rows = [json.loads(line) for line in (folder / 'losses.jsonl').read_text().splitlines()]
    return {row.pop('iter'): row for row in rows}  # repeated iterations: the later run's


@pytest.mark.parametrize('extra', [[], ['--all-parts'], ['--hamipose']])
def test_resume_after_kill_is_exact(tiny_people, tmp_path, extra):
    """With all parts the run dies in the second phase and is resumed in the first."""
    whole, killed = tmp_path / 'whole', tmp_path / 'killed'
    for folder in (whole, killed):
        folder.mkdir()
    done = run(tiny_people, whole, 8, 3, -1, *extra)
    assert done.returncode == 0, done.stderr[-3000:]
    died = run(tiny_people, killed, 8, 3, 5, *extra)
    assert died.returncode == -signal.SIGKILL, died.stderr[-3000:]
    assert max(losses(killed)) == 4 and not (killed / 'final.pth').exists()
    resumed = run(tiny_people, killed, 8, 3, -1, '--resume', *extra)
    assert resumed.returncode == 0, resumed.stderr[-3000:]

    expected, found = losses(whole), losses(killed)
    assert sorted(found) == list(range(8))
    if '--all-parts' in extra:
        assert {i for i, row in expected.items() if 'loss_adversarial' in row} == {4, 5, 6, 7}
        assert {i for i, row in expected.items() if 'loss_unused' in row} == {0, 1, 2, 3}
    if '--hamipose' in extra:
        assert all('gradient_gate' in row for row in expected.values())
    for i in range(8):
        for key, value in expected[i].items():
            assert abs(found[i][key] - value) <= 1e-5 * max(1, abs(value)), (i, key)
    a, b = (torch.load(f / 'final.pth', weights_only=True) for f in (whole, killed))
    assert a.keys() == b.keys()
    for key in a:
        torch.testing.assert_close(a[key], b[key], atol=1e-5, rtol=1e-5, msg=key)
    moved = [k for k in a if k.startswith('teacher.') and not torch.equal(
        a[k], a[k.replace('teacher.', 'student.')])]
    assert moved  # the teacher is a state of its own
