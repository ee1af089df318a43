"""The scripts around the trainings: jobs, results, reports."""
import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.config import Config

from udapose.cli import _experiment

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / 'tools/benchmark')]
import report  # noqa: E402
import run_suite  # noqa: E402
import suite_checks  # noqa: E402
import suite_run  # noqa: E402
from readme_results import summary as summary_of  # noqa: E402
from suites import SUITES  # noqa: E402


def run(code, log):
    return _experiment.Job('job', [sys.executable, '-c', code], log, 1)


def test_a_failed_job_shows_the_end_of_its_log(tmp_path):
    job = run('print("start"); raise SystemExit("the culprit")', tmp_path / 'x.log')
    with pytest.raises(RuntimeError, match='job failed.*\n(.*\n)*the culprit'):
        _experiment.wait([job], interval=0.05)


def test_a_failed_job_ends_the_others(tmp_path):
    slow = run('import time; time.sleep(60)', tmp_path / 'slow.log')
    with pytest.raises(RuntimeError):
        _experiment.wait([slow, run('raise SystemExit(3)', tmp_path / 'bad.log')], interval=0.05)
    assert slow.process.wait(timeout=5) != 0


def test_progress_is_the_logs_last_line(tmp_path):
    job = run('print("[  50/800]  lr: 1 eta: 0:10:00 x"); print("[ 100/800] lr: 1 eta: 0:09:00 y")',
              tmp_path / 'x.log')
    _experiment.wait([job], interval=0.05)
    assert job.progress() == '100/800' and job.steps() == (100, 800)


def test_metrics_are_the_newest_runs(tmp_path):
    with pytest.raises(FileNotFoundError, match='no metrics'):
        _experiment.metrics(tmp_path)
    for i, name in enumerate(('a', 'b')):
        (tmp_path / name).mkdir()
        (tmp_path / name / f'{name}.json').write_text(json.dumps({'target/PCK@0.05': i}) + '\n')
    import os
    os.utime(tmp_path / 'a' / 'a.json', (1, 1))
    assert _experiment.metrics(tmp_path) == {'target/PCK@0.05': 1}


def test_missing_checkpoint_names_the_log(tmp_path):
    with pytest.raises(FileNotFoundError, match='train.log'):
        _experiment.last_checkpoint(tmp_path)


class Commands(list):
    """In place of :class:`_experiment.Job`: keeps the command lines."""

    def __call__(self, name, command, log, threads):
        self.append(command)


@pytest.fixture
def commands(monkeypatch):
    found = Commands()
    monkeypatch.setattr(_experiment, 'Job', found)
    return found


def understood(command, last_positional):
    """The config that MMPose's script would make of a command line."""
    from mmengine.config import Config, DictAction
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={})
    given = parser.parse_known_args(command)[0].cfg_options
    cfg = Config.fromfile(command[last_positional], import_custom_modules=False)
    cfg.merge_from_dict(given)
    return cfg


@pytest.mark.parametrize('folder', ['plain', 'my projects', 'a, b', "it's (a,b", 'x[1,2]'])
def test_values_reach_the_config_whatever_the_path_is_called(folder, tmp_path, commands):
    config = tmp_path / 'deep down' / 'c.py'
    config.parent.mkdir()
    config.write_text("data = [dict(root='x'), dict(root='y')]\nlr = 1\nload_from = None\n")
    values = {'data.1.root': f'{tmp_path}/{folder}/d/', 'lr': 0.5, 'names': ['a b', 'c'],
              'load_from': f'{tmp_path}/{folder}/iter_1.pth', 'off': None, 'pair': (1, 2)}
    _experiment.train('job', config, tmp_path / folder / 'run', **values)
    _experiment.test('job', config, tmp_path / 'x.pth', tmp_path / folder / 'test', **values)
    for command in commands:
        cfg = understood(command, 4)
        assert [d.root for d in cfg.data] == ['x', values['data.1.root']] and cfg.off is None
        assert (cfg.lr, cfg.load_from, list(cfg.pair)) == (0.5, values['load_from'], [1, 2])
        assert list(cfg.names) == ['a b', 'c']
        assert Path(command[4]).name == 'c.py'  # also the name of the config that MMEngine dumps


def test_plain_values_stay_options(tmp_path):
    config = tmp_path / 'c.py'
    config.write_text('lr = 1\n')
    assert _experiment.changed(config, {'lr': 2, 'root': '/data/x'}, tmp_path / 'run') == (
        str(config), ['--cfg-options', 'lr=2', 'root=/data/x'])
    assert not (tmp_path / 'run').exists()


def test_an_option_refuses_a_path_that_mmengine_would_change():
    with pytest.raises(ValueError, match=r'load_from=/my suite/x.pth: .*whose path has neither'):
        _experiment.options({'load_from': '/my suite/x.pth'})
    assert _experiment.options({'a': '[1, 2]'}) == ['--cfg-options', 'a=[1, 2]']


def test_a_folder_of_another_run_is_refused(tmp_path, commands):
    config, work = tmp_path / 'c.py', tmp_path / 'work'
    config.write_text('lr = 1\n')
    seed0, seed1 = {'randomness.seed': 0, 'load_from': '/x.pth'}, {'randomness.seed': 1}
    _experiment.train('job', config, work, **seed1)
    _experiment.train('job', config, work, **seed0)  # nothing was trained: nothing is reused
    (work / 'iter_1.pth').touch()
    (work / 'last_checkpoint').write_text('/x/iter_1.pth')  # moved since
    _experiment.train('job', config, work, **seed0)
    assert '--resume' in commands[-1] and '--resume' not in commands[-2]
    assert 'load_from=/x.pth' in commands[-2] and 'load_from=/x.pth' not in commands[-1]
    with pytest.raises(RuntimeError, match=r'work holds another run: load_from is /x.pth, now not '
                       r'set; randomness.seed is 0, now 1. Name another --out or --work-dir'):
        _experiment.train('job', config, work, **seed1)
    (tmp_path / 'd.py').write_text('lr = 1\n')
    with pytest.raises(RuntimeError, match=r'config is .*c\.py, now .*d\.py\. '):
        _experiment.train('job', tmp_path / 'd.py', work, **seed0)
    (work / _experiment.RECORD).unlink()  # of an older version: accepted, and not renamed
    _experiment.train('job', config, work, **seed1)
    assert '--resume' in commands[-1] and not (work / _experiment.RECORD).exists()


def test_quickstart_script_stays_in_the_callers_folder(tmp_path):
    root = tmp_path / 'my projects'
    (root / 'tools').mkdir(parents=True)
    (root / 'tools/quickstart.sh').write_text((ROOT / 'tools/quickstart.sh').read_text())
    (root / 'tools/install.sh').write_text(f'echo "{sys.executable}"\n')
    (root / 'tools/quickstart.py').write_text('import os, sys; print(os.getcwd(), *sys.argv[1:])')
    done = subprocess.run(['bash', 'my projects/tools/quickstart.sh', '--out', 'here'],
                          cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.split() == [str(tmp_path), '--out', 'here'], done.stderr


def test_a_suites_folder_is_the_callers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the trainings run in the repository
    monkeypatch.setattr(sys, 'argv', ['run_suite.py', '--work-dir', 'suite'])
    monkeypatch.setenv('UDAPOSE_TEST_DATA', '')  # as if it were not set
    args = run_suite.parse_args()
    assert args.work_dir == tmp_path / 'suite' and 'UDAPOSE_TEST_DATA' not in os.environ
    assert args.results == tmp_path / 'suite/results/runs'  # not the repository's own
    monkeypatch.setattr(sys, 'argv', ['run_suite.py', '--record', '--photos', '~/mine'])
    assert run_suite.parse_args().results == ROOT / 'docs/benchmarks/runs'
    assert os.environ['UDAPOSE_TEST_DATA'] == str(Path('~/mine').expanduser())


def result(value, seed, row, suite='people'):
    groups = {'PCK@0.05': value, 'PCK@0.1': 2 * value, 'PCK@0.05/elbow': value - 1}
    return dict(suite=suite, row=row, seed=seed, config='c', iterations=800, threads=1,
                results=dict(target=groups, source=groups), seconds=dict(train=60.), device='cpu',
                commit='abc', data=dict(generator_version=1, size=128, seed=0, counts={}))


def write_runs(folder, table):
    for row, numbers in table.items():
        for seed, value in enumerate(numbers):
            (folder / f'people-{row}-seed{seed}.json').write_text(
                json.dumps(result(value, seed, row)))


def test_report_pairs_seeds(tmp_path, monkeypatch):
    runs = tmp_path / 'runs'
    runs.mkdir()
    write_runs(runs, dict(source_only=[10., 20., 30.], mean_teacher=[15., 25., 35.],
                          oracle=[20., 30., 40.]))
    (tmp_path / 'root').mkdir()
    readme = tmp_path / 'root/README.md'
    readme.write_text('before\n<!-- results: people x -->\nold\n<!-- /results -->\nafter\n')
    (tmp_path / 'root/docs').mkdir()
    (tmp_path / 'root/docs/real_photos.md').write_text('no marker\n')
    monkeypatch.setattr(report, 'ROOT', tmp_path / 'root')
    report.write_report(runs, tmp_path)
    text = (tmp_path / 'README.md').read_text()
    row = next(line for line in text.splitlines() if line.startswith('| `mean_teacher`'))
    # the seeds spread by 10, their differences not at all
    assert '25.0 ± 10.0' in row and '50.0 ± 0.0 %' in row and '+5.0 ± 0.0, beats' in row
    assert (tmp_path / 'people.png').stat().st_size > 1000
    assert 'old' in readme.read_text()  # the repository's pages are for recorded results alone
    report.write_pages(runs)
    summary = readme.read_text()
    assert 'old' not in summary and summary.startswith('before') and summary.endswith('after\n')
    assert '| people: mean teacher | 25.0 ± 10.0' in summary
    runs = {'photos2': {'source_only': {0: {'results': {'target': {'PCK@0.05': 9.}}}}}}
    assert '| source only | 9.0 |' in summary_of(runs, ['photos2'])
    runs = {'hands3d_96': {row: {0: {'results': {'target': {'MPJPE': v}}}} for row, v in (
        ('scratch', 80.), ('scratch_augment', 60.), ('full', 50.), ('oracle', 40.))}}
    text = summary_of(runs, ['hands3d_96'])
    assert '| difference to scratch augment (± SE) |' in text
    assert '| hands: full | 50.0 |  |  | 75.0 % | -10.0 | 1 |' in text  # gap: scratch to oracle


@pytest.mark.parametrize('own,verdict', [([11, 21, 32], 'beats'), ([9, 21, 30], 'tie'),
                                         ([8, 19, 28], 'loses')])
def test_beats_means_above_the_standard_error(own, verdict):
    a, b = dict(enumerate(own)), {0: 10, 1: 20, 2: 30}
    assert report.paired(a, b)[2] == verdict


def test_tables_say_where_models_begin_and_over_how_many_seeds():
    def run(score, **more):
        return dict(results=dict(target={'PCK@0.05': score}), **more)
    init = {s: run(5.) for s in range(3)}
    start = {'target': {'PCK@0.05': 5.}}
    rows = dict(source_init=init, source_only={0: run(9.)}, dann={0: run(8.), 1: run(7.)},
                mic={0: run(9., start=start), 1: run(9., start={'target': {'PCK@0.05': 6.}})},
                multilevel={0: run(9.)})
    lines = report.starts(rows, SUITES['people'])
    assert lines[0] == ('Start models: `style_init` of `multilevel`; `source_init` of '
                        '`source_only`, `dann`, `mic`.')
    assert lines[1].endswith('`mic` (seed 1).') and len(lines) == 2
    text = summary_of(dict(people={**rows, 'mean_teacher': rows['dann']}), ['people'])
    assert '| -1.0 (1 of 2 seeds) | 2 |' in text and '| +0.0 | 1 |' in text
    assert report.starts(dict(mean_pose={0: run(1.)}), SUITES['hands3d_96']) == []


def test_errors_in_millimetres_are_better_when_lower(monkeypatch):
    a, b = {0: 90., 1: 91., 2: 92.}, {0: 100., 1: 102., 2: 101.}
    assert report.paired(a, b, lower_is_better=True)[2] == 'beats'
    assert report.paired(b, a, lower_is_better=True)[2] == 'loses'

    def runs(numbers):
        return {s: dict(results=dict(target=dict(MPJPE=v))) for s, v in numbers.items()}
    rows = dict(low=runs(b), own=runs(a), high=runs({0: 80., 1: 80., 2: 110.}),
                pretraining={0: dict(results={})})
    spec = dict(lower='low', upper='high', metric='MPJPE', lower_is_better=True)
    # the third seed's oracle is worse than the lower reference: no gap to close
    assert report.gap_closed(rows, 'own', spec) == [50., 50.]
    assert report.values(rows, 'pretraining', 'MPJPE') == {} and report.spread([]) == ''


def test_rows_that_learned_too_little_on_the_source_are_marked():
    def run(source):
        return {0: dict(results=dict(source=dict(MPJPE=source), target=dict(MPJPE=9.)))}
    rows = dict(mean_pose=run(100.), good=run(79.), bad=run(81.),
                pretraining={0: dict(results={})})
    spec = dict(metric='MPJPE', bar=('mean_pose', 0.8))
    assert report.missed_bar(rows, spec) == ['bad']
    assert report.missed_bar(rows, dict(spec, upper='bad')) == []  # trained on the target alone
    assert report.missed_bar(rows, dict(metric='MPJPE')) == []
    assert '0.8' in report.bar_note(spec) and 'mean_pose' in report.bar_note(spec)


def test_rows_without_source_images_are_compared_with_their_start_model():
    def run(target, source):
        return dict(results=dict(target=dict(PCK=target), source=dict(PCK=source)))
    init = dict(source_init=None, trained_init='source_init', mean_teacher='source_init',
                source_free='source_init', source_free_no_gap='source_init',
                source_free_trained_start='trained_init',
                mean_teacher_trained_start='trained_init')
    rows = dict(source_init={0: run(10., 40.), 1: run(20., 50.)},
                trained_init={0: run(12., 50.), 1: run(22., 60.)},
                mean_teacher={0: run(20., 40.), 1: run(30., 50.)},
                source_free={0: run(15., 38.), 1: run(27., 47.)},
                source_free_no_gap={0: run(9., 39.)},
                source_free_trained_start={0: run(20., 45.), 1: run(30., 55.)},
                mean_teacher_trained_start={0: run(22., 50.), 1: run(32., 60.)})
    spec = dict(metric='PCK', domains=dict(target={}, source={}), rows={
        row: dict(init=start, **(dict(table='source_free') if 'trained' in row else {}))
        for row, start in init.items()})
    whole, no_gap, trained, upper = report.source_free(rows, spec).splitlines()[-4:]
    # half and seven tenths of the mean teacher's gain; two and three points forgotten
    assert whole.startswith('| `source_free` | `source_init` |')
    assert '| +6.0 ± 1.0 | 60 % |' in whole and '| -2.5 ± 0.5 | 0, 1 |' in whole
    assert '| -1.0 |  | 39.0 |' in no_gap  # a share of nothing
    # each start has a mean teacher of its own
    assert trained.startswith('| `source_free_trained_start` | `trained_init` |')
    assert '| +8.0 ± 0.0 | 80 % |' in trained and '| -5.0 ± 0.0 | 0, 1 |' in trained
    assert '| +10.0 ± 0.0 |  |' in upper
    assert report.source_free(dict(source_init=rows['source_init']), spec) == ''
    # a run that tells the scores of its own start model is compared with that one
    rows['source_free'][0]['start'] = run(13., 41.)['results']
    whole = report.source_free(rows, spec).splitlines()[-4]
    assert '| +4.5 ± 2.5 | 45 % |' in whole and '| -3.0 ± 0.0 | 0, 1 |' in whole
    del rows['trained_init']  # nothing to compare the trained start with
    assert 'trained' not in report.source_free(rows, spec).split('|---|')[-1]


def test_parts_of_hamipose_are_compared_with_the_mean_teacher():
    def run(value, **logged):
        return dict(results=dict(target=dict(PCK=value)), **logged)
    logged = dict(logged=dict(gradient_conflict=0.25, gradient_cosine=-0.125))
    rows = dict(mean_teacher={0: run(10.), 1: run(12.)},
                hamipose_gate={0: run(13., **logged), 1: run(17., **logged)},
                hamipose={0: run(9.)})  # made before curves were kept
    spec = dict(metric='PCK', rows=dict(
        mean_teacher={}, hamipose={}, hamipose_gate=dict(table='hamipose')))
    lines = report.hamipose(rows, spec).splitlines()
    assert [line.split('`')[1] for line in lines[-3:]] == ['mean_teacher', 'hamipose_gate',
                                                           'hamipose']
    assert '| +4.0 ± 1.0, beats | 25.0 ± 0.0 | -0.12 | 0, 1 |' in lines[-2]
    assert '| -1.0, one seed |  |  | 0 |' in lines[-1]
    assert report.hamipose(dict(hamipose=rows['hamipose']), spec) == ''


def test_a_row_keeps_the_mean_of_its_logged_curves(tmp_path):
    import suite_run
    for day, steps in (('1', (50, 100)), ('2', (100, 150))):  # resumed: 100 is there twice
        folder = tmp_path / day / 'vis_data'
        folder.mkdir(parents=True)
        (folder / 'scalars.json').write_text(''.join(
            f'{{"conflict": {step / 100}, "step": {step}}}\n' for step in steps))
    assert suite_run.logged_means(tmp_path, ['conflict']) == {'conflict': 1.}
    with pytest.raises(RuntimeError, match='has no cosine'):
        suite_run.logged_means(tmp_path, ['conflict', 'cosine'])


def test_a_run_keeps_the_scores_of_the_model_it_began_with(tmp_path, monkeypatch, capsys):
    def process(command, **kwargs):
        folder = Path(command[command.index('--work-dir') + 1])
        if 'tools/train.py' in command:
            (folder / 'iter_2.pth').write_bytes(b'')
            (folder / 'last_checkpoint').write_text(str(folder / 'iter_2.pth'))
        else:  # scores that tell rows and domains apart
            domain, row = folder.name.removeprefix('test_'), folder.parents[1].name
            (folder / 'now').mkdir(parents=True, exist_ok=True)
            (folder / 'now/scores.json').write_text(
                json.dumps({f'{domain}/PCK@0.05': sum(f'{domain}{row}'.encode())}))
        return subprocess.CompletedProcess(command, 0)
    monkeypatch.setattr(suite_run.subprocess, 'run', process)
    for name in ('data_version', 'commit', 'device'):
        monkeypatch.setattr(suite_run, name, lambda *args: 'this')
    for row in ('source_init', 'source_free'):
        suite_run.run_one('people', row, '0', str(tmp_path), str(tmp_path / 'runs'), '1')
    first, second = (json.loads((tmp_path / f'runs/people-{row}-seed0.json').read_text())
                     for row in ('source_init', 'source_free'))
    assert 'start' not in first
    assert second['start'] == first['results'] != second['results']

    assert second['settings'] == {'randomness.seed': '0'}

    # the start model, trained once more, is another one: its first JSON stays, and a run of the
    # first one is not continued from the second
    first = tmp_path / 'runs/people-source_init-seed0.json'
    kept = first.read_text().replace(':', ': ')  # bytes that only this file has
    first.write_text(kept)
    suite_run.run_one('people', 'source_init', '0', str(tmp_path), str(tmp_path / 'runs'), '1')
    assert first.read_text() == kept and 'is kept as it was' in capsys.readouterr().out
    start = tmp_path / 'people/source_init/seed0/tested.json'
    start.write_text(json.dumps(dict(target={'PCK@0.05': 1.})))
    again = 'people', 'source_free', '0', str(tmp_path), str(tmp_path / 'again'), '1'
    with pytest.raises(SystemExit, match='source_free/seed0 began with another model of people-'
                       'source_init-seed0'):
        suite_run.run_one(*again)
    start.unlink()  # made elsewhere: what the run began with is in its own folder
    suite_run.run_one(*again)
    result = tmp_path / 'again/people-source_free-seed0.json'
    assert json.loads(result.read_text())['start'] == second['start']
    shutil.rmtree(tmp_path / 'people/source_free/seed0')  # nobody knows where this one begins
    suite_run.run_one(*again)
    assert 'start' not in json.loads(result.read_text())


def test_every_row_names_an_existing_config_and_row():
    for spec in SUITES.values():
        for row in spec['rows'].values():
            assert (ROOT / 'configs' / row['config']).exists(), row
            origin = SUITES[row['init_suite']] if 'init_suite' in row else spec
            assert row['init'] is None or row['init'] in origin['rows']


@pytest.mark.parametrize('kind', ['people', 'hands'])
def test_rows_of_both_kinds_of_heads_are_trained_alike(kind):
    """Iterations, batches, augmentation and what a row continues from; labels fit the head."""
    maps, simcc = SUITES[kind]['rows'], SUITES[f'{kind}_simcc']['rows']
    for name, row in simcc.items():
        assert row['init'] == maps[name]['init'] and row.get('hidden') == maps[name].get('hidden')
        own, other = (Config.fromfile(ROOT / 'configs' / r[name]['config']) for r in (simcc, maps))
        for key in ('train_cfg', 'optim_wrapper', 'param_scheduler', 'test_dataloader'):
            assert own[key] == other[key], (name, key)
        own, other = (c.train_dataloader for c in (own, other))
        assert own.batch_size == other.batch_size and own.sampler == other.sampler
        found = [*steps(own)]
        assert found and [s.type for s in found] == [s.type for s in steps(other)]
        for a, b in zip(found, steps(other), strict=True):
            if a.type == 'GenerateTarget':
                assert (a.encoder.type, b.encoder.type) == ('SimCCLabel', 'MSRAHeatmap')
            else:
                assert a == b


def steps(cfg):
    """All pipeline steps in a part of a config."""
    if isinstance(cfg, dict):
        yield from cfg.get('pipeline', ())
    for value in cfg.values() if isinstance(cfg, dict) else cfg if isinstance(cfg, list) else ():
        yield from steps(value) if isinstance(value, (dict, list)) else ()


def test_a_row_brings_what_it_continues_from_and_nothing_else():
    rows = SUITES['people']['rows']
    assert run_suite.with_origins(rows, ['multilevel', 'dann']) == [
        'source_init', 'style_init', 'dann', 'multilevel']
    assert run_suite.with_origins(rows, None) == list(rows)
    assert run_suite.with_origins(rows, ['elsewhere']) == []


def test_scheduler_skips_what_depends_on_a_failure(monkeypatch, tmp_path):
    runs = [run_suite.Run('people', row, 0, tmp_path) for row in ('source_init', 'source_only')]
    started = []

    def command(self, threads):
        started.append(self.row)
        return [sys.executable, '-c', 'raise SystemExit(1)']

    monkeypatch.setattr(run_suite.Run, 'command', command)
    failed = run_suite.schedule(runs, jobs=2, threads=1)
    assert started == ['source_init']
    assert failed == ['people-source_init-seed0', 'people-source_only-seed0']


def test_all_seeds_continue_from_a_shared_row(tmp_path):
    rows = SUITES['photos2']['rows']
    assert set(rows) == set(SUITES['photos2_scratch']['rows'])
    runs = run_suite.wanted_runs(['photos2'], [0, 1, 2], ['mean_teacher', 'oracle'], tmp_path)
    assert [r.name for r in runs[:2]] == ['photos2-source_init-seed0', 'photos2-mean_teacher-seed0']
    assert len(runs) == 1 + 2 * 3
    assert {r.needs.name for r in runs[1:]} == {'photos2-source_init-seed0'}
    runs = run_suite.wanted_runs(['people'], [0, 1], ['dann'], tmp_path)
    assert [r.needs.seed for r in runs if r.needs] == [0, 1]


def test_a_users_report_touches_nothing_of_the_repository(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(sys, 'argv', ['run_suite.py', '--report', '--work-dir', str(tmp_path)])
    with pytest.raises(SystemExit, match='holds no results yet'):
        run_suite.main()
    pages = [ROOT / p for p in ('README.md', 'docs/real_photos.md', 'docs/benchmarks/README.md',
                                'configs/mean_teacher/metafile.yml')]
    before = [page.read_bytes() for page in pages]
    (tmp_path / 'results/runs').mkdir(parents=True)
    write_runs(tmp_path / 'results/runs', dict(source_only=[10.], mean_teacher=[15.]))
    run_suite.main()
    assert f'tables and plots: {tmp_path}/results/README.md' in capsys.readouterr().out
    assert '| `mean_teacher` | 15.0' in (tmp_path / 'results/README.md').read_text()
    assert [page.read_bytes() for page in pages] == before


def test_what_would_stop_a_suite_later_is_said_at_once(monkeypatch, tmp_path):
    with pytest.raises(ValueError, match='--rows mean_techer: no such row in people'):
        suite_checks.check_rows(['people'], ['mean_techer', 'dann'])
    suite_checks.check_rows(['people', 'photos2'], ['mean_teacher_close'])  # of one of them
    for key in ('UDAPOSE_SOURCE_ITERS', 'UDAPOSE_ADAPT_ITERS'):
        monkeypatch.delenv(key, raising=False)
    none = dict(source=None, adapt=None)
    runs = run_suite.wanted_runs(['people'], [0], ['multilevel_published', 'dann'], tmp_path)
    with pytest.raises(ValueError, match='iter_400.pth is missing: (in .* )?run python'):
        suite_checks.check_runs(runs, none)
    runs = run_suite.wanted_runs(['people'], [0], ['dann'], tmp_path)
    suite_checks.check_runs(runs, none)
    with pytest.raises(ValueError, match='--adapt-iters 5: none of these rows'):
        suite_checks.check_runs(runs, dict(none, adapt=5))
    runs = run_suite.wanted_runs(['people'], [0], ['dann'], tmp_path / 'my work')
    with pytest.raises(ValueError, match='removes spaces'):
        suite_checks.check_runs(runs, none)
    # a result of another length
    monkeypatch.setenv('UDAPOSE_ADAPT_ITERS', '5')
    runs = run_suite.wanted_runs(['photos2'], [0], ['mean_teacher'], tmp_path)
    suite_checks.check_runs(runs, dict(none, adapt=5))
    runs[1].json.parent.mkdir(parents=True)
    runs[1].json.write_text(json.dumps(dict(result(1., 0, 'mean_teacher', 'photos2'),
                                            iterations=1000)))
    with pytest.raises(ValueError, match='is of 1000 iterations, not 5: delete'):
        suite_checks.check_runs(runs, dict(none, adapt=5))


def test_seconds_of_interrupted_parts_count(tmp_path):
    assert suite_run.seconds_before(tmp_path) == 0
    (tmp_path / 'train.log').write_text('killed')
    begin = json.loads((tmp_path / 'seconds.json').read_text())['begin']
    os.utime(tmp_path / 'train.log', (begin + 40, begin + 40))
    assert suite_run.seconds_before(tmp_path) == pytest.approx(40, abs=0.1)
    begin = json.loads((tmp_path / 'seconds.json').read_text())['begin']
    os.utime(tmp_path / 'train.log', (begin + 2, begin + 2))
    assert suite_run.seconds_before(tmp_path) == pytest.approx(42, abs=0.1)


def test_length_of_rows(monkeypatch, tmp_path):
    monkeypatch.setenv('UDAPOSE_SOURCE_ITERS', '9000')
    monkeypatch.delenv('UDAPOSE_ADAPT_ITERS', raising=False)
    source, row = (run_suite.Run('photos2', r, 0, tmp_path) for r in ('source_init', 'dann'))
    assert set(source.lengths().values()) == {'9000'} and row.lengths() == {}
    assert run_suite.Run('people', 'source_init', 0, tmp_path).lengths() == {}
    cfg = Config.fromfile(ROOT / 'configs' / source.cfg['config'])
    before = {cfg.train_cfg.max_iters}
    cfg.merge_from_dict({k: int(v) for k, v in source.lengths().items()})
    schedule = cfg.param_scheduler[1]
    assert before != {9000} == {cfg.train_cfg.max_iters, schedule.T_max, schedule.end}


def test_missing_data_is_named_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setattr(suite_checks, 'ROOT', tmp_path)
    spec = SUITES['photos2']
    monkeypatch.setenv('UDAPOSE_TEST_DATA', str(tmp_path / 'elsewhere'))
    first, second, third = suite_checks.missing_data(spec).splitlines()  # all at once
    assert first == (
        f'data/synthpose/people2 is missing: in {tmp_path} run udapose synth --kind people --out '
        'data/synthpose/people2 --version 2 --source-train 4000 --target-train 8000')
    assert 'data/synthpose/people is missing' in second and 'train.json is missing' in third
    monkeypatch.chdir(tmp_path)
    assert 'people2 is missing: run udapose' in suite_checks.missing_data(spec)
    (tmp_path / spec['data']).mkdir(parents=True)
    meta = tmp_path / spec['data'] / 'meta.json'
    meta.write_text('{"generator_version": 1}')
    assert 'made by version 1 of the generator' in suite_checks.missing_data(spec)
    meta.write_text('{"generator_ver')  # damaged
    assert 'made by version None of the generator' in suite_checks.missing_data(spec)
    meta.write_text('{"generator_version": 2}')
    assert 'data/synthpose/people is missing' in suite_checks.missing_data(spec)
    (tmp_path / 'data/synthpose/people').mkdir()
    (tmp_path / 'data/synthpose/people/meta.json').write_text('{"generator_version": 1}')
    assert f'{tmp_path}/elsewhere/lspet_photos/train.json is missing' in \
        suite_checks.missing_data(spec) and '--photos' in suite_checks.missing_data(spec)
    for part in ('train', 'test'):
        (tmp_path / 'elsewhere/lspet_photos' / part).mkdir(parents=True)
        (tmp_path / f'elsewhere/lspet_photos/{part}/a.jpg').touch()
        (tmp_path / f'elsewhere/lspet_photos/{part}.json').write_text(
            '{"images": [{"file_name": "a.jpg"}]}')
    assert suite_checks.missing_data(spec) is None
    meta.write_text(json.dumps(dict(counts=dict(source=dict(train=60), target=dict(train=60)))))
    assert "{'source': 60, 'target': 60} training images" in suite_checks.other_counts(spec)
    meta.write_text(json.dumps(dict(counts=dict(source=dict(train=4000),
                                                target=dict(train=8000)))))
    assert suite_checks.other_counts(spec) is None
    assert suite_checks.other_counts(SUITES['people']) is None


def test_photo_analysis_by_attitude_and_confidence(monkeypatch):
    import numpy as np
    import photo_analysis
    error = np.array([[.04, .2], [.08, .04], [.2, .2], [.04, .3]])
    labelled = np.array([[1, 1], [1, 1], [1, 1], [1, 0]], bool)
    found = dict(error=error, labelled=labelled, down=np.array([0, 0, 1, 1], bool),
                 sides=np.array([1, 0, 1, 1], bool),
                 confidence=np.array([[.9, .2], [.6, .8], [.1, .3], [.7, .99]]))
    got = photo_analysis.by_attitude(found, [0, 1])
    assert got['upright'] == {'images': 2, 'sides': 50., 'PCK@0.05': 50., 'PCK@0.1': 75.}
    assert got['upside_down'] == {'images': 2, 'sides': 100., 'PCK@0.05': 25., 'PCK@0.1': 25.}
    assert got['all']['PCK@0.05'] == pytest.approx((50 + 100 / 3) / 2, abs=.01)
    names = dict(neck=0, left_shoulder=1, right_shoulder=2, left_hip=3, right_hip=4)
    front = np.array([[0, 0], [1, 1], [-1, 1], [1, 5], [-1, 5]], float)  # left is at the right
    assert photo_analysis.facing(front, names) > 0 > photo_analysis.facing(front * [-1, 1], names)
    assert photo_analysis.facing(-front, names) > 0  # turned, upside down
    assert photo_analysis.facing(front[[0, 1, 1, 3, 4]], names) == 0
    bins = photo_analysis.by_confidence(found, [0, 1], bins=2)  # 7 labelled joints: 4 and 3
    assert [b['precision@0.05'] for b in bins] == [0., 100.]
    assert bins[0]['precision@0.1'] == 25. and bins[1]['confidence'] == pytest.approx(.8)


def test_every_benchmark_can_be_imported(run_python):
    """A name that moved in the package is found here, not by whoever repeats a measurement."""
    done = run_python('-W', 'ignore', '-c', """
import importlib, pathlib, sys
folder = pathlib.Path('tools/benchmark')
sys.path.insert(0, str(folder))
import udapose
for path in sorted(folder.glob('*.py')):
    importlib.import_module(path.stem)
""", cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_offsets_of_joints_are_those_of_near_predictions():
    """Joint 0 is off by (2, -1) percent everywhere but for one gross error; joint 1 never seen."""
    import joint_offsets
    import numpy as np
    error = np.zeros((5, 2, 2))
    error[:, 0] = [0.02, -0.01]
    error[4, 0] = 0.9
    error[:, 1] = 0.01
    labelled = np.array([[True, False]] * 5)
    mean = joint_offsets.offsets(error, labelled)
    np.testing.assert_allclose(mean, [[0.02, -0.01], [0., 0.]])
    assert joint_offsets.pck(error, labelled) == 80.
    error[:4, 0] = [0.06, 0.]  # beyond the threshold, all alike: nothing but an offset
    assert joint_offsets.pck(error, labelled) == 0.
    assert joint_offsets.pck(error - joint_offsets.offsets(error, labelled), labelled) == 80.


def test_the_outside_reference_counts_people_not_found(monkeypatch):
    import numpy as np
    import outside_reference as outside
    points = np.zeros((14, 3))
    points[:, 2] = 1
    points[:, 1] = np.linspace(100, 0, 14)  # feet below, head on top
    points[[8, 11], 0], points[[9, 10], 0] = 20, 80
    photos = [dict(file=i, size=100, keypoints=points) for i in range(4)]
    found = {0: points[:12, :2], 1: points[:12, :2] + [8, 0], 2: None, 3: points[:12, :2] + 50}
    monkeypatch.setattr(outside, 'predict', lambda model, file, margin: found[file])
    scores, nobody = outside.judge(None, photos, 0.25)
    assert nobody == 1 and set(scores) == {'all', 'upright'}
    assert scores['all'] == {'images': 4, 'sides': 75., 'PCK@0.05': 25., 'PCK@0.1': 50.}
    text = outside.table(dict(model='BlazePose', margin=0.25, nobody=nobody, test=scores))
    assert 'nobody found in 1 of 4' in text and '| all (4) | 25.0 | 50.0 | 75.0 |' in text
    monkeypatch.undo()
    with pytest.raises(SystemExit, match='the photograph no.jpg is missing or damaged'):
        outside.predict(None, Path('no.jpg'), 0.25)
    # MediaPipe gives the person's right side even numbers
    assert [j % 2 == 0 for j in outside.JOINTS] == [
        name.startswith('right') for name in outside.LSP[:12]]


def test_the_outside_reference_scores_as_the_suite_does(tmp_path, monkeypatch):
    """The suite letterboxes photographs of any shape; the reference counts in their pixels."""
    import cv2
    import numpy as np
    import outside_reference as outside
    from mmengine.config import Config
    from mmengine.registry import init_default_scope
    from mmpose.registry import DATASETS, METRICS
    from photo_analysis import LIMBS
    rng = np.random.default_rng(0)
    images, annotations, predicted = [], [], {}
    (tmp_path / 'test').mkdir()
    for i, (width, height) in enumerate([(90, 200), (200, 120), (64, 64), (33, 71)] * 10):
        name = f'{i}.png'
        cv2.imwrite(str(tmp_path / 'test' / name), np.zeros((height, width, 3), np.uint8))
        points = rng.uniform(0, 1, (14, 2)) * (width, height)
        labelled = 2 * (rng.uniform(size=14) > 0.1)
        images.append(dict(id=i, file_name=name, width=width, height=height))
        annotations.append(dict(
            id=i, image_id=i, category_id=1, iscrowd=0, area=1, bbox=[0, 0, width, height],
            num_keypoints=int((labelled > 0).sum()),
            keypoints=np.column_stack([points, labelled]).ravel().tolist()))
        predicted[name] = points + rng.normal(0, 0.06 * max(width, height), (14, 2))
    (tmp_path / 'test.json').write_text(json.dumps(dict(
        images=images, annotations=annotations, categories=[dict(id=1, name='person')])))
    monkeypatch.setattr(outside, 'predict',
                        lambda model, file, margin: predicted[file.name][LIMBS])
    scores, _ = outside.judge(None, outside.read(tmp_path, 'test'), 0.)

    init_default_scope('mmpose')
    cfg = Config.fromfile(
        ROOT / 'configs/source_only/source-only_synth-people-to-photos_mobilenetv2_128x128.py')
    suite = next(m for m in cfg.test_evaluator if m['prefix'] == 'target' and 'unit' not in m)
    data = DATASETS.build({**cfg.test_dataloader.dataset, 'data_root': str(tmp_path)})
    metric = METRICS.build(suite)
    metric.dataset_meta = data.metainfo
    for item in data:
        sample = item['data_samples']
        points = predicted[Path(sample.img_path).name][None]
        metric.process(None, [dict(
            sample.to_dict(), gt_instances=sample.gt_instances.to_dict(),
            pred_instances=dict(keypoints=points, keypoint_scores=np.ones((1, 14))))])
    expected = metric.compute_metrics(metric.results)
    for key in ('PCK@0.05', 'PCK@0.1'):
        assert 0 < expected[key] < 100
        assert scores['all'][key] == pytest.approx(expected[key], abs=0.006)
