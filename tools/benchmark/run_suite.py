"""Run configs x seeds on the embedded benchmark; write one JSON a run, then tables and plots.

    python tools/benchmark/run_suite.py --suite people --seeds 0 1 2 --jobs 2
    python tools/benchmark/run_suite.py --report          # tables from the JSONs, no training

Resumable: finished runs are kept in docs/benchmarks/runs/, interrupted trainings continue from
their last checkpoint. The last checkpoint is scored, never the best on target labels.
"""
from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

from suites import SUITES

from udapose.cli._experiment import CONFIGS, ROOT, last_checkpoint, metrics, options, write_json

RUNS = ROOT / 'docs/benchmarks/runs'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--suite', nargs='+', choices=list(SUITES), default=list(SUITES))
    parser.add_argument('--seeds', nargs='+', type=int, default=[0, 1, 2])
    parser.add_argument('--rows', nargs='+', default=None, help='default: all rows of the suite')
    parser.add_argument('--jobs', type=int, default=1, help='runs at a time')
    parser.add_argument('--threads', type=int, default=1, help='CPU threads of each run')
    parser.add_argument('--work-dir', type=Path, default=ROOT / 'work_dirs/suite')
    parser.add_argument('--source-iters', type=int, help='length of the rows that others continue '
                        'from, of the suites photos2*')
    parser.add_argument('--adapt-iters', type=int, help='length of all other rows, likewise')
    parser.add_argument('--photos', type=Path, help='folder that holds lspet_photos/ (default: '
                        'that of the variable UDAPOSE_TEST_DATA, else data/)')
    parser.add_argument('--report', action='store_true', help='only write tables and plots')
    args = parser.parse_args()
    args.work_dir = args.work_dir.resolve()  # the trainings run in the repository
    photos = args.photos or os.environ.get('UDAPOSE_TEST_DATA')
    if photos:
        os.environ['UDAPOSE_TEST_DATA'] = str(Path(photos).resolve())
    return args


class Run:
    """One row with one seed: a training, then a test on each domain, in this order."""

    def __init__(self, suite: str, row: str, seed: int, work: Path) -> None:
        self.suite, self.row, self.seed = suite, row, seed
        self.spec, self.cfg = SUITES[suite], SUITES[suite]['rows'][row]
        self.name = f'{suite}-{row}-seed{seed}'
        self.dir = work / suite / row / f'seed{seed}'
        self.json = RUNS / f'{self.name}.json'
        init = self.cfg['init']
        origin = self.cfg.get('init_suite', suite)
        shared = init is not None and SUITES[origin]['rows'][init].get('shared')
        self.needs = None if init is None else Run(origin, init, 0 if shared else seed, work)
        self.start = None

    @property
    def done(self) -> bool:
        return self.json.exists() and (not self.cfg.get('hidden') or
                                       (self.dir / 'last_checkpoint').exists())

    @property
    def ready(self) -> bool:
        return self.needs is None or self.needs.done

    def lengths(self) -> dict:
        """Overrides of the number of iterations, from the command line's options."""
        option = 'UDAPOSE_SOURCE_ITERS' if self.cfg.get('hidden') else 'UDAPOSE_ADAPT_ITERS'
        return {key: os.environ[option] for key in self.cfg.get('lengths', ())
                if os.environ.get(option)}

    def command(self, threads: int) -> list[str]:
        """This script again, as the process of a single run (keeps the scheduler simple)."""
        return [sys.executable, str(Path(__file__).resolve()), '_one', self.suite, self.row,
                str(self.seed), str(self.dir.parents[2]), str(threads)]


def run_one(suite: str, row: str, seed: str, work: str, threads: str) -> None:
    """Train, test and write the JSON of one run."""
    run = Run(suite, row, int(seed), Path(work))
    config = CONFIGS / run.cfg['config']
    for path, command in run.cfg.get('files', {}).items():
        if not (ROOT / path).exists():
            sys.exit(f'{run.name}: {path} is missing: {command}')
    env = dict(os.environ, OMP_NUM_THREADS=threads, MKL_NUM_THREADS=threads,
               # glibc: keep freed memory; asking for it anew each step costs page faults
               MALLOC_MMAP_MAX_='0', MALLOC_TRIM_THRESHOLD_=str(2**40))
    overrides = {'randomness.seed': seed, **run.cfg.get('options', {}), **run.lengths()}
    resume = (run.dir / 'last_checkpoint').exists()
    if run.needs is not None:
        # MMEngine would resume from load_from instead of the run's own checkpoint
        keys = run.cfg.get('init_keys', [] if resume else ['load_from'])
        overrides.update({key: str(last_checkpoint(run.needs.dir)) for key in keys})
    run.dir.mkdir(parents=True, exist_ok=True)

    def call(command: list[str], log: str) -> float:
        begin = time.time()
        with (run.dir / log).open('w', encoding='utf-8') as f:
            code = subprocess.run(command, cwd=ROOT, env=env, stdout=f, stderr=f).returncode
        if code:
            sys.exit(f'{run.name}: exit code {code}, see {run.dir / log}')
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
        train_seconds = call([sys.executable, 'tools/train.py', str(config), '--work-dir',
                              str(run.dir), *(['--resume'] if resume else []),
                              *options(overrides)], 'train.log')
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
    write_json(run.json, dict(
        suite=suite, row=row, seed=int(seed), config=run.cfg['config'], results=results,
        iterations=iterations, seconds=dict(train=train_seconds),
        device=device(), threads=int(threads), commit=commit(), data=data_version(run.spec)))


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
    return {k: meta.get(k) for k in ('generator_version', 'size', 'seed', 'counts')}


def schedule(runs: list[Run], jobs: int, threads: int) -> list[str]:
    """Run everything that is not done, ``jobs`` at a time; returns the names that failed."""
    waiting, active, failed = [r for r in runs if not r.done], [], []
    total, begin = len(waiting), time.time()
    while waiting or active:
        for run, process in active[:]:
            if process.poll() is not None:
                active.remove((run, process))
                if process.returncode:
                    failed.append(run.name)
                print(f'[{total - len(waiting) - len(active)}/{total}, '
                      f'{(time.time() - begin) / 60:.0f} min] {run.name}: '
                      + ('FAILED' if process.returncode else 'done'), flush=True)
        for run in waiting[:]:
            if run.needs is not None and run.needs.name in failed:
                waiting.remove(run)
                failed.append(run.name)
            elif run.ready and len(active) < jobs:
                waiting.remove(run)
                active.append((run, subprocess.Popen(run.command(threads))))
        if waiting and not active:
            failed += [r.name for r in waiting]
            break
        time.sleep(1)
    return failed


def with_origins(rows: dict, wanted: list[str] | None) -> list[str]:
    """The wanted rows (None: all) and those that they continue from, in the suite's order."""
    needed = set()
    for row in rows if wanted is None else wanted:
        while row in rows and row not in needed:
            needed.add(row)
            row = rows[row]['init']
    return [row for row in rows if row in needed]


def wanted_runs(suites: list[str], seeds: list[int], rows: list[str] | None, work: Path
                ) -> list[Run]:
    """The runs of suites x seeds x rows with what they continue from; shared ones once."""
    runs = {}
    for suite in suites:
        specs = SUITES[suite]['rows']
        for seed in seeds:
            for row in with_origins(specs, rows):
                run = Run(suite, row, 0 if specs[row].get('shared') else seed, work)
                if run.needs is not None:  # it may be of another suite
                    runs.setdefault(run.needs.name, run.needs)
                runs.setdefault(run.name, run)
    return list(runs.values())


def missing_data(spec: dict) -> str | None:
    """What is missing for a suite and how to get it; None if nothing is."""
    for data, version in [(spec['data'], spec.get('version', 1)), *spec.get('also', [])]:
        kind = Path(data).name.rstrip('2')
        command = (f'python -m udapose.synthetic --kind {kind} --out {data}'
                   + (f' --version {version}' if version > 1 else ''))
        meta = ROOT / data / 'meta.json'
        if not meta.exists():
            return f'{data} is missing: run {command}'
        found = json.loads(meta.read_text(encoding='utf-8')).get('generator_version')
        if found != version:
            return (f'{data} was made by version {found} of the generator, the suite is defined '
                    f'with version {version}: delete the folder and run {command}')
    if 'needs' in spec:
        folder = os.environ.get('UDAPOSE_TEST_DATA', str(ROOT / 'data'))
        path = ROOT / spec['needs'].replace('$UDAPOSE_TEST_DATA', folder)
        if not path.exists():
            return (f'{path} is missing: see docs/real_photos.md'
                    + ('; --photos names the folder' if '$' in spec['needs'] else ''))
    return None


def main() -> None:
    if len(sys.argv) > 1 and sys.argv[1] == '_one':
        run_one(*sys.argv[2:])
        return
    args = parse_args()
    failed = []
    for name in ('source', 'adapt'):  # each run is a process of its own
        if getattr(args, f'{name}_iters'):
            os.environ[f'UDAPOSE_{name.upper()}_ITERS'] = str(getattr(args, f'{name}_iters'))
    if not args.report:
        for suite in args.suite:
            missing = missing_data(SUITES[suite])
            if missing:
                sys.exit(missing)
        runs = wanted_runs(args.suite, args.seeds, args.rows, args.work_dir)
        failed = schedule(runs, args.jobs, args.threads)
    from metafiles import write_metafiles
    from report import write_report
    write_report(RUNS, RUNS.parent)
    write_metafiles(RUNS)
    if failed:
        sys.exit(f'failed: {", ".join(failed)}')


if __name__ == '__main__':
    main()
