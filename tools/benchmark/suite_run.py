"""One row of a benchmark suite with one seed: trained, tested, written as a JSON."""
from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

from suites import SUITES

from udapose.adaptation.folder_lock import FolderLock
from udapose.cli._experiment import (
    CONFIGS,
    ROOT,
    TIED,
    check_record,
    last_checkpoint,
    metrics,
    options,
    resume_arguments,
    write_json,
    write_record,
)
from udapose.cli._pictures import read_scalars
from udapose.file_io import read_json

#: Results that the repository keeps and its pages show.
RECORDED = ROOT / 'docs/benchmarks/runs'
#: What a run's tests gave, in its own folder, written when the run is complete.
TESTED = 'tested.json'
#: The same of the very model that a run began with, kept when it began.
START = 'start.json'
#: What tells rendered data sets apart.
DATA_KEYS = ('generator_version', 'size', 'seed', 'counts')


class Run:
    """One row with one seed: a training, then a test on each domain, in this order.

    Args:
        suite, row (str): Keys of SUITES.
        seed (int): Of the training.
        work (Path): Of all trainings.
        results (Path, optional): Folder of the JSONs. Defaults to ``work/results/runs``.
    """

    def __init__(self, suite: str, row: str, seed: int, work: Path,
                 results: Path | None = None) -> None:
        results = results or work / 'results/runs'
        self.suite, self.row, self.seed = suite, row, seed
        self.spec, self.cfg = SUITES[suite], SUITES[suite]['rows'][row]
        self.name = f'{suite}-{row}-seed{seed}'
        self.dir = work / suite / row / f'seed{seed}'
        self.json = results / f'{self.name}.json'
        init = self.cfg['init']
        origin = self.cfg.get('init_suite', suite)
        shared = init is not None and SUITES[origin]['rows'][init].get('shared')
        self.needs = None if init is None else Run(
            origin, init, 0 if shared else seed, work, results)

    @property
    def done(self) -> bool:
        # Others continue from a hidden run: its JSON may come from another machine, and its
        # folder may hold a checkpoint of half a training. What its tests gave is written last.
        return self.json.exists() and (not self.cfg.get('hidden') or
                                       (self.dir / TESTED).exists())

    @property
    def complete(self) -> bool:
        """Whether its folder holds the whole training, of which its JSON tells."""
        return self.json.exists() and self.tested == read_json(self.json)['results']

    @property
    def tested(self) -> dict | None:
        """What its tests gave, by the record in its folder; None before they have ended."""
        record = self.dir / TESTED
        return read_json(record) if record.exists() else None

    @property
    def ready(self) -> bool:
        return self.needs is None or self.needs.done

    def lengths(self) -> dict:
        """Overrides of the number of iterations, from the command line's options."""
        option = 'UDAPOSE_SOURCE_ITERS' if self.cfg.get('hidden') else 'UDAPOSE_ADAPT_ITERS'
        return {key: os.environ[option] for key in self.cfg.get('lengths', ())
                if os.environ.get(option)}

    def settings(self) -> dict:
        """What the run changes in its config, but for where it begins."""
        return {'randomness.seed': self.seed, **self.cfg.get('options', {}), **self.lengths()}

    def recorded_settings(self) -> dict[str, str]:
        """The same as text that is equal in all checkouts."""
        return {k: str(v).replace(f'{ROOT}/', '') for k, v in self.settings().items()}

    def check_folder(self) -> None:
        """Require that what lies in the run's folder, interrupted, is of this very run.

        Raises:
            ValueError: It has other settings or began with another trained instance of its start
                model: continued, it would be neither of the two.
        """
        try:
            check_record(self.dir, CONFIGS / self.cfg['config'], self.settings())
        except RuntimeError as error:
            raise ValueError(str(error)) from error
        begun = (self.dir / 'last_checkpoint').exists() and (self.dir / START).exists()
        if begun and self.needs.tested not in (None, read_json(self.dir / START)):
            raise ValueError(f'{self.dir} began with another model of {self.needs.name} than is in '
                             f'{self.needs.dir} now: delete the former to begin anew')

    def missing_file(self) -> str | None:
        """A file that must be made first, with the command; None if nothing is missing."""
        for path, command in self.cfg.get('files', {}).items():
            if not (ROOT / path).exists():
                where = '' if Path.cwd() == ROOT else f'in {ROOT} '
                return f'{self.name}: {path} is missing: {where}run {command}'
        return None

    def command(self, threads: int) -> list[str]:
        """This file as the process of a single run (keeps the scheduler simple)."""
        return [sys.executable, str(Path(__file__).resolve()), self.suite, self.row,
                str(self.seed), str(self.dir.parents[2]), str(self.json.parent), str(threads)]


def run_one(suite: str, row: str, seed: str, work: str, results: str, threads: str) -> None:
    """Train, test and write the JSON of one run."""
    run = Run(suite, row, int(seed), Path(work), Path(results))
    missing = run.missing_file()
    if missing:
        sys.exit(missing)
    try:
        run.check_folder()
        with FolderLock(run.dir, '--work-dir'):
            _run(run, threads)
    except (OSError, RuntimeError, ValueError) as error:
        sys.exit(f'{run.name}: {error}')


def _run(run: Run, threads: str) -> None:
    config = CONFIGS / run.cfg['config']
    env = dict(os.environ, OMP_NUM_THREADS=threads, MKL_NUM_THREADS=threads,
               # glibc: keep freed memory; asking for it anew each step costs page faults
               MALLOC_MMAP_MAX_='0', MALLOC_TRIM_THRESHOLD_=str(2**40))
    overrides = run.settings()
    resume = resume_arguments(run.dir)
    if not resume:
        write_record(run.dir, config, overrides)
        if run.needs is not None and run.needs.tested is not None:
            write_json(run.dir / START, run.needs.tested)
    if run.needs is not None:
        # MMEngine would resume from load_from instead of the run's own checkpoint
        keys = run.cfg.get('init_keys', [] if resume else ['load_from'])
        overrides.update({key: str(last_checkpoint(run.needs.dir)) for key in keys})

    def call(command: list[str], log: str) -> float:
        begin = time.time()
        with (run.dir / log).open('a' if log == 'train.log' else 'w', encoding='utf-8') as f:
            code = subprocess.run(command, cwd=ROOT, env=env, stdout=f, stderr=f,
                                  **TIED).returncode
        if code:
            raise RuntimeError(f'exit code {code}: {last_line(run.dir / log)} (see '
                               f'{run.dir / log})')
        return round(time.time() - begin, 1)

    train_seconds, iterations, results = 0., 0, {}
    if 'script' in run.cfg:  # nothing to train
        out = run.dir / 'results.json'
        call([sys.executable, str(Path(__file__).parent / run.cfg['script']), str(config),
              '--out', str(out)], 'script.log')
        for key, value in json.loads(out.read_text(encoding='utf-8')).items():
            domain, name = key.split('/', 1)
            results.setdefault(domain, {})[name] = round(value, 3)
    else:
        earlier = seconds_before(run.dir)
        train_seconds = earlier + call([sys.executable, 'tools/train.py', str(config), '--work-dir',
                                        str(run.dir), *resume, *options(overrides)], 'train.log')
        checkpoint = last_checkpoint(run.dir)
        iterations = int(checkpoint.stem.split('_')[-1])
        before = None
        for domain, keys in run.spec['domains'].items() if run.cfg.get('test', True) else ():
            if keys != before:  # else one test has given the results of both
                out, before = run.dir / f'test_{domain}', keys
                call([sys.executable, 'tools/test.py', str(config), str(checkpoint), '--work-dir',
                      str(out), *options({**keys, **run.cfg.get('test_options', {})})],
                     f'test_{domain}.log')
            results[domain] = {k.split('/', 1)[1]: round(v, 3) for k, v in metrics(out).items()
                               if k.startswith(f'{domain}/')}
    more = dict(logged=logged_means(run.dir, run.cfg['logged'])) if run.cfg.get('logged') else {}
    write_json(run.dir / TESTED, results)
    if (run.dir / START).exists():
        # not the recorded row of the start model, which another machine may have trained
        more['start'] = read_json(run.dir / START)
    if run.cfg.get('hidden') and run.json.exists():
        # other rows have continued from the model that it describes
        print(f'{run.json} is kept as it was; what this training of the start model gave is in '
              f'{run.dir / TESTED}, and in the results of the runs that continue from it')
        return
    write_json(run.json, dict(
        suite=run.suite, row=run.row, seed=run.seed, config=run.cfg['config'], results=results,
        **more, settings=run.recorded_settings(),
        iterations=iterations, seconds=dict(train=round(train_seconds, 1)),
        device=device(), threads=int(threads), commit=commit(), data=data_version(run.spec)))


def logged_means(folder: Path, names: list[str]) -> dict[str, float]:
    """Mean of curves over a whole training.

    Raises:
        RuntimeError: The training has not logged one of them.
    """
    curves = read_scalars(folder)
    missing = [name for name in names if name not in curves]
    if missing:
        raise RuntimeError(f'the log in {folder} has no {", ".join(missing)}')
    return {name: round(float(curves[name][1].mean()), 4) for name in names}


def last_line(log: Path) -> str:
    """The end of a log: of a process that failed, usually the reason."""
    lines = log.read_text(encoding='utf-8', errors='replace').strip().splitlines()
    return lines[-1].strip()[:500] if lines else 'it wrote nothing'


def seconds_before(folder: Path) -> float:
    """Seconds of the interrupted parts of a training: each ended when its log was last written.

    Args:
        folder (Path): Of the run; keeps what is counted, and when the part that begins now began.
    """
    record, log = folder / 'seconds.json', folder / 'train.log'
    earlier = 0.
    if record.exists():
        last = read_json(record, 'remove it, and earlier parts of the training are not counted')
        earlier = last['earlier'] + max(log.stat().st_mtime - last['begin'], 0) \
            if log.exists() else last['earlier']
    write_json(record, dict(earlier=earlier, begin=time.time()))
    return earlier


def use_photos(folder: Path | None) -> None:
    """Name the folder of the photographs to the configs, which are read in other folders, too.

    Args:
        folder (Path | None): That of an option; None for the variable's own.
    """
    photos = folder or os.environ.get('UDAPOSE_TEST_DATA')
    if photos:
        os.environ['UDAPOSE_TEST_DATA'] = str(Path(photos).expanduser().resolve())
    else:
        os.environ.pop('UDAPOSE_TEST_DATA', None)  # set to nothing is not set


def device() -> str:
    """Where the run was computed."""
    import torch
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    info = Path('/proc/cpuinfo')
    names = [line.split(':', 1)[1].strip() for line in info.read_text(encoding='utf-8').splitlines()
             if line.startswith('model name')] if info.exists() else []
    return names[0] if names else platform.processor() or platform.machine()


def commit() -> str:
    """The checkout's commit, with ``+`` for uncommitted changes of package or configs."""
    def git(*args: str) -> str:
        return subprocess.run(['git', *args], cwd=ROOT, capture_output=True, text=True).stdout
    # the reports of earlier runs change metafiles
    changed = git('status', '--porcelain', 'projects', 'configs', ':!*metafile.yml').strip()
    return git('rev-parse', '--short', 'HEAD').strip() + ('+' if changed else '')


def data_version(spec: dict) -> dict:
    """Generator version, size, seed and counts of the data set."""
    meta = json.loads((ROOT / spec['data'] / 'meta.json').read_text(encoding='utf-8'))
    return {k: meta.get(k) for k in DATA_KEYS}


if __name__ == '__main__':
    run_one(*sys.argv[1:])
