"""Train and test through MMPose's own scripts, one process each; used by quickstart and suite."""
from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONFIGS = ROOT / 'configs'


class Job:
    """One subprocess with a log file; ``poll`` tells how far a training is.

    Args:
        name (str): Shown in progress lines.
        command (list[str]): Command line.
        log (Path): Receives stdout and stderr.
        threads (int): ``OMP_NUM_THREADS`` of the process.
    """

    def __init__(self, name: str, command: list[str], log: Path, threads: int) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        env = dict(os.environ, OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads),
                   PYTHONUNBUFFERED='1')
        self.name, self.log, self.start = name, log, time.time()
        self.handle = log.open('w')
        self.process = subprocess.Popen(command, stdout=self.handle, stderr=subprocess.STDOUT,
                                        cwd=ROOT, env=env)

    def progress(self) -> str:
        """The last ``[iter/max]`` of the log with its ETA, or an empty string."""
        tail = self.log.read_bytes()[-4000:].decode(errors='replace')
        found = re.findall(r'\[\s*(\d+)/(\d+)\].*?eta: ([\d:]+)', tail)
        return '{}/{} (eta {})'.format(*found[-1]) if found else ''

    def finished(self) -> bool:
        """Whether the process has ended well; an error raises with the end of its log."""
        code = self.process.poll()
        if code is None:
            return False
        self.handle.close()
        if code:
            lines = self.log.read_text(errors='replace').strip().splitlines()[-15:]
            raise RuntimeError(f'{self.name} failed (exit code {code}); the end of {self.log}:\n'
                               + '\n'.join(lines))
        self.seconds = time.time() - self.start
        return True

    def kill(self) -> None:
        """End the process if it still runs."""
        if self.process.poll() is None:
            self.process.kill()


def wait(jobs: list[Job], interval: float = 2.) -> None:
    """Wait for all jobs, showing one progress line; ends the others when one fails."""
    shown = 0.
    try:
        while not all([job.finished() for job in jobs]):
            if time.time() - shown > (5 if sys.stdout.isatty() else 60):
                parts = [f'{j.name} {j.progress() or "starting"}' for j in jobs
                         if j.process.poll() is None]
                print('  ' + ' | '.join(parts), end='\r' if sys.stdout.isatty() else '\n',
                      flush=True)
                shown = time.time()
            time.sleep(interval)
    except BaseException:
        for job in jobs:
            job.kill()
        raise


def options(values: dict) -> list[str]:
    """Command line of config keys and their new values."""
    return ['--cfg-options', *(f'{k}={v}' for k, v in values.items())] if values else []


def train(name: str, config: Path, work_dir: Path, threads: int = 1, **overrides) -> Job:
    """Start (or resume) a training; a finished one ends at once."""
    command = [sys.executable, 'tools/train.py', str(config), '--work-dir', str(work_dir)]
    if (work_dir / 'last_checkpoint').exists():
        command.append('--resume')
        overrides.pop('load_from', None)  # MMEngine would resume from that instead
    return Job(name, command + options(overrides), work_dir / 'train.log', threads)


def last_checkpoint(work_dir: Path) -> Path:
    """The checkpoint that MMEngine wrote last.

    Raises:
        FileNotFoundError: There is none.
    """
    pointer = work_dir / 'last_checkpoint'
    if not pointer.exists():
        raise FileNotFoundError(f'{work_dir} holds no checkpoint: its training has not finished; '
                                f'see {work_dir / "train.log"}')
    return Path(pointer.read_text().strip())


def test(name: str, config: Path, checkpoint: Path, out_dir: Path, threads: int = 1,
         **overrides) -> Job:
    """Start MMPose's test.py; :func:`metrics` reads the result."""
    command = [sys.executable, 'tools/test.py', str(config), str(checkpoint),
               '--work-dir', str(out_dir)]
    return Job(name, command + options(overrides), out_dir / 'test.log', threads)


def metrics(out_dir: Path) -> dict[str, float]:
    """The metrics that test.py left in its work directory, the newest run's."""
    files = sorted(out_dir.glob('*/*.json'), key=lambda f: f.stat().st_mtime)
    if not files:
        raise FileNotFoundError(f'no metrics in {out_dir}: see {out_dir / "test.log"}')
    return json.loads(files[-1].read_text().splitlines()[-1])


def write_json(path: Path, value) -> None:
    """Write atomically: an interrupted run leaves the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix('.part')
    part.write_text(json.dumps(value, indent=1, sort_keys=True) + '\n')
    part.replace(path)
