"""What users bring to tools/benchmark/run_suite.py and photo_tables.py: one sentence each."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.config import Config

from udapose.adaptation.folder_lock import FolderLock
from udapose.cli import _experiment

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / 'tools/benchmark')]
import photo_tables  # noqa: E402
import report  # noqa: E402
import run_suite  # noqa: E402
import suite_checks  # noqa: E402
import suite_results  # noqa: E402
import suite_run  # noqa: E402
from suites import SUITES  # noqa: E402


@pytest.fixture(autouse=True)
def no_lengths(monkeypatch):
    for key in ('UDAPOSE_SOURCE_ITERS', 'UDAPOSE_ADAPT_ITERS', 'UDAPOSE_TEST_DATA'):
        monkeypatch.delenv(key, raising=False)


@pytest.fixture
def started(monkeypatch):
    """Nothing is trained: the names of the runs that would be. All data are there."""
    names = []

    def schedule(runs, *_):
        names.extend(run.name for run in runs if not run.done)
        return []

    monkeypatch.setattr(run_suite, 'schedule', schedule)
    monkeypatch.setattr(run_suite, 'missing_data', lambda spec: None)
    monkeypatch.setattr(run_suite, 'other_counts', lambda spec: None)
    return names


def command(monkeypatch, *args, tool='run_suite'):
    monkeypatch.setattr(sys, 'argv', [f'{tool}.py', *map(str, args)])
    (photo_tables if tool == 'photo_tables' else run_suite).main()


def finished(work, name, iterations=8, **changes):
    """A run that is done, as suite_run.py leaves it; returns its JSON."""
    suite, row, seed = name.split('-')
    folder, path = work / suite / row / seed, work / f'results/runs/{name}.json'
    folder.mkdir(parents=True)
    (folder / f'iter_{iterations}.pth').touch()
    (folder / 'last_checkpoint').write_text(str(folder / f'iter_{iterations}.pth'))
    path.parent.mkdir(parents=True, exist_ok=True)
    scores = {metric: 9. for metric in SUITES.get(suite, SUITES['photos2'])['metrics']}
    path.write_text(json.dumps({**dict(
        suite=suite, row=row, seed=int(seed[4:]), config='c', results=dict(target=scores),
        iterations=iterations, seconds=dict(train=1.), device='cpu', threads=1, commit='abc',
        data=dict(generator_version=2, size=128, seed=0, counts={})), **changes}))
    (folder / suite_run.TESTED).write_text(json.dumps(changes.get('results', dict(target=scores))))
    return path


SOURCE_ONLY = ('--suite', 'photos2', '--seeds', '0', '--rows', 'source_only')


@pytest.mark.parametrize('content', ['{"suite": "pho', '', '[1]', '{"suite": "photos2"}'])
def test_a_damaged_result_stops_the_command_at_its_begin(content, tmp_path, monkeypatch, started):
    damaged = finished(tmp_path, 'photos2-dann-seed3')  # not one of the rows that are wanted
    damaged.write_text(content)
    for options in ((), ('--adapt-iters', '4'), ('--report',)):
        with pytest.raises(SystemExit, match=r'error: .*photos2-dann-seed3.json .*delete it'):
            command(monkeypatch, *SOURCE_ONLY, '--work-dir', tmp_path, *options)
    assert not started


def test_results_of_rows_that_there_are_no_longer(tmp_path, monkeypatch, capsys):
    for name in ('oldsuite-source_only-seed0', 'photos2-old_row-seed0', 'photos2-dann-seed0'):
        finished(tmp_path, name)
    command(monkeypatch, '--report', '--work-dir', tmp_path)
    assert 'there are no longer: oldsuite-source_only-seed0.json, photos2-old_row-seed0.json;' in \
        capsys.readouterr().out
    text = (tmp_path / 'results/README.md').read_text()
    assert '| `dann` | 9.0 |' in text and 'old' not in text
    assert set(report.read_runs(tmp_path / 'results/runs')) == {'photos2'}
    many = suite_results.unknown_note(tmp_path, [str(i) for i in range(8)])
    assert '0, 1, 2, 3, 4 and 3 more' in many


def test_a_finished_run_of_another_length_is_said(tmp_path, monkeypatch, capsys, started):
    finished(tmp_path, 'photos2-source_init-seed0')
    command(monkeypatch, *SOURCE_ONLY, '--work-dir', tmp_path)
    said = capsys.readouterr().out
    assert started == ['photos2-source_only-seed0']
    assert 'note: photos2-source_init-seed0 is there with 8 iterations, the usual length is 6000' \
        in said and '1 of 2 runs are in' in said
    command(monkeypatch, *SOURCE_ONLY, '--source-iters', 8, '--work-dir', tmp_path)
    assert 'usual length' not in capsys.readouterr().out


@pytest.mark.parametrize('then,fault', [
    (None, None), ({'randomness.seed': '0', 'train_cfg.max_iters': '8'}, None),  # its length is 8
    ({'randomness.seed': '0', 'model.x': '1'}, 'model.x is 1, now unset: delete it and')])
def test_a_finished_run_of_other_settings_is_refused(then, fault, tmp_path, monkeypatch, started):
    finished(tmp_path, 'photos2-source_init-seed0')
    finished(tmp_path, 'photos2-source_only-seed0', **(dict(settings=then) if then else {}))
    options = (*SOURCE_ONLY, '--work-dir', tmp_path)
    if fault:
        with pytest.raises(SystemExit, match=fault):
            command(monkeypatch, *options)
    else:
        command(monkeypatch, *options)
    assert not started


@pytest.mark.parametrize('key,value', [
    ('seed', 7), ('size', 64), ('counts', dict(source=dict(train=40)))])
def test_data_of_another_kind_than_those_of_the_results_are_refused(
        key, value, tmp_path, monkeypatch, started):
    data = dict(generator_version=2, size=128, seed=0, counts=dict(source=dict(train=4000)))
    finished(tmp_path, 'photos2-source_init-seed0', data=data)
    meta = tmp_path / SUITES['photos2']['data'] / 'meta.json'
    meta.parent.mkdir(parents=True)
    monkeypatch.setattr(suite_checks, 'ROOT', tmp_path)
    meta.write_text(json.dumps(data))
    command(monkeypatch, *SOURCE_ONLY, '--work-dir', tmp_path)
    assert started.pop() == 'photos2-source_only-seed0'
    meta.write_text(json.dumps({**data, key: value}))
    with pytest.raises(SystemExit, match=f'people2 has {key} .*results of photos2 that are there'):
        command(monkeypatch, *SOURCE_ONLY, '--work-dir', tmp_path)
    assert not started


def test_rows_and_lengths_that_are_not_for_every_suite_are_said(tmp_path, monkeypatch, capsys,
                                                                started):
    with pytest.raises(SystemExit, match='no results yet'):
        command(monkeypatch, '--suite', 'people', 'photos2', '--seeds', 0, 0, '--rows', 'dann',
                'mean_teacher_close', '--adapt-iters', 4, '--work-dir', tmp_path)
    said = capsys.readouterr().out
    assert 'note: people has no row mean_teacher_close\n' in said
    assert 'note: --adapt-iters 4 is not for people: their rows have the lengths' in said
    assert started == ['people-source_init-seed0', 'people-dann-seed0', 'photos2-source_init-seed0',
                       'photos2-dann-seed0', 'photos2-mean_teacher_close-seed0']


@pytest.mark.parametrize('seed', ['-1', '4294967296', 'x'])
def test_seeds_that_numpy_would_refuse_later(seed, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        command(monkeypatch, '--seeds', seed)
    assert 'argument --seeds' in capsys.readouterr().err


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch, started):
    (tmp_path / 'file').touch()
    with pytest.raises(SystemExit, match='error: .*Not a directory'):
        command(monkeypatch, *SOURCE_ONLY, '--work-dir', tmp_path / 'file')


def photographs(root, test=2):
    for part, count in (('train', 3), ('test', test)):
        (root / 'lspet_photos' / part).mkdir(parents=True)
        for i in range(count):
            (root / f'lspet_photos/{part}/{i}.jpg').touch()
        (root / f'lspet_photos/{part}.json').write_text(json.dumps(dict(
            images=[dict(file_name=f'{i}.jpg') for i in range(count)])))
    return root / 'lspet_photos'


def test_photographs_that_only_later_rows_would_miss(tmp_path, monkeypatch):
    photos = photographs(tmp_path)
    monkeypatch.setenv('UDAPOSE_TEST_DATA', str(tmp_path))

    def fault():
        return suite_checks.missing_photos(SUITES['photos2'])

    assert fault() is None and suite_checks.missing_photos(SUITES['people']) is None
    (photos / 'train/1.jpg').rename(photos / '1.jpg')
    assert fault() == (
        f'1 of the 3 photographs in {photos}/train.json are missing in {photos}/train, for example '
        '1.jpg: see docs/real_photos.md; --photos names the folder')
    (photos / 'train/1.jpg').symlink_to(photos / '1.jpg')
    assert fault() is None
    (photos / 'test.json').write_text('{"images": []}')
    assert 'test.json lists no photographs' in fault()
    for text in ('{"images"', '[]', '{}', '{"images": [{}]}'):
        (photos / 'train.json').write_text(text)
        assert 'train.json is no COCO file' in fault()


@pytest.mark.parametrize('folder', ["it's \"mine\"", r'back\slash \d', 'a, b', ''])
def test_any_folder_can_hold_the_photographs(folder, tmp_path, monkeypatch):
    root = f'{tmp_path}/{folder}' if folder else 'data'
    monkeypatch.setenv('UDAPOSE_TEST_DATA', root if folder else '')
    cfg = Config.fromfile(ROOT / 'configs/mean_teacher/'
                          'mean-teacher_synth-people-to-photos_mobilenetv2_128x128_close.py')
    assert cfg.train_dataloader.dataset.target.data_root == f'{root}/lspet_photos/train/'
    assert cfg.test_dataloader.dataset.data_root == f'{root}/lspet_photos/'
    cfg.dump(tmp_path / 'dumped.py')  # as each training does
    again = Config.fromfile(tmp_path / 'dumped.py')
    assert again.photos_root == f'{root}/lspet_photos/' and 'os' not in again
    style = Config.fromfile(ROOT / 'configs/style_transfer/'
                            'adain-small_synth-people-to-photos_128x128.py')
    assert style.train_dataloader.dataset.style == f'{root}/lspet_photos/train'


def test_an_interrupted_run_of_other_settings_is_not_continued(tmp_path, monkeypatch, started):
    run = suite_run.Run('photos2', 'dann', 0, tmp_path)
    finished(tmp_path, 'photos2-source_init-seed0', iterations=6000)
    monkeypatch.setenv('UDAPOSE_ADAPT_ITERS', '4')
    run.dir.mkdir(parents=True)
    _experiment.write_record(run.dir, _experiment.CONFIGS / run.cfg['config'], run.settings())
    (run.dir / 'last_checkpoint').write_text('iter_2.pth')
    options = ('--suite', 'photos2', '--seeds', 0, '--rows', 'dann', '--work-dir', tmp_path)
    command(monkeypatch, *options, '--adapt-iters', 4)  # of these settings
    assert started.pop() == run.name and not started
    with pytest.raises(SystemExit, match=r'dann/seed0 holds another run: .*train_cfg.max_iters is '
                       r'4, now 1000'):
        command(monkeypatch, *options, '--adapt-iters', 1000)
    assert not started


def test_checkpoints_in_a_moved_or_thinned_folder(tmp_path, monkeypatch, started):
    finished(tmp_path / 'old', 'photos2-source_init-seed0', iterations=6000)
    (tmp_path / 'old').rename(tmp_path / 'new')
    start = tmp_path / 'new/photos2/source_init/seed0'
    assert _experiment.last_checkpoint(start) == start / 'iter_6000.pth'
    assert _experiment.resume_arguments(start) == ['--resume', str(start / 'iter_6000.pth')]
    assert _experiment.resume_arguments(tmp_path) == []
    command(monkeypatch, *SOURCE_ONLY, '--work-dir', tmp_path / 'new')
    assert started == ['photos2-source_only-seed0']
    (start / 'iter_6000.pth').unlink()
    with pytest.raises(SystemExit, match=r'last_checkpoint names iter_6000.pth, which is not there '
                       r'any more: .*delete .*\(and delete .*seed0.json\)'):
        command(monkeypatch, *SOURCE_ONLY, '--work-dir', tmp_path / 'new')


def test_a_start_model_of_half_a_training_is_finished_first(tmp_path, monkeypatch, started):
    # its JSON is of another machine, its checkpoint of a training that was interrupted here
    finished(tmp_path, 'photos2-source_init-seed0', iterations=400)
    command(monkeypatch, *SOURCE_ONLY, '--work-dir', tmp_path)
    assert started == ['photos2-source_only-seed0']
    started.clear()
    (tmp_path / 'photos2/source_init/seed0' / suite_run.TESTED).unlink()
    command(monkeypatch, *SOURCE_ONLY, '--work-dir', tmp_path)
    assert started == ['photos2-source_init-seed0', 'photos2-source_only-seed0']


def test_a_run_says_why_it_failed_and_one_process_trains_it(tmp_path, monkeypatch):
    args = ('photos2', 'source_init', '0', str(tmp_path), str(tmp_path / 'results/runs'), '1')
    folder = tmp_path / 'photos2/source_init/seed0'

    def fails(command, stdout, **_):
        stdout.write('a log\nValueError: the culprit\n')
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(suite_run.subprocess, 'run', fails)
    with pytest.raises(SystemExit, match=r'^photos2-source_init-seed0: exit code 1: ValueError: '
                       r'the culprit \(see .*train.log\)$'):
        suite_run.run_one(*args)
    assert json.loads((folder / _experiment.RECORD).read_text())['randomness.seed'] == 0
    assert not (folder / '.lock').exists()
    with FolderLock(folder), pytest.raises(SystemExit, match=r'is in use by process'):
        suite_run.run_one(*args)


def test_how_far_the_trainings_are(tmp_path, monkeypatch, capsys):
    run = suite_run.Run('people', 'source_init', 0, tmp_path)
    assert run_suite.far(run) == 'people-source_init-seed0 starting'
    monkeypatch.setattr(run_suite.Run, 'command', lambda self, threads: [
        sys.executable, '-c', 'import time; time.sleep(1.5)'])
    run.dir.mkdir(parents=True)
    (run.dir / 'train.log').write_text('Iter(train) [  50/1200]  lr: 1 eta: 0:10:00 x\n')
    assert run_suite.schedule([run], 1, 1, tell_every=0.) == []
    assert '\npeople-source_init-seed0 50/1200\n' in capsys.readouterr().out
    os.utime(run.dir / 'train.log', (1, 1))
    (run.dir / 'test_target.log').touch()
    assert run_suite.far(run) == 'people-source_init-seed0 50/1200, test_target'


def test_photo_tables_says_what_it_cannot_analyse(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(photo_tables, 'analyse', lambda run: dict(attitude={}))
    monkeypatch.setattr(photo_tables, 'attitude_table', lambda *_: ['a table'])
    options = ('--work-dir', tmp_path, '--photos', tmp_path / 'none')
    for name in ('photos2-dann-seed0', 'photos2-mic-seed0', 'photos2-old_row-seed0',
                 'people-dann-seed0'):
        finished(tmp_path, name)
    (tmp_path / 'photos2/mic/seed0/tested.json').unlink()  # half a training
    with pytest.raises(SystemExit, match='error: .*train.json is missing: .*--photos'):
        command(monkeypatch, *options, tool='photo_tables')
    photographs(tmp_path)
    options = ('--work-dir', tmp_path, '--photos', tmp_path)
    command(monkeypatch, *options, tool='photo_tables')
    said = capsys.readouterr().out
    assert 'no longer: photos2-old_row-seed0.json' in said and 'a table' in said
    assert 'has not their trainings: photos2-mic-seed0' in said
    record = tmp_path / 'results/photo_analysis.json'
    assert set(json.loads(record.read_text())) == {'photos2-dann-seed0'}
    record.write_text('{')
    with pytest.raises(SystemExit, match='photo_analysis.json is damaged .*delete it'):
        command(monkeypatch, *options, tool='photo_tables')
