"""The command `udapose`: what it offers, what its messages name, how it starts."""
import ast
import json
import re
import sys
from importlib import import_module
from importlib.util import find_spec

import pytest
from mmengine.config import Config

import udapose
from udapose import cli, configs
from udapose.cli._config_text import remember
from udapose.cli.convert import CONVERTERS

OURS = 'configs/mean_teacher/mean-teacher_synth-people_res18-w32_64x64.py'
EXISTING = {name: module for name, module in cli.COMMANDS.items() if find_spec(module)}


def test_help_lists_every_command_with_its_first_line(capsys):
    assert cli.main(['--help']) == 0
    shown = capsys.readouterr().out
    for name, module in EXISTING.items():
        first = import_module(module).__doc__.partition('\n')[0]
        assert re.search(rf'^  {name} +{re.escape(first)}$', shown, re.M)
    assert cli.main([]) == 0 and capsys.readouterr().out == shown


def test_an_unknown_command_lists_those_that_exist(capsys):
    assert cli.main(['foo', '--bar']) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: udapose has no command 'foo'.")
    assert all(f'\n  {name} ' in error for name in EXISTING)


def test_a_part_that_is_not_installed_is_not_offered(capsys):
    assert cli.dispatch('x', {'a': 'udapose.cli.nowhere', **EXISTING}, ['a'], '') == 2
    assert '\n  a ' not in capsys.readouterr().err


def test_version(capsys):
    assert cli.main(['--version']) == 0
    assert capsys.readouterr().out == f'udapose {udapose.__version__}\n'


@pytest.mark.parametrize('name', [n for n in EXISTING if n not in ('train', 'test', 'convert')])
def test_each_command_explains_itself(name, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main([name, '--help'])
    shown = capsys.readouterr().out
    assert stop.value.code == 0 and shown.startswith(f'usage: udapose {name} ')
    # one word for one thing
    assert not re.search(r'--(output|out-dir|output-dir|random-seed|workdir|num-workers)\b', shown)
    # an example over two lines is shown as two lines, to be copied
    assert not re.search(r'^ +udapose .*\S {4,}[^ #]', shown, re.MULTILINE)


@pytest.mark.parametrize('name', CONVERTERS)
def test_each_converter_explains_itself(name, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(['convert', name, '--help'])
    assert stop.value.code == 0
    assert capsys.readouterr().out.startswith(f'usage: udapose convert {name} ')


def test_converters_are_listed(capsys):
    assert cli.main(['convert']) == 0
    assert all(f'\n  {name} ' in capsys.readouterr().out for name in [*CONVERTERS][:1])
    assert cli.main(['convert', 'foo']) == 2


def test_what_cannot_be_understood_is_status_2():
    with pytest.raises(SystemExit) as stop:
        cli.main(['export'])
    assert stop.value.code == 2


def test_options_of_a_config_are_read_as_training_reads_them():
    from udapose.cli._options import parse_cfg_options
    assert parse_cfg_options(['a.b=1', 'c=[x,2]', 'd=e=f']) == {
        'a.b': 1, 'c': ['x', 2], 'd': 'e=f'}
    with pytest.raises(SystemExit, match="'seed' is not of the form KEY=VALUE"):
        parse_cfg_options(['seed'])


def test_a_text_is_formatted_once():
    calls = []
    once = remember(lambda text, **options: calls.append(text) or (text, len(calls)))
    style = dict(a=1)
    assert once('x', style_config=style) == once('x', style_config=dict(a=1)) == ('x', 1)
    assert once('y', style_config=style) == ('y', 2) and once('x', style_config={}) == ('x', 3)
    assert calls == ['x', 'y', 'x']


# ------------------------------------------------------------------------- names in messages
def sources(repository):
    return [*(repository / 'projects').rglob('*.py')]


def pages(repository):
    return [repository / 'README.md', *(repository / 'docs').glob('*.md')]


def test_the_package_names_no_script_that_is_not_installed(repository):
    """`tools/` is not in the wheel; MMPose's own scripts there are meant as such."""
    found = []
    for path in sources(repository):
        if 'compat' in path.parts:  # also speaks to those who install from a checkout
            continue
        for line in path.read_text().splitlines():
            if re.search(r"(?<!MMPose's )\btools/\w+(/\w+)?\.(py|sh)", line):
                found.append(f'{path.name}: {line.strip()}')
    assert not found


def test_every_command_that_is_named_exists(repository):
    checked = 0
    for path in sources(repository) + pages(repository):
        text = path.read_text()
        blocks = ''.join(re.findall(r'```bash\n(.*?)```', text, re.DOTALL))
        named = re.findall(r'(?:`|\$\()udapose ([a-z][a-z-]*)', text)
        for name in named + re.findall(r'^udapose ([a-z][a-z-]*)', blocks, re.M):
            assert name in cli.COMMANDS, f'{path.name} names `udapose {name}`'
            checked += 1
        for name in re.findall(r'udapose convert ([a-z0-9][\w-]*)', text):
            assert name in CONVERTERS, f'{path.name} names `udapose convert {name}`'
    assert checked > 20


def test_older_scripts_are_thin_and_name_an_existing_command(repository):
    found = {}
    for path in (repository / 'tools').glob('*.py'):
        if path.name != '_command.py':
            text = path.read_text()
            assert len(text.splitlines()) <= 5
            found[path.stem] = re.search(r"run\('([\w-]+)'", text)[1]
    assert {'train', 'test', 'two_stage', 'quickstart', 'export_checkpoint'} <= {*found}
    assert {*found.values()} <= {*cli.COMMANDS}


# ------------------------------------------------------------------------------- light start
def modules_after(run_python, *command, **kwargs):
    code = ('import runpy, sys\nsys.argv[1:] = {!r}\nimport udapose_command\n'
            'try: udapose_command.main()\nexcept SystemExit: pass\n'
            'print("LOADED", *sorted({{m.partition(".")[0] for m in sys.modules}}))')
    done = run_python('-c', code.format(list(command)), **kwargs)
    assert done.returncode == 0, done.stderr
    return done.stdout.rpartition('LOADED')[2].split()


@pytest.mark.parametrize('command', [['--help'], ['export', '--help'], ['check-data', '--help'],
                                     ['configs']], ids=' '.join)
def test_help_needs_no_pytorch(command, run_python):
    assert not {'torch', 'mmengine', 'mmpose'} & {*modules_after(run_python, *command)}


def test_where_mmpose_is_missing_doctor_is_named(run_python, tmp_path):
    (tmp_path / 'mmpose.py').write_text('raise ModuleNotFoundError("No module", name="mmpose")')
    for name in ('c.py', 'c.pth'):
        (tmp_path / name).touch()
    done = run_python('-m', 'udapose', 'export', 'c.py', 'c.pth', path=[tmp_path], cwd=tmp_path)
    assert done.returncode == 1 and 'Traceback' not in done.stderr, done.stderr
    assert '`udapose doctor` says what is missing' in done.stderr
    assert run_python('-m', 'udapose', 'configs', path=[tmp_path], cwd=tmp_path).returncode == 0


@pytest.mark.parametrize('argv, given, light', [
    (['-m', 'train'], ['python', '-m', 'udapose', 'train'], True),
    (['-m'], ['python', '-X', 'dev', '-m', 'udapose.synthetic'], True),
    (['-m'], ['python', '-m', 'udapose.cli._quickstart_results', 'udapose'], False),
    (['-m'], ['python', '-m', 'pytest', 'udapose'], False),
    (['train.py'], ['python', 'train.py', '-m', 'udapose'], False),
    # a worker of `python -m udapose` has its sys.argv, but was started otherwise
    (['-c'], ['python', '-c', 'from multiprocessing.spawn import spawn_main; ...'], False)])
def test_only_the_command_line_starts_light(argv, given, light, monkeypatch):
    monkeypatch.setattr(sys, 'argv', argv)
    monkeypatch.setattr(sys, 'orig_argv', given)
    assert udapose._is_command_line() is light


# ----------------------------------------------------------------------------------- configs
def test_a_copied_config_is_the_same_wherever_it_lies(tmp_path, capsys):
    name = 'mean-teacher_synth-people_res18-w32_64x64'
    assert cli.main(['configs', '--copy', name, '--out', str(tmp_path)]) == 0
    copy = tmp_path / f'{name}.py'
    assert capsys.readouterr().out == f'{copy}\n'
    original = Config.fromfile(configs.config_root() / f'mean_teacher/{name}.py')
    assert Config.fromfile(copy).to_dict() == original.to_dict()
    assert '"""Embedded people: mean teacher' in copy.read_text()  # comments and all
    assert cli.main(['configs', '--copy', name, '--out', str(copy)]) == 1
    assert 'exists already' in capsys.readouterr().err


def test_every_config_can_be_copied(tmp_path):
    for name in configs.list_configs():
        copy = configs.copy_config(name, tmp_path / name)
        bases = next(node.value for node in ast.parse(copy.read_text()).body
                     if isinstance(node, ast.Assign) and node.targets[0].id == '_base_')
        assert all('::' in base or find(base) for base in ast.literal_eval(bases))


def find(path):
    import os
    return os.path.isabs(path) and os.path.isfile(path)


def test_a_config_that_does_not_exist(tmp_path, capsys):
    assert cli.main(['configs', '--copy', 'mean-teacher_synth-people_res18_64x64']) == 1
    assert 'do you mean mean' in capsys.readouterr().err
    assert cli.main(['configs', '--copy', 'zzz']) == 1
    assert '`udapose configs --list`' in capsys.readouterr().err


@pytest.mark.parametrize('argv', [
    ['train', OURS], ['train', 'own.py'], ['test', OURS, 'x.pth'], ['check-data', 'own.py'],
    ['export', OURS, 'x.pth'], ['export', 'own.py', 'own.py'], ['two-stage', OURS, OURS],
    ['sheet', OURS, 'x.pth']], ids=' '.join)
def test_a_config_of_ours_that_is_looked_for_elsewhere(argv, tmp_path, monkeypatch):
    """All pages name configs as in a checkout, and snippets have them in `_base_`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, 'argv', ['udapose', *argv])
    (tmp_path / 'own.py').write_text(f"_base_ = ['{OURS}']\n")
    wanted = configs.config_root().parent / OURS
    with pytest.raises(SystemExit) as stop:
        cli.main(argv)
    assert re.match(rf"error: (own.*)?config ({tmp_path}/)?{OURS} does not exist "
                    rf"\(udapose's own is {wanted}: write that path\)", stop.value.code)


@pytest.mark.parametrize('name,found', [
    (OURS.rpartition('/')[2], OURS), (f'x/configs/mic/{OURS.rpartition("/")[2]}', OURS),
    ('configs/_base_/default_runtime.py', 'configs/_base_/default_runtime.py'),
    ('default_runtime.py', ''), ('my_config.py', '')])
def test_where_a_config_is_that_was_looked_for_in_vain(name, found):
    place = str(configs.config_root().parent / found)
    assert configs.elsewhere(name) == (
        found and f" (udapose's own is {place}: write that path)")


def test_configs_are_found_by_words(capsys):
    assert cli.main(['configs', '--list', 'oracle', 'synth-hands_res18']) == 0
    lines = capsys.readouterr().out.split()
    assert len(lines) == 1 and lines[0].endswith('oracle/oracle_synth-hands_res18-w32_64x64.py')
    assert cli.main(['configs', '--list', 'nothing-like-it']) == 1


@pytest.mark.parametrize('argv,message', [
    (['--demo', '--data', 'a.mp4', '--dry-run'], 'leave out --data and --dry-run'),
    (['--demo', '--boxes', 'whole'], 'leave out --boxes'),
    (['--smoke', '--data', 'a.mp4'], 'give it with --demo')])
def test_adapt_heeds_every_option_or_refuses_it(argv, message):
    with pytest.raises(SystemExit, match=message):
        cli.main(['adapt', *argv])


def tool_that(does, tmp_path, monkeypatch):
    """Let a script of one line stand in for MMPose's train.py."""
    from udapose.cli import _mmpose_tool
    script = tmp_path / 'train.py'
    script.write_text('import sys\nfrom mmengine.config import Config\n'
                      f'from mmpose.registry import DATASETS, MODELS\n{does}\n')
    monkeypatch.setattr(_mmpose_tool, 'find_mmpose_tool', lambda name: script)
    monkeypatch.setattr(sys, 'argv', sys.argv[:])


def test_an_annotation_file_that_mmpose_cannot_read_is_named(tmp_path, monkeypatch):
    from udapose.cli import _mmpose_tool
    labels = dict(images=[dict(id='im17', file_name='a.jpg', width=9, height=9)],
                  annotations=[], categories=[])
    (tmp_path / 'labels.json').write_text(json.dumps(labels))
    config = tmp_path / 'config.py'
    config.write_text(f"""
train_dataloader = dict(dataset=dict(type='TwoDomainDataset', target=dict(
    type='UnlabeledPoseDataset', ann_file={str(tmp_path / "labels.json")!r})))
val_dataloader = dict(dataset=dict(
    type='CocoDataset', data_root='elsewhere/', ann_file='labels.json'))
""")
    option = f'val_dataloader.dataset.data_root={tmp_path}/'
    assert _mmpose_tool.config_fault([str(config)]) == ''  # no such file: another fault
    fault = _mmpose_tool.config_fault([str(config), '--cfg-options', option])
    assert "ids that are no whole numbers, for example 'im17'" in fault
    tool_that('raise TypeError("not all arguments converted")', tmp_path, monkeypatch)
    with pytest.raises(SystemExit, match='im17'):
        _mmpose_tool.run_mmpose_tool('train.py', [str(config), '--cfg-options', option])
    with pytest.raises(TypeError, match='not all'):
        _mmpose_tool.run_mmpose_tool('train.py', [str(config)])


@pytest.mark.parametrize('kind,key', [('MeanTeacherPoseEstimator', 'pose_estimator'),
                                      ('AttentionRegularizedPoseEstimator', 'pose_model')])
def test_a_forgotten_delete_is_named(kind, key, tmp_path, monkeypatch):
    """Without it MMEngine merges the wrapper's keys into those of the base's plain model."""
    from udapose.cli import _mmpose_tool
    config = tmp_path / 'own.py'
    tool_that('MODELS.build(Config.fromfile(sys.argv[1]).model)', tmp_path, monkeypatch)
    base = configs.find_config('source-only_synth-people_res18-w32_64x64')
    config.write_text(f"_base_ = ['{base}']\nmodel = dict(type='{kind}', {key}=_base_.model)\n")
    with pytest.raises(SystemExit, match=rf'model.type={kind} takes no backbone, head.*_delete_='
                                         rf'True.*{key}=_base_.model'):
        _mmpose_tool.run_mmpose_tool('train.py', [str(config)])


@pytest.mark.parametrize('root,remedy', [
    ('data/synthpose/hands/target/', 'make the embedded data with `udapose synth --kind hands '
     '--out data/synthpose/hands`'),
    ('data/mine/', "correct its data set's data_root and ann_file")])
def test_a_missing_annotation_file_is_one_sentence(root, remedy, tmp_path, monkeypatch):
    from udapose.cli import _mmpose_tool
    config = tmp_path / 'own.py'
    tool_that('DATASETS.build(Config.fromfile(sys.argv[1]).data)', tmp_path, monkeypatch)
    config.write_text(f"data = dict(type='CocoDataset', data_root='{root}', ann_file='a.json')\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        _mmpose_tool.run_mmpose_tool('train.py', [str(config)])
    assert stop.value.code == (f'error: the annotation file {root}a.json does not exist, seen from '
                               f'{tmp_path}: {remedy}')
