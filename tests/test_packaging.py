"""What is in the wheel, where configs are found, and the scripts that wrap MMPose's own."""
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
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
             if k not in ('VIRTUAL_ENV', 'CONDA_PREFIX', 'CONDA_DEFAULT_ENV', 'PYTHON', 'VENV')}
    return subprocess.run(['bash', str(checkout / 'tools/install.sh')], env={**clean, **env},
                          capture_output=True, text=True, timeout=120)


def fake_python(path, version, modules=''):
    """A script that answers like a Python of this version with these modules."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"""#!/bin/sh
case "$1 $2" in
    '-V '*|'--version '*) echo Python {version}.1 ;;
    *'import sys; print('*) echo {version} ;;
    *'import ensurepip'*) [ -n '{modules}' ] ;;
    '-m venv') echo "venv by {version}" >&2; exit 1 ;;
    *) exit 1 ;;
esac
""")
    path.chmod(0o755)


def only_these_pythons(checkout):
    """Environment variables with which nothing but the fakes (and the shell) is found."""
    tools = checkout / 'bin'
    tools.mkdir(exist_ok=True)
    for name in ('bash', 'cat', 'cksum', 'dirname', 'head', 'mktemp', 'rm', 'sh'):
        (tools / name).symlink_to(shutil.which(name))
    return dict(PATH=str(tools), PYENV_ROOT=str(checkout / 'pyenv'))


def test_install_takes_the_newest_tested_python(checkout):
    env = only_these_pythons(checkout)
    for name, version in {'python3.9': '3.9', 'python3.11': '3.11', 'python3.12': '3.12',
                          'python3.14': '3.14', 'python3': '3.14'}.items():
        fake_python(checkout / 'bin' / name, version, modules='venv')
    fake_python(checkout / 'bin/python3.13', '3.13')  # without the venv module (Debian)
    done = run_install(checkout, **env)
    assert done.returncode == 1 and 'venv by 3.12' in done.stderr
    assert f'with {checkout}/bin/python3.12 (Python 3.12)' in done.stderr


def test_install_finds_what_pyenv_has_not_selected(checkout):
    env = only_these_pythons(checkout)
    fake_python(checkout / 'pyenv/versions/3.12.1/bin/python', '3.12', modules='venv')
    done = run_install(checkout, **env)
    assert f'with {checkout}/pyenv/versions/3.12.1/bin/python' in done.stderr


def test_install_names_the_missing_venv_module(checkout):
    env = only_these_pythons(checkout)
    fake_python(checkout / 'bin/python3', '3.12')
    done = run_install(checkout, **env)
    assert done.returncode == 1 and not (checkout / '.venv').exists()
    assert 'apt-get install python3.12-venv' in done.stderr


def test_install_without_a_tested_python_says_how_to_get_one(checkout):
    env = only_these_pythons(checkout)
    fake_python(checkout / 'bin/python3', '3.14', modules='venv')
    done = run_install(checkout, **env)
    assert done.returncode == 1
    assert 'no Python 3.10 to 3.13 found (python3 says: Python 3.14.1)' in done.stderr
    assert 'PYTHON=/path/to/python3.13' in done.stderr


def test_install_refuses_another_python_by_name(checkout):
    other = checkout / 'python3.9'
    fake_python(other, '3.9', modules='venv')
    done = run_install(checkout, PYTHON=str(other))
    assert done.returncode == 1 and not (checkout / '.venv').exists()
    assert f'error: PYTHON={other} is not a working Python 3.10 to 3.13' in done.stderr
    assert 'Python 3.9.1' in done.stderr


def test_install_keeps_an_environment_of_another_python(checkout):
    own = f'{sys.version_info[0]}.{sys.version_info[1]}'
    other = '3.12' if own != '3.12' else '3.13'
    subprocess.run([sys.executable, '-m', 'venv', '--without-pip', checkout / '.venv'], check=True)
    (package,) = (checkout / '.venv/lib').glob('python*/site-packages')
    (package / 'pip.py').touch()
    fake_python(checkout / 'other', other, modules='venv')
    done = run_install(checkout, PYTHON=str(checkout / 'other'))
    assert done.returncode == 1 and (checkout / '.venv/bin/python').exists()
    assert f'.venv is of Python {own}, PYTHON={checkout}/other says: Python {other}.1' in \
        done.stderr
    assert f'VENV=.venv-other PYTHON={checkout}/other' in done.stderr


def test_what_a_user_has_is_left_out_and_held(checkout, tmp_path):
    out = tmp_path / 'lists'
    out.mkdir()
    done = subprocess.run([sys.executable, checkout / 'requirements/missing.py', out],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lists = {p.name: p.read_text() for p in out.iterdir()}
    wanted = {re.match('[^=<;]*', line).group() for line in lists['stack.txt'].splitlines()
              if line and not line.startswith('#')}
    assert 'torch' not in wanted and 'numpy' not in wanted and 'tensorboard' in wanted
    assert 'mmpose' not in lists['stack-no-deps.txt'].split('\n', 3)[3]
    assert f'torch=={metadata.version("torch")}' in lists['keep.txt'].splitlines()
    assert 'it keeps:' in done.stdout and f'numpy=={metadata.version("numpy")}' in done.stdout


def test_install_without_network_says_so_and_can_be_repeated(checkout):
    done = run_install(checkout, PYTHON=sys.executable, PIP_NO_INDEX='1', PIP_FIND_LINKS='',
                       PIP_EXTRA_INDEX_URL='', PIP_CONFIG_FILE=os.devnull)
    assert done.returncode == 1 and done.stdout == ''
    assert 'Without a network connection' in done.stderr
    assert not (checkout / '.venv/.udapose-installed').exists()


def test_install_is_quick_when_done(checkout):
    python = checkout / '.venv/bin/python'
    subprocess.run([sys.executable, '-m', 'venv', '--without-pip', checkout / '.venv'], check=True)
    (package,) = (checkout / '.venv/lib').glob('python*/site-packages')
    (package / 'pip.py').touch()
    wanted = subprocess.run(
        'printf "%s " "$PWD"; cat requirements/*.txt setup.py tools/install.sh | cksum',
        shell=True, cwd=checkout, capture_output=True, text=True, check=True).stdout.strip()
    (checkout / '.venv/.udapose-installed').write_text(wanted)
    done = run_install(checkout)
    assert done.returncode == 0 and done.stdout == f'{python}\n', done.stderr
    # Anything that decides what is installed makes it install again (here: without pip, fail).
    (checkout / 'requirements/stack.txt').write_text('torch==2.15.0\n')
    assert run_install(checkout).returncode == 1
