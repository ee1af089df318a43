"""Every code block of README.md and docs/: Python runs in fresh processes, commands exist."""
import json
import re
import sys
from functools import cache
from pathlib import Path

import pytest
from mmengine.config import Config

sys.path.insert(0, str(Path(__file__).resolve().parent))
import doc_blocks  # noqa: E402
from doc_blocks import ROOT  # noqa: E402

PYTHON_PAGES = sorted({block.page for block in doc_blocks.of_language('python')})
SHELL_BLOCKS = doc_blocks.of_language('bash')
# Words that stand for something of the reader's.
PLACEHOLDER = re.compile(r'[A-Z][A-Z0-9_-]*(/.*)?|(SITE-PACKAGES|MMPOSE-CHECKOUT|path/to)/.*')


@pytest.fixture(scope='module')
def prepared(tmp_path_factory):
    """A folder with the files that the scripts name: a photograph, an exported model."""
    import os
    import subprocess
    folder = tmp_path_factory.mktemp('prepared')
    done = subprocess.run(
        [sys.executable, ROOT / 'tests/doc_process.py', '--prepare'], cwd=folder,
        env={**os.environ, 'PYTHONPATH': f'{ROOT}/projects', 'OMP_NUM_THREADS': '1'},
        capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize('page', PYTHON_PAGES)
def test_python_blocks_run_in_a_fresh_process(page, prepared, tmp_path, run_python):
    for path in prepared.iterdir():
        (tmp_path / path.name).symlink_to(path)
    done = run_python(ROOT / 'tests/doc_process.py', page, cwd=tmp_path, timeout=900)
    assert done.returncode == 0, done.stderr[-4000:]
    ran = json.loads(done.stdout.splitlines()[-1])
    assert sorted(ran) == [b.number for b in doc_blocks.blocks(page) if b.language == 'python']


def test_the_pages_people_start_with_are_among_them():
    assert {'README.md', 'docs/evaluation.md', 'docs/install.md'} <= set(PYTHON_PAGES)
    assert len(PYTHON_PAGES) > 20 and len(SHELL_BLOCKS) > 25
    assert {'README.md', 'CONTRIBUTING.md', 'docs/install.md'} <= {b.page for b in SHELL_BLOCKS}


def test_every_block_has_a_kind_that_is_checked_or_is_a_listing():
    for page in doc_blocks.pages():
        for block in doc_blocks.blocks(page):
            assert block.language in ('python', 'bash', 'listing'), block.name
            if block.language == 'listing':  # a tree of files: no line is a command
                starts = {line.split()[0] for line in block.text.splitlines() if line.split()}
                assert not starts & set(doc_blocks.PROGRAMS), block.name


@pytest.mark.parametrize('block', SHELL_BLOCKS, ids=lambda block: block.name)
def test_commands_exist_and_know_their_options(block):
    found = doc_blocks.commands(block.text)
    assert found
    for words in found:
        check_command(words)


def check_command(words):
    program, *rest = words
    if program == '.':
        assert rest == ['.venv/bin/activate']
    elif program == 'pip':
        assert rest[0] == 'install' and (ROOT / 'setup.py').exists()
    elif program == 'mim':
        assert rest[:2] == ['train', 'mmpose'] and set(options(rest)) <= {'--gpus'}
    elif program == 'bash':
        script = ROOT / rest[0]
        assert script.is_file(), script
        if script.name == 'quickstart.sh':
            check_arguments(rest[1:], ('tools/quickstart.py',))
    elif program == 'udapose' and rest[0] == 'convert':  # it has commands of its own
        check_arguments(rest[2:], ('-m', 'udapose', *rest[:2]))
    elif program == 'udapose':
        check_arguments(rest[1:], ('-m', 'udapose', rest[0]))
    elif rest[0] == '-m':
        check_arguments(rest[2:], tuple(rest[:2]))
    elif rest[0] == '-c':
        compile(rest[1], 'block', 'exec')  # test_inline_code_runs runs it
    else:
        assert program == 'python', words
        script = rest[0]
        if PLACEHOLDER.fullmatch(script):  # MMPose's own train.py, elsewhere
            script = f'tools/{Path(script).name}'
        assert (ROOT / script).is_file(), script
        check_arguments(rest[1:], (script,))


def options(words):
    return [word.partition('=')[0] for word in words if word.startswith('--')]


def check_arguments(words, command):
    """Options are known, named configs exist, and their ``--cfg-options`` name what is there."""
    for option in options(words):
        assert re.search(rf'(?<![\w-]){option}(?![\w-])', help_of(command)), (command, option)
    configs = [word for word in words if word.startswith('configs/') and word.endswith('.py')
               and not re.search('/[A-Z]+.py', word)]
    for path in configs:
        assert (ROOT / path).is_file(), path
    if configs and '--cfg-options' in words:
        config = Config.fromfile(ROOT / configs[0])
        for word in words[words.index('--cfg-options') + 1:]:
            if '=' not in word:
                break
            part = config
            for key in word.partition('=')[0].split('.'):
                assert key in part, f'{configs[0]} has no {word}'
                part = part[key]


@cache
def help_of(command):
    """What ``python COMMAND --help`` prints."""
    import os
    import subprocess
    done = subprocess.run(
        [sys.executable, *command, '--help'], cwd=ROOT, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=300,
        env={**os.environ, 'PYTHONPATH': f'{ROOT}/projects', 'OMP_NUM_THREADS': '1'})
    assert done.returncode == 0, f'{command} --help: {done.stderr}'
    return done.stdout


def test_inline_code_runs(run_python):
    inline = [words[2] for block in SHELL_BLOCKS for words in doc_blocks.commands(block.text)
              if words[:2] == ['python', '-c']]
    assert inline
    for code in inline:
        done = run_python('-c', code)
        assert done.returncode == 0, done.stderr
        assert "Fix(name='to_numpy'" in done.stdout


def test_the_checks_can_fail():
    with pytest.raises(AssertionError):
        check_command(['python', 'tools/train.py', 'CONFIG', '--no-such-option'])
    with pytest.raises(AssertionError):
        check_command(['python', 'tools/no_such_tool.py'])
    with pytest.raises(AssertionError, match='has no train_dataloader.data_root'):
        check_command([
            'python', 'tools/train.py',
            'configs/mean_teacher/mean-teacher_synth-people_res18-w32_64x64.py', '--cfg-options',
            'train_dataloader.data_root=x'])


def test_commands_are_split_as_a_shell_would():
    text = 'P=a-to-b\nD=x/y\npython t.py c_${P}.py $D/z \\\n  [--out DIR] [--b x|y ...]  # why\n'
    assert doc_blocks.commands(text) == [
        ['python', 't.py', 'c_a-to-b.py', 'x/y/z', '--out', 'DIR', '--b', 'x|y']]
