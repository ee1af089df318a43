"""Train and test through MMPose's own scripts, one process each: for commands and benchmarks."""
from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from udapose.configs import config_root
from udapose.file_io import read_json

#: The shipped configs; and, in a checkout, the repository.
CONFIGS = config_root()
ROOT = CONFIGS.parent
RECORD = 'run_record.json'  #: In a work directory: what defines the run that it holds.


def _end_with_parent() -> None:
    """Ask Linux to end this process when its parent is gone, however that was killed.

    Else a training would go on, and a second one would start in its folder when the command is
    repeated.
    """
    import ctypes
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
    except (OSError, AttributeError):
        pass


#: Of a process that ends with the one that started it.
TIED = dict(preexec_fn=_end_with_parent) if sys.platform == 'linux' else {}


class Job:
    """One subprocess with a log file; ``poll`` tells how far a training is.

    Args:
        name (str): Shown in progress lines.
        command (list[str]): Command line.
        log (Path): Receives stdout and stderr.
        threads (int): ``OMP_NUM_THREADS`` of the process.
        env (dict, optional): More of its environment.
    """

    def __init__(self, name: str, command: list[str], log: Path, threads: int,
                 env: dict | None = None) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        # Passive: threads that wait for each other sleep. Else they burn the time of whatever else
        # runs; on a loaded machine a step took seven times as long.
        env = dict(os.environ, OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads),
                   OMP_WAIT_POLICY='PASSIVE', PYTHONUNBUFFERED='1', **(env or {}))
        self.name, self.log, self.start = name, log, time.time()
        self.handle = log.open('w', encoding='utf-8')
        self.process = subprocess.Popen(command, stdout=self.handle, stderr=subprocess.STDOUT,
                                        env=env, **TIED)

    def steps(self) -> tuple[int, int] | None:
        """See :func:`steps_in`."""
        return steps_in(self.log)

    def progress(self) -> str:
        """The same as text; empty before the first line of the log that tells."""
        steps = self.steps()
        return '{}/{}'.format(*steps) if steps else ''

    def finished(self) -> bool:
        """Whether the process has ended well; an error raises with the end of its log."""
        code = self.process.poll()
        if code is None:
            return False
        self.handle.close()
        if code:
            text = self.log.read_text(errors='replace', encoding='utf-8')
            lines = text.strip().splitlines()[-15:]
            raise RuntimeError(f'{self.name} failed (exit code {code}); the end of {self.log}:\n'
                               + '\n'.join(lines))
        self.seconds = time.time() - self.start
        return True

    def kill(self) -> None:
        """End the process if it still runs."""
        if self.process.poll() is None:
            self.process.kill()


def steps_in(log: Path) -> tuple[int, int] | None:
    """How many of how many iterations (images) are done, by the end of a log."""
    tail = log.read_bytes()[-4000:].decode(errors='replace') if log.exists() else ''
    found = re.findall(r'\[\s*(\d+)/(\d+)\].*?eta: |\b(\d+)/(\d+) images', tail)
    return tuple(int(n) for n in found[-1] if n) if found else None


def wait(jobs: list[Job], interval: float = 1., note: Callable[[list[Job]], str] | None = None
         ) -> None:
    """Wait for all jobs, showing one progress line; ends the others when one fails.

    Args:
        jobs (list[Job]): Running.
        interval (float): Seconds between looks at them.
        note (Callable, optional): Gives the end of the progress line, such as the time left.
    """
    shown = 0.
    try:
        while not all([job.finished() for job in jobs]):
            if time.time() - shown > (5 if sys.stdout.isatty() else 60):
                parts = [f'{j.name} {j.progress() or "starting"}' for j in jobs
                         if j.process.poll() is None]
                parts += [note(jobs)] if note else []
                line = ('  ' + ' | '.join(parts)).ljust(78)
                print(line, end='\r' if sys.stdout.isatty() else '\n', flush=True)
                shown = time.time()
            time.sleep(interval)
    except BaseException:
        for job in jobs:
            job.kill()
        raise


def fastest(config: Path, batch: int, out: Path, most: int) -> tuple[int, bool]:
    """Threads, and whether channels last, that train a config fastest here, by some timed steps.

    Args:
        config (Path): Of a plain model.
        batch (int): Images a step.
        out (Path): Folder that keeps the choice, ``speed.json``: an earlier one is taken again.
        most (int): Threads, at most.
    """
    path = out / 'speed.json'
    if not path.exists():
        counts = sorted({1, (most + 1) // 2, most})
        wait([Job('measuring', [
            sys.executable, '-m', 'udapose.cli._quickstart_speed', str(config), str(batch),
            str(path), *map(str, counts)], out / 'speed.log', most)])
    best = read_json(path)
    return best['threads'], best['channels_last']


def options(values: dict) -> list[str]:
    """Command line of config keys and their new values.

    Raises:
        ValueError: A path that MMEngine would change, see :func:`conveys`.
    """
    for key, value in values.items():
        if isinstance(value, str) and os.path.isabs(value) and re.search('[ ,]', value):
            raise ValueError(f'{key}={value}: MMEngine removes spaces from options and splits '
                             'them at commas: use a folder whose path has neither')
    return ['--cfg-options', *(f'{k}={v}' for k, v in values.items())] if values else []


def conveys(value) -> bool:
    """Whether a config gets this very value from the command line.

    MMEngine removes spaces and outer quotes, splits at commas, and knows no way to protect them.
    """
    from mmengine.config import DictAction
    try:
        return DictAction._parse_iterable(str(value)) == value
    except (AssertionError, RecursionError):  # lone brackets; commas within brackets
        return False


def changed(config: Path, values: dict, out_dir: Path) -> tuple[str, list[str]]:
    """A config and options that together have ``values``.

    Args:
        config (Path): The config.
        values (dict): Dotted keys (list indices included) to Python values, taken literally.
        out_dir (Path): Where a value is none that an option :func:`conveys`, such as a path with
            spaces, the config is written into ``out_dir/with_options``, with such values in it.

    Returns:
        tuple[str, list[str]]: Path of the config, and arguments after it.
    """
    written = {k: v for k, v in values.items() if not conveys(v)}
    if not written:
        return str(config), options(values)
    from mmengine.config import Config

    from udapose.config_writing import write_config
    cfg = Config.fromfile(config, import_custom_modules=False)
    cfg.merge_from_dict(written)
    path = out_dir / 'with_options' / config.name
    path.parent.mkdir(parents=True, exist_ok=True)
    write_config(cfg, path)
    return str(path), options({k: v for k, v in values.items() if k not in written})


def train(name: str, config: Path, work_dir: Path, threads: int = 1,
          machine: dict | None = None, **overrides) -> Job:
    """Start (or resume) a training; a finished one ends at once.

    Args:
        name (str): Shown in progress lines.
        config (Path): The config.
        work_dir (Path): Of the run.
        threads (int): See :class:`Job`.
        machine (dict, optional): More changes of the config that may differ when the run
            continues, such as the number of loading processes.
        **overrides: Changes of the config, see :func:`changed`.

    Raises:
        RuntimeError: ``work_dir`` holds checkpoints of another run, see :func:`check_record`.
    """
    check_record(work_dir, config, overrides)
    resume = resume_arguments(work_dir)
    if resume:
        overrides.pop('load_from', None)  # MMEngine would resume from that instead
    else:
        write_record(work_dir, config, overrides)
    path, arguments = changed(config, {**overrides, **(machine or {})}, work_dir)
    command = [sys.executable, '-m', 'udapose', 'train', path, '--work-dir', str(work_dir)]
    return Job(name, command + resume + arguments, work_dir / 'train.log', threads)


def check_record(work_dir: Path, config: Path, overrides: dict) -> None:
    """Whether a run may continue in ``work_dir``: there is no checkpoint, or it is of this run.

    Checkpoints without a record (made by `udapose train`, or before there were records) are
    accepted.

    Raises:
        RuntimeError: It is of another config or has other options (data, seed, ...).
        ValueError: The record is damaged.
    """
    path = work_dir / RECORD
    if not (path.exists() and (work_dir / 'last_checkpoint').exists()):
        return
    there = read_json(path, 'remove it alone, to continue the run there all the same')
    here = _record(config, overrides)
    differences = [f'{key} is {there.get(key, "not set")}, now {here.get(key, "not set")}'
                   for key in sorted({*there, *here}) if there.get(key) != here.get(key)
                   or (key in there) != (key in here)]
    if differences:
        raise RuntimeError(f'{work_dir} holds another run: {"; ".join(differences)}. Name another '
                           f'--out or --work-dir, or remove that folder (or {RECORD} in it alone, '
                           'to continue that run all the same)')


def write_record(work_dir: Path, config: Path, overrides: dict) -> None:
    """Write down what defines a run that begins, for :func:`check_record`."""
    write_json(work_dir / RECORD, _record(config, overrides))


def _record(config: Path, overrides: dict) -> dict:
    """What defines a run; a config of the repository by its path there."""
    config = config.resolve()
    name = config.relative_to(ROOT) if config.is_relative_to(ROOT) else config
    return json.loads(json.dumps({'config': str(name), **overrides}, default=str))


def last_checkpoint(work_dir: Path) -> Path:
    """The checkpoint that MMEngine wrote last, also in a folder that was moved or copied.

    Raises:
        FileNotFoundError: There is none, or it was deleted.
    """
    pointer = work_dir / 'last_checkpoint'
    if not pointer.exists():
        raise FileNotFoundError(f'{work_dir} holds no checkpoint: its training has not finished; '
                                f'see {work_dir / "train.log"}')
    path = Path(pointer.read_text(encoding='utf-8').strip())
    for found in (work_dir / path.name, path):  # MMEngine keeps the absolute path
        if found.is_file():
            return found
    raise FileNotFoundError(f'{pointer} names {path.name}, which is not there any more: bring it '
                            f'back, or delete {work_dir} to train anew')


def resume_arguments(work_dir: Path) -> list[str]:
    """What makes train.py continue the run of a folder, if one was begun there."""
    begun = (work_dir / 'last_checkpoint').exists()
    return ['--resume', str(last_checkpoint(work_dir))] if begun else []


def test(name: str, config: Path, checkpoint: Path, out_dir: Path, threads: int = 1,
         **overrides) -> Job:
    """Start a test; :func:`metrics` reads the result."""
    path, arguments = changed(config, overrides, out_dir)
    command = [sys.executable, '-m', 'udapose', 'test', path, str(checkpoint), '--work-dir',
               str(out_dir)]
    return Job(name, command + arguments, out_dir / 'test.log', threads)


def metrics(out_dir: Path) -> dict[str, float]:
    """The metrics that a test left in its work directory, the newest run's."""
    files = sorted(out_dir.glob('*/*.json'), key=lambda f: f.stat().st_mtime)
    if not files:
        raise FileNotFoundError(f'no metrics in {out_dir}: see {out_dir / "test.log"}')
    return json.loads(files[-1].read_text(encoding='utf-8').splitlines()[-1])


def write_json(path: Path, value) -> None:
    """:func:`udapose.file_io.write_json` with sorted keys."""
    from udapose.file_io import write_json as write
    write(path, value, sort_keys=True)
