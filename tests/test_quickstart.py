"""`udapose quickstart`: its plan, its estimate of the time left, its results."""
import argparse
import json
import os

import pytest
import torch
from mmengine.config import Config

from udapose.cli import _experiment, _quickstart_speed, main, quickstart
from udapose.cli._time_left import TimeLeft


class Clock:
    """Seconds that a test sets."""
    now = 0.

    def __call__(self):
        return self.now


def test_time_left_is_that_of_the_whole_at_this_runs_speed():
    clock = Clock()
    left = TimeLeft(dict(a=100., b=50.), clock)
    assert left.seconds() == 150
    left.start('a')
    left.update(0.)
    clock.now = 20.
    left.update(0.4)  # twice as fast as planned: 30 s more; b at the speed of all so far
    assert left.seconds() == pytest.approx(30 + 50 * (15 + 20) / (15 + 40))
    clock.now = 50.
    left.finish()
    assert left.seconds() == pytest.approx(50 * (15 + 50) / (15 + 100))
    left.start('b')
    clock.now = 55.  # its process is starting
    assert left.seconds() == pytest.approx((50 - 5) * (65 + 5) / (115 + 5))
    clock.now = 90.  # and takes long to start: the time left grows
    assert left.seconds() == pytest.approx((50 - 10) * (65 + 40) / (115 + 10))
    assert left.text() == 'about 30 s left'
    left.update(0.)
    clock.now = 100.
    left.update(0.5)
    assert left.seconds() == pytest.approx(50)  # its own speed


def test_time_left_counts_only_this_runs_work():
    clock = Clock()
    left = TimeLeft(dict(a=100.), clock)
    left.start('a')
    left.update(0.5)  # an earlier run's
    clock.now = 25.
    left.update(0.75)
    assert left.seconds() == pytest.approx(25)
    left.update(0.5)
    assert left.seconds() > 25


@pytest.fixture
def started(monkeypatch, tmp_path):
    """The commands that would be run, in a folder of their own; each counts as done at once."""
    commands = []
    monkeypatch.setattr(_experiment, 'Job',
                        lambda name, command, log, threads: commands.append(command) or command)

    def finish(jobs, **kwargs):
        if commands[-1][2] == 'udapose.cli._quickstart_speed':
            with open(commands[-1][5], 'w') as f:
                f.write('{"threads": 2, "channels_last": true, "seconds": {}}')
        if 'train' in commands[-1]:
            work = commands[-1][commands[-1].index('--work-dir') + 1]
            for name, content in (('iter_1.pth', ''), ('last_checkpoint', f'{work}/iter_1.pth')):
                with open(f'{work}/{name}', 'w') as f:
                    f.write(content)

    monkeypatch.setattr(_experiment, 'wait', finish)
    monkeypatch.chdir(tmp_path)
    return commands


def test_phases_run_in_the_callers_folder(started, tmp_path):
    with pytest.raises(SystemExit, match='scores.json'):  # the last one has not really run
        main(['quickstart', '--out', 'my out', '--oracle'])
    names = [command[3] if command[2] == 'udapose' else command[2] for command in started]
    assert names == ['synth', 'udapose.cli._quickstart_speed', 'train', 'train', 'train',
                     'udapose.cli._quickstart_results']
    assert started[0][started[0].index('--out') + 1] == str(tmp_path / 'my out/data')
    tests = json.loads((tmp_path / 'my out/tests.json').read_text())['tests']
    assert [(t['method'], t['domain']) for t in tests] == [
        (m, d) for m in ('source_only', 'adapted', 'oracle') for d in ('source', 'target')]


def test_every_data_set_of_every_method_is_the_quickstarts(tmp_path):
    """Nothing reads the folder that the shipped configs name, whatever the method."""
    for kind in ('people', 'hands'):
        for method in quickstart.CONFIG_FILES['adapted']:
            run = quickstart.Quickstart(arguments(tmp_path, kind=kind, method=method))
            for part in ('source_only', 'adapted', 'oracle'):
                config, changes = run.settings(part)
                cfg = Config.fromfile(config)
                cfg.merge_from_dict(changes)
                used = {k: v for k, v in flat(cfg.to_dict()) if k.endswith('data_root')
                        and k.startswith(('train_dataloader', 'val_dataloader', 'custom_hooks'))}
                assert used and all(v.startswith(str(tmp_path)) for v in used.values()), used


def flat(value, path=''):
    """Dotted keys and values of nested dicts and lists."""
    items = value.items() if isinstance(value, dict) else enumerate(value) \
        if isinstance(value, (list, tuple)) else None
    if items is None:
        yield path, value
    else:
        for key, child in items:
            yield from flat(child, f'{path}.{key}' if path else str(key))


@pytest.mark.parametrize('changed, message', [
    (['--method', 'mean-teacher'], 'config is .*multilevel.*, now .*mean-teacher'),
    (['--kind', 'hands'], 'config is .*synth-people.*, now .*synth-hands'),
    (['--seed', '1'], 'randomness.seed is 0, now 1')])
def test_another_runs_folder_is_refused(changed, message, started):
    with pytest.raises(SystemExit, match='scores.json'):
        main(['quickstart', '--out', 'o'])
    count = len(started)
    with pytest.raises(SystemExit, match=message):
        main(['quickstart', '--out', 'o', *changed])
    assert len(started) == count  # before any data is made


def test_own_data_must_be_of_the_kind(started, tmp_path):
    (tmp_path / 'd').mkdir()
    (tmp_path / 'd/meta.json').write_text('{"kind": "hands"}')
    with pytest.raises(SystemExit, match='d holds hands, not people'):
        main(['quickstart', '--data', 'd'])
    with pytest.raises(SystemExit, match='scores.json'):
        main(['quickstart', '--data', 'd', '--kind', 'hands'])
    assert 'synth' not in started[0]  # it is complete


def test_impossible_threads(capsys):
    with pytest.raises(SystemExit, match='--threads is 0'):
        main(['quickstart', '--threads', '0'])


def test_schedules_end_within_the_training(started, tmp_path):
    """The learning rate falls before the last iteration, however short the plan is."""
    for plan in (quickstart.FULL, quickstart.SMOKE):
        for method, iterations in (('source_only', plan.source), ('adapted', plan.adapt)):
            run = quickstart.Quickstart(arguments(tmp_path, smoke=plan is quickstart.SMOKE))
            changes = run.settings(method)[1]
            assert changes['train_cfg.max_iters'] == iterations
            first, second = changes['param_scheduler.1.milestones']
            assert 0 < first < second < iterations


def arguments(out, **given):
    parser = argparse.ArgumentParser()
    quickstart.add_arguments(parser)
    args = parser.parse_args(['--out', str(out)])
    vars(args).update(given)
    return args


def test_results_follow_the_documented_format():
    scores = {m: {d: {f'{d}/PCK@0.05': v, f'{d}/PCK@0.1': v + 20} for d in ('source', 'target')}
              for m, v in dict(source_only=20., adapted=35., oracle=45.).items()}
    results = quickstart.collect(scores, [*scores])
    assert results['adapted']['target'] == {'PCK@0.05': 35., 'PCK@0.1': 55.}
    assert results['gap_closed'] == 60.
    results['seconds'] = dict(data=3.2)
    assert 'gap closed' in quickstart.format_table(results)
    assert 'data 3' in quickstart.format_table(results)
    results = quickstart.collect(scores, ['source_only', 'adapted'])
    assert results['oracle'] is None and results['gap_closed'] is None


def test_cpu_time_of_ended_processes_is_counted():
    before = quickstart.children_seconds()
    os.system('i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done')
    assert quickstart.children_seconds() > before


def test_the_fastest_setting_is_taken(started, tmp_path):
    with pytest.raises(SystemExit, match='scores.json'):
        main(['quickstart', '--out', 'o'])
    assert all('default_hooks.channels_last.type=ChannelsLastHook' in command
               for command in started if 'train' in command)
    with pytest.raises(SystemExit, match='scores.json'):
        main(['quickstart', '--out', 'p', '--threads', '1'])
    again = started[len(started) // 2 + 1:]
    assert not any('udapose.cli._quickstart_speed' in command for command in again)
    assert not any('ChannelsLastHook' in ' '.join(command) for command in again)


def test_speed_measurement():
    config = quickstart.Quickstart.config
    path = config(quickstart.Quickstart(arguments('unused')), 'source_only')
    before = torch.get_num_threads()
    found = _quickstart_speed.measure(path, 2, [1])
    assert torch.get_num_threads() == before and found['threads'] == 1
    assert sorted(found['seconds']) == ['1 threads, channels first', '1 threads, channels last']
    fastest = min(found['seconds'], key=found['seconds'].get)
    assert found['channels_last'] == fastest.endswith('last') or \
        len(set(found['seconds'].values())) == 1


def test_speed_measurement_ends_on_a_busy_machine():
    path = quickstart.Quickstart(arguments('unused')).config('source_only')
    found = _quickstart_speed.measure(path, 2, [1, 2], limit=0.)
    assert len(found['seconds']) == 2  # one of each memory format
