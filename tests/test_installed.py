"""The wheel in an empty environment, outside of the checkout: every command works there."""
import json
import os
import subprocess
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

import cv2
import pytest

from udapose import cli


@pytest.fixture(scope='module')
def installed(wheel_file, tmp_path_factory):
    """Runs `udapose ...` of an environment that has the tests' packages and our wheel."""
    root = tmp_path_factory.mktemp('elsewhere')
    venv = root / 'venv'
    subprocess.run([sys.executable, '-m', 'venv', '--without-pip', venv], check=True)
    site = next(venv.glob('lib/python*/site-packages'))
    # The tests' packages; its .pth files are not read from there, so neither is an editable udapose
    (site / 'stack.pth').write_text(sysconfig.get_path('purelib') + '\n')
    env = {k: v for k, v in os.environ.items() if k not in ('PYTHONPATH', 'PYTHONHOME')}
    env.update(OMP_NUM_THREADS='1', CUDA_VISIBLE_DEVICES='', MPLBACKEND='Agg')
    done = subprocess.run([sys.executable, '-m', 'pip', '--python', venv / 'bin/python', 'install',
                           '-q', '--no-deps', '--no-index', wheel_file], env=env, text=True,
                          capture_output=True)
    assert done.returncode == 0, done.stderr

    def run(*args, code=0):
        done = subprocess.run([venv / 'bin/udapose', *map(str, args)], cwd=root, env=env,
                              text=True, capture_output=True, timeout=900)
        assert done.returncode == code, (done.stdout + done.stderr)[-3000:]
        return done.stdout + done.stderr

    run.root = root
    return run


@pytest.mark.parametrize('name', [n for n, module in cli.COMMANDS.items() if find_spec(module)])
def test_each_command_has_help(installed, name):
    assert 'usage: ' in installed(name, '--help')


def test_it_is_the_wheel_that_runs(installed):
    assert Path(installed('configs').strip()).is_relative_to(installed.root / 'venv')


def test_the_quickstart_runs_and_what_it_leaves_can_be_used(installed):
    """The only real run of the quickstart in the tests; the other commands use what it leaves."""
    shown = installed('quickstart', '--smoke', '--oracle', '--seed', 3, '--threads', 1,
                      '--out', 'q')
    out = installed.root / 'q'
    results = json.loads((out / 'results.json').read_text())
    for method in ('source_only', 'adapted', 'oracle'):
        for domain in ('source', 'target'):
            assert 0 <= results[method][domain]['PCK@0.05'] <= results[method][domain]['PCK@0.1']
            assert results[method][domain]['PCK@0.1'] <= 100
    assert results['seed'] == 3 and results['iterations']['adapted'] == 40
    phases = {'data', 'source', 'adaptation', 'oracle', 'evaluation'}
    assert {*results['seconds']} == phases | {'total'} and {*results['cpu_seconds']} == phases
    assert all(value > 0 for value in results['cpu_seconds'].values())
    assert (out / 'table.txt').read_text() in shown
    for name in ('contact_sheet', 'before_after', 'curves'):
        image = cv2.imread(str(out / f'{name}.png'))
        assert image is not None and image.std() > 10, name

    from mmpose.apis import inference_topdown, init_model
    model = init_model(str(out / 'adapted_model/config.py'), str(out / 'adapted_model/model.pth'),
                       device='cpu')
    photo = next((out / 'data/target/images/test').glob('*.jpg'))
    assert inference_topdown(model, str(photo))[0].pred_instances.keypoints.shape == (1, 22, 2)

    config = next((out / 'adapted').glob('multilevel*.py'))
    installed('export', config, out / 'adapted/iter_40.pth', '--out', 'exported')
    assert (installed.root / 'exported/model.pth').is_file()
    shown = installed('check-data', config, '--num', 2, '--out', 'checked', '--cfg-options',
                      f'test_dataloader.dataset.data_root={out}/data/target/')
    assert 'train/target' in shown and (installed.root / 'checked/val.png').is_file()
    installed('make-masks', out / 'data/source/images/test', '--ann-file',
              out / 'data/source/annotations/test.json', '--out', 'masks', '--method', 'hull',
              '--workers', 1)
    assert len([*(installed.root / 'masks').glob('0*.png')]) == 40
    assert 'PCK: ' in installed(
        'test', out / 'adapted_model/config.py', out / 'adapted_model/model.pth', '--work-dir',
        'tested', '--cfg-options', f'test_dataloader.dataset.data_root={out}/data/target/')


def test_what_is_not_there_is_one_line(installed):
    for command in (['export', 'a.py', 'b.pth'], ['check-data', 'a.py'], ['two-stage', 'a.py', 'b'],
                    ['convert', 'lsp', 'nowhere', '--out', 'x']):
        shown = installed(*command, code=1)
        assert shown.startswith('error: ') and shown.count('\n') == 1, shown
