"""A run that is killed in the middle of its training goes on."""
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import pytest
from media import picture

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(sys.platform != 'linux', reason='ends its processes as Linux does')
def test_kill_during_the_training(synth_like_model, tmp_path):
    config, checkpoint = map(str, synth_like_model)
    (tmp_path / 'images').mkdir()
    for step in range(12):
        cv2.imwrite(str(tmp_path / f'images/{step:02d}.png'), picture(4 * step, seed=step))
    command = [sys.executable, '-m', 'udapose', 'adapt', '--config', config, '--checkpoint',
               checkpoint, '--data', str(tmp_path / 'images'), '--out', str(tmp_path / 'run'),
               '--device', 'cpu', '--predict', 'none', '--iterations', '60', '--cfg-options',
               'train_dataloader.batch_size=2', 'train_dataloader.num_workers=0',
               'train_dataloader.persistent_workers=False', 'default_hooks.checkpoint.interval=5',
               'train_cfg.val_interval=60']
    env = {**os.environ, 'PYTHONPATH': str(ROOT / 'projects'), 'OMP_NUM_THREADS': '1'}
    work = tmp_path / 'run/work'
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
    end = time.time() + 600  # a crowded machine
    try:
        while not (work / 'last_checkpoint').exists():
            assert process.poll() is None and time.time() < end
            time.sleep(0.1)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    end = time.time() + 30
    while _trainings(work):  # the child ends with its parent
        assert time.time() < end
        time.sleep(0.1)
    reached = int(Path((work / 'last_checkpoint').read_text()).stem.split('_')[1])
    assert reached < 60
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'plan: done before' in done.stdout
    log = (work / 'train.log').read_text()
    assert 'resumed epoch' in log or f'iter: {reached}' in log
    assert json.loads((tmp_path / 'run/verdict.json').read_text())['word']
    assert (tmp_path / 'run/report.html').exists()


def _trainings(work: Path) -> list[int]:
    found = []
    for path in Path('/proc').glob('[0-9]*/cmdline'):
        try:
            if str(work).encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found
