"""What is in the wheel, where configs are found, and the scripts that wrap MMPose's own."""
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.machinery import ModuleSpec

import pytest

from udapose import __version__, configs
from udapose.cli import _mmpose_tool


@pytest.fixture(scope='module')
def wheel(wheel_file):
    return zipfile.ZipFile(wheel_file)


def test_wheel_carries_every_config_and_asset(wheel, repository):
    names = set(wheel.namelist())
    wanted = {f'udapose/.mim/configs/{p.relative_to(repository / "configs").as_posix()}'
              for p in (repository / 'configs').rglob('*.py')}
    wanted |= {f'udapose/{p.relative_to(repository / "projects/udapose").as_posix()}'
               for p in (repository / 'projects/udapose').rglob('*')
               if p.is_file() and '__pycache__' not in p.parts}
    assert wanted and not wanted - names
    assert any('/.mim/configs/_base_/datasets/metainfo/' in name for name in names)
    assert not [name for name in names if name.split('/')[0] in ('tests', 'tools', 'configs')]


def test_wheel_requires_nothing_that_would_replace_the_users_stack(wheel):
    (metadata,) = [n for n in wheel.namelist() if n.endswith('.dist-info/METADATA')]
    text = wheel.read(metadata).decode()
    required = {re.match(r'[\w.-]+', line).group().lower().replace('_', '-')
                for line in re.findall(r'^Requires-Dist: (.*)$', text, re.M)
                if 'extra ==' not in line}
    assert required == {'numpy', 'scipy', 'matplotlib'}
    assert f'\nVersion: {__version__}\n' in text and '\nName: udapose\n' in text
    assert not re.findall(r'^Requires-Dist: (?:numpy|scipy|matplotlib).*[=<>~]', text, re.M)


def test_installed_without_a_checkout_the_configs_command_finds_the_copy(
        wheel, tmp_path, run_python):
    wheel.extractall(tmp_path / 'site')
    done = run_python('-m', 'udapose.configs', path=[tmp_path / 'site'], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f'{tmp_path}/site/udapose/.mim/configs\n'


def test_in_a_checkout_the_configs_command_names_its_folder(repository, capsys):
    assert configs.main([]) == 0
    assert capsys.readouterr().out == f'{repository / "configs"}\n'


def test_configs_are_listed_without_their_bases(repository, capsys):
    assert configs.main(['--list']) == 0
    lines = capsys.readouterr().out.split()
    assert lines and all(os.path.isfile(line) for line in lines)
    assert not [line for line in lines if '_base_' in line]


def test_missing_configs_are_one_error_with_the_remedy(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(configs, 'PACKAGE', tmp_path / 'a/b')
    assert configs.main([]) == 1
    assert 'pip install .' in capsys.readouterr().err


@pytest.fixture
def wrapper():
    """The module behind `udapose train` and `udapose test`."""
    return _mmpose_tool


def fake_mmpose(monkeypatch, wrapper, root):
    (root / 'mmpose').mkdir()
    spec = ModuleSpec('mmpose', None, origin=str(root / 'mmpose/__init__.py'))
    monkeypatch.setattr(wrapper, 'find_spec', lambda name: spec)


@pytest.mark.parametrize('where', ['mmpose/.mim/tools', 'tools'])
def test_mmpose_tools_are_found_in_wheel_and_checkout(monkeypatch, wrapper, tmp_path, where):
    fake_mmpose(monkeypatch, wrapper, tmp_path)
    (tmp_path / where).mkdir(parents=True)
    (tmp_path / where / 'train.py').touch()
    assert wrapper.find_mmpose_tool('train.py') == tmp_path / where / 'train.py'


def test_mmpose_without_tools_is_one_error(monkeypatch, wrapper, tmp_path):
    fake_mmpose(monkeypatch, wrapper, tmp_path)
    with pytest.raises(SystemExit, match=r'has no tools/train\.py.*Reinstall'):
        wrapper.run_mmpose_tool('train.py', [])


def test_no_mmpose_is_one_error(monkeypatch, wrapper):
    monkeypatch.setattr(wrapper, 'find_spec', lambda name: None)
    with pytest.raises(SystemExit, match='not installed.*udapose doctor'):
        wrapper.run_mmpose_tool('test.py', [])


def test_tools_run_mmposes_own_script(run_python, repository, tmp_path):
    done = run_python(repository / 'tools/test.py', '--help', cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert 'MMPose test (and eval) model' in done.stdout


@pytest.fixture
def checkout(repository, tmp_path):
    """Only what tools/install.sh reads, in a folder of its own."""
    for name in ('tools', 'requirements'):
        shutil.copytree(repository / name, tmp_path / name)
    shutil.copy(repository / 'setup.py', tmp_path)
    return tmp_path


def run_install(checkout, **env):
    clean = {k: v for k, v in os.environ.items()
             if k not in ('VIRTUAL_ENV', 'CONDA_PREFIX', 'CONDA_DEFAULT_ENV', 'PYTHON')}
    return subprocess.run(['bash', str(checkout / 'tools/install.sh')], env={**clean, **env},
                          capture_output=True, text=True, timeout=120)


def test_install_refuses_another_python_by_name(checkout):
    other = checkout / 'python3.9'
    other.write_text('#!/bin/sh\necho Python 3.9.1\n[ "$1" = --version ]\n')
    other.chmod(0o755)
    done = run_install(checkout, PYTHON=str(other))
    assert done.returncode == 1 and not (checkout / '.venv').exists()
    assert f'error: PYTHON={other} is not a working Python 3.11' in done.stderr
    assert 'Python 3.9.1' in done.stderr


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason='install.sh is for Python 3.11')
def test_install_without_network_says_so_and_can_be_repeated(checkout):
    done = run_install(checkout, PYTHON=sys.executable, PIP_NO_INDEX='1', PIP_FIND_LINKS='',
                       PIP_EXTRA_INDEX_URL='', PIP_CONFIG_FILE=os.devnull)
    assert done.returncode == 1 and done.stdout == ''
    assert 'Without a network connection' in done.stderr
    assert not (checkout / '.venv/.udapose-installed').exists()


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason='install.sh is for Python 3.11')
def test_install_is_quick_when_done(checkout):
    python = checkout / '.venv/bin/python'
    subprocess.run([sys.executable, '-m', 'venv', '--without-pip', checkout / '.venv'], check=True)
    wanted = subprocess.run(
        'printf "%s " "$PWD"; cat requirements/*.txt setup.py tools/install.sh | cksum',
        shell=True, cwd=checkout, capture_output=True, text=True, check=True).stdout.strip()
    (checkout / '.venv/.udapose-installed').write_text(wanted)
    done = run_install(checkout)
    assert done.returncode == 0 and done.stdout == f'{python}\n', done.stderr
    # Anything that decides what is installed makes it install again (here: without pip, fail).
    (checkout / 'requirements/stack.txt').write_text('torch==2.15.0\n')
    assert run_install(checkout).returncode == 1
