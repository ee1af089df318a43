"""Train on synthetic images, adapt to unlabelled ones, evaluate; all within minutes.

    udapose quickstart [--kind people|hands] [--method mean-teacher] [--seed N] [--oracle]

Leaves in --out: results.json, table.txt, contact_sheet.png, before_after.png, curves.png,
adapted_model/{model.pth, config.py} (a plain MMPose model). Repeat the command after an
interruption: it continues. A folder of another run (--kind, --method, --seed, --data) is refused.
"""
from __future__ import annotations

import json
import os
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

NEEDS_COMPONENTS = False  # its processes load them

CONFIG_FILES = dict(
    source_only='source_only/source-only_{name}.py',
    adapted={'multilevel': 'multilevel_alignment/multilevel_{name}.py',
             'mean-teacher': 'mean_teacher/mean-teacher_{name}.py'},
    oracle='oracle/oracle_{name}.py')
#: How each method's config is laid out, see :func:`data_options`.
LAYOUTS = dict(source_only='plain', adapted='two_domain', oracle='oracle')


@dataclass(frozen=True)
class Plan:
    """How much work: images to render and iterations to train.

    Args:
        images (dict[str, int]): Options of `udapose synth`.
        source (int): Iterations on labelled source images, from scratch.
        adapt (int): Iterations of the adaptation, and of the oracle.
        batch (int): Images of the adaptation's batch, half of either domain.
        seconds (dict[str, float]): For each phase as measured on 2 idle cores; the oracle's is
            estimated.
    """
    images: dict[str, int]
    source: int
    adapt: int
    batch: int
    seconds: dict[str, float]


FULL = Plan(dict(size=128, source_train=2000, target_train=2000, val=100, test=400),
            source=800, adapt=600, batch=32,
            seconds=dict(data=28, source=128, adaptation=140, oracle=120, evaluation=12))
SMOKE = Plan(dict(size=64, source_train=200, target_train=200, val=20, test=40),
             source=60, adapt=40, batch=32,
             seconds=dict(data=6, source=20, adaptation=20, oracle=20, evaluation=15))


def add_arguments(parser) -> None:
    """Options of the command."""
    parser.add_argument('--kind', choices=('people', 'hands'), default='people')
    parser.add_argument('--method', choices=CONFIG_FILES['adapted'], default='multilevel',
                        help='of adaptation: images, features and poses (default), or a mean '
                        'teacher alone')
    parser.add_argument('--oracle', action='store_true', help='also train with target labels')
    parser.add_argument('--smoke', action='store_true', help='a minute of work, for CI')
    parser.add_argument('--seed', type=int, default=0, help='of the trainings')
    parser.add_argument('--out', type=Path, help='default: work_dirs/quickstart')
    parser.add_argument('--data', type=Path, help='a data set that `udapose synth` has written '
                        '(default: a small one is made in OUT/data)')
    parser.add_argument('--threads', type=int, help='of a training (default: the fastest of some, '
                        'by a short measurement; at most one for each core and 8)')


def run(args) -> int:
    """Run all phases, as far as they are not complete."""
    if args.threads is not None and args.threads < 1:
        sys.exit(f'error: --threads is {args.threads}; choose 1 or more')
    try:
        Quickstart(args).run()
    except (RuntimeError, OSError, ValueError) as error:  # a job's last line, a foreign folder
        sys.exit(f'error: {error}')
    return 0


class Quickstart:
    """The phases, one after the other, each with all cores.

    Raises:
        RuntimeError: A process failed, or ``--out`` holds another run.
    """

    def __init__(self, args) -> None:
        from ..cores import usable_cores
        from . import _experiment
        from ._time_left import TimeLeft
        self.tools, self.args = _experiment, args
        self.plan = SMOKE if args.smoke else FULL
        self.out = (args.out or Path('work_dirs') / ('quickstart_smoke' if args.smoke else
                                                     'quickstart')).resolve()
        self.data = (args.data or self.out / 'data').resolve()
        self.cores = usable_cores()
        self.threads, self.channels_last = args.threads or min(self.cores, 8), False
        self.methods = ['source_only', 'adapted'] + ['oracle'] * args.oracle
        planned = dict(self.plan.seconds)
        if not args.oracle:
            planned.pop('oracle')
        self.left, self.seconds, self.cpu_seconds = TimeLeft(planned), {}, {}

    def run(self) -> None:
        """Run everything, and print the table."""
        started = time.time()
        self.out.mkdir(parents=True, exist_ok=True)
        for method in self.methods:  # before any work
            self.tools.check_record(self.out / method, *self.settings(method))
        count = len(self.left_phases())
        self.phase(f'1/{count} render the embedded data set', 'data', self.render)
        if (self.data / 'contact_sheet.png').exists():
            shutil.copy(self.data / 'contact_sheet.png', self.out / 'contact_sheet.png')
        self.choose_speed()
        self.phase(f'2/{count} train on labelled source images', 'source',
                   lambda: self.training('source_only'))
        self.phase(f'3/{count} adapt to the unlabelled target images', 'adaptation',
                   lambda: self.training('adapted'))
        if self.args.oracle:
            self.phase(f'4/{count} the oracle: train with target labels, too', 'oracle',
                       lambda: self.training('oracle'))
        self.phase(f'{count}/{count} evaluate and draw', 'evaluation', self.evaluation)
        self.seconds['total'] = round(time.time() - started, 1)
        table = self.report()
        print(table)
        print(f'everything is in {os.path.relpath(self.out)}: results.json, table.txt, '
              'contact_sheet.png, before_after.png, curves.png, '
              'adapted_model/{model.pth, config.py}')

    def left_phases(self) -> list[str]:
        """All phases of this run, in order."""
        return ['data', 'source', 'adaptation'] + ['oracle'] * self.args.oracle + ['evaluation']

    def phase(self, title: str, key: str, make_job) -> None:
        """Run one process, with the time left for the whole in its progress line."""
        print(f'== {title}', flush=True)
        self.left.start(key)
        begin, used = time.time(), children_seconds()
        job = make_job()
        if job is not None:
            self.tools.wait([job], note=lambda jobs: self.note(job))
        self.left.finish()
        self.seconds[key] = round(time.time() - begin, 1)
        self.cpu_seconds[key] = round(children_seconds() - used, 1)

    def choose_speed(self) -> None:
        """Threads and memory format, by some timed steps; an earlier run's choice is kept."""
        if self.args.threads:
            return
        self.threads, self.channels_last = self.tools.fastest(
            self.config('source_only'), self.plan.batch, self.out, self.threads)
        print(f'  trains fastest here with {self.threads} thread(s), channels '
              f'{"last" if self.channels_last else "first"} in memory', flush=True)

    def note(self, job) -> str:
        """The end of the progress line."""
        steps = job.steps()
        if steps:
            self.left.update(steps[0] / steps[1])
        return self.left.text()

    def render(self):
        """The data set's process; None where it is complete.

        Raises:
            RuntimeError: ``--data`` is of another kind.
        """
        meta = self.data / 'meta.json'  # the generator writes it last
        if meta.exists() and self.args.data is not None:
            kind = json.loads(meta.read_text(encoding='utf-8')).get('kind')
            if kind != self.args.kind:
                raise RuntimeError(f'{self.data} holds {kind}, not {self.args.kind}: give --kind '
                                   'and --data that fit')
            return None
        sizes = [f'--{key.replace("_", "-")}={value}' for key, value in self.plan.images.items()]
        return self.tools.Job('rendering', [
            sys.executable, '-m', 'udapose', 'synth', '--kind', self.args.kind, '--out',
            str(self.data), *sizes], self.out / 'data.log', threads=1)

    def settings(self, method: str) -> tuple[Path, dict]:
        """A method's config and its changes: data, seed and lengths."""
        plan, layout = self.plan, LAYOUTS[method]
        iterations = plan.source if method == 'source_only' else plan.adapt
        changes = {
            **data_options(self.data, layout), 'randomness.seed': self.args.seed,
            'train_cfg.max_iters': iterations, 'train_cfg.val_interval': max(iterations // 4, 1),
            'default_hooks.checkpoint.interval': max(iterations // 2, 1),
            'default_hooks.logger.interval': 20,
            'param_scheduler.1.milestones': [iterations * 7 // 10, iterations * 9 // 10]}
        if method != 'source_only':
            changes['train_dataloader.batch_size'] = plan.batch
            changes['load_from'] = str(self.out / f'source_only/iter_{plan.source}.pth')
        if layout == 'two_domain':
            changes['train_dataloader.sampler.batch_size'] = plan.batch
        if method == 'adapted' and self.args.method == 'multilevel':  # AdaINStyleHook's images
            changes['custom_hooks.0.style_images.data_root'] = f'{self.data}/target/images/train/'
        return self.config(method), changes

    def config(self, method: str) -> Path:
        """The shipped config of a method."""
        file = CONFIG_FILES[method]
        file = file[self.args.method] if method == 'adapted' else file
        return self.tools.CONFIGS / file.format(name=f'synth-{self.args.kind}_res18-w32_64x64')

    def training(self, method: str):
        """The process that trains, or continues, a method."""
        config, changes = self.settings(method)
        # A process that loads images fills the gaps that the others leave.
        loading = {'train_dataloader.num_workers': 1,
                   'train_dataloader.persistent_workers': True} if self.cores > 1 else {}
        if self.channels_last:
            loading['default_hooks.channels_last.type'] = 'ChannelsLastHook'
        return self.tools.train(method.replace('_', ' '), config, self.out / method, self.threads,
                                loading, **changes)

    def evaluation(self):
        """The one process that scores all models on both domains and draws the pictures."""
        tests = [dict(method=method, domain=domain, config=str(self.config(method)),
                      checkpoint=str(self.tools.last_checkpoint(self.out / method)),
                      changes=domain_options(self.tools.CONFIGS, self.data, self.args.kind,
                                             domain))
                 for method in self.methods for domain in ('source', 'target')]
        path = self.out / 'tests.json'
        self.tools.write_json(path, dict(tests=tests, kind=self.args.kind, data=str(self.data)))
        return self.tools.Job('evaluation', [
            sys.executable, '-m', 'udapose.cli._quickstart_results', str(path)],
            self.out / 'evaluation.log', self.threads)

    def report(self) -> str:
        """Write results.json and table.txt; the table."""
        scores = json.loads((self.out / 'scores.json').read_text(encoding='utf-8'))
        results = collect(scores['results'], self.methods)
        results.update(
            iterations=dict(source_only=self.plan.source, **dict.fromkeys(
                self.methods[1:], self.plan.adapt)),
            seed=self.args.seed, device=scores['device'], cores=self.cores, threads=self.threads,
            channels_last=self.channels_last, seconds=self.seconds, cpu_seconds=self.cpu_seconds)
        self.tools.write_json(self.out / 'results.json', results)
        table = format_table(results)
        (self.out / 'table.txt').write_text(table, encoding='utf-8')
        return table


def children_seconds() -> float:
    """CPU time of all processes that this one has started and that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def data_options(data: Path, layout: str) -> dict[str, str]:
    """Config keys that point a config's data sets at ``data``; ``layout`` is the method's."""
    source, target = f'{data}/source/', f'{data}/target/'
    keys = dict(plain={'data_root': source},
                two_domain={'source.data_root': source,
                            'target.data_root': f'{target}images/train/'},
                oracle={'datasets.0.data_root': source, 'datasets.1.data_root': target})[layout]
    return {'val_dataloader.dataset.data_root': target,
            **{f'train_dataloader.dataset.{k}': v for k, v in keys.items()}}


def domain_options(configs: Path, data: Path, kind: str, domain: str) -> dict[str, str]:
    """Config keys that make a test score the test set of one domain."""
    meta = configs / f'_base_/datasets/metainfo/synth_{kind}_{domain}.py'
    return {'test_dataloader.dataset.data_root': f'{data}/{domain}/',
            'test_dataloader.dataset.metainfo.from_file': str(meta),
            'test_evaluator.prefix': domain}


def collect(scores: dict, methods) -> dict:
    """The documented result (docs/design.md), PCK in percent.

    Args:
        scores (dict): Method to domain to metric to percent.
        methods (Sequence[str]): Which to report.
    """
    results: dict = dict(source_only=None, adapted=None, oracle=None, gap_closed=None)
    for method in methods:
        results[method] = {
            domain: {k: round(scores[method][domain][f'{domain}/{k}'], 2)
                     for k in ('PCK@0.05', 'PCK@0.1')} for domain in ('source', 'target')}
    if results['oracle']:
        low, mid, high = (results[m]['target']['PCK@0.05']
                          for m in ('source_only', 'adapted', 'oracle'))
        results['gap_closed'] = round(100 * (mid - low) / (high - low), 1) if high > low else None
    return results


def format_table(results: dict) -> str:
    """A text table of all methods."""
    lines = [f'{"":14}{"target":>18}{"source":>22}',
             f'{"":14}{"PCK@0.05":>11}{"PCK@0.1":>11}{"PCK@0.05":>11}{"PCK@0.1":>11}']
    for method in ('source_only', 'adapted', 'oracle'):
        if results[method]:
            values = [results[method][d][k] for d in ('target', 'source')
                      for k in ('PCK@0.05', 'PCK@0.1')]
            lines.append(f'{method:14}' + ''.join(f'{v:11.1f}' for v in values))
    if results['gap_closed'] is not None:
        lines.append(f'gap closed (target PCK@0.05): {results["gap_closed"]:.0f} %')
    lines.append('seconds: ' + ', '.join(f'{k} {v:.0f}' for k, v in results['seconds'].items()))
    return '\n'.join(lines) + '\n'
