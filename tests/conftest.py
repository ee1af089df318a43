"""Shared set-up: one import of udapose for all tests, and running Python in a fresh process."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.registry import DefaultScope

import udapose  # noqa: F401  (registers everything; 5 s, once)

ROOT = Path(__file__).resolve().parent.parent

# Small tensors: more threads only wait for each other, and would make sums irreproducible.
torch.set_num_threads(1)


@pytest.fixture(scope='session', autouse=True)
def plain_config_text():
    """MMEngine formats the config some seven times a run, 1 s each: most of a tiny run's time."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ('yapf.yapflib.yapf_api', 'mmengine.config.config'):  # fork, official MMEngine
            patch.setattr(f'{name}.FormatCode', lambda text, **kwargs: (text, True), raising=False)
        yield


@pytest.fixture(autouse=True)
def no_default_scope():
    """Every test begins without one: the scope of the last test's runner hid or made failures."""
    DefaultScope._instance_dict.clear()
    yield
    DefaultScope._instance_dict.clear()


@pytest.fixture
def run_python():
    """Run ``python *args`` in a fresh process that finds udapose; returns CompletedProcess.

    Keyword ``env`` adds environment variables, ``path`` folders in front of PYTHONPATH.
    """
    def run(*args, env=None, path=(), cwd=None, timeout=180):
        search = [*map(str, path), str(ROOT / 'projects')]
        return subprocess.run(
            [sys.executable, *map(str, args)], cwd=cwd, timeout=timeout, text=True,
            capture_output=True, stdin=subprocess.DEVNULL,
            env={**os.environ, 'PYTHONPATH': os.pathsep.join(search), 'OMP_NUM_THREADS': '1',
                 'CUDA_VISIBLE_DEVICES': '', **(env or {})})

    return run


@pytest.fixture(scope='session')
def wheel_file(tmp_path_factory) -> Path:
    """The wheel, built from a copy: a build writes into the source folder."""
    source, out = tmp_path_factory.mktemp('source'), tmp_path_factory.mktemp('wheel')
    for name in ('setup.py', 'pyproject.toml', 'MANIFEST.in', 'LICENSE', 'requirements',
                 'projects', 'configs'):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns(
                '__pycache__', '*.egg-info'))
        else:
            shutil.copy(ROOT / name, source / name)
    done = subprocess.run(
        [sys.executable, '-m', 'pip', 'wheel', '--no-deps', '--no-build-isolation', '--no-index',
         '-q', '-w', str(out), str(source)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    (path,) = out.glob('udapose-*.whl')
    return path


@pytest.fixture(scope='session')
def repository() -> Path:
    """The checkout's root."""
    return ROOT
