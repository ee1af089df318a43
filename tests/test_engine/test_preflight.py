"""Errors that come before anything is computed."""
import shutil
from contextlib import nullcontext
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import DefaultSampler, InfiniteSampler, default_collate, pseudo_collate
from mmengine.model import PretrainedInit
from mmengine.runner import BaseLoop, EpochBasedTrainLoop
from mmpose.engine.optim_wrappers import LayerDecayOptimWrapperConstructor
from torch import nn

from udapose.engine import PreflightHook
from udapose.models.pose_estimators.run_state import RunState


def runner(tmp_path, load_from=None, init_cfg=None):
    model = nn.Module()
    model.backbone = nn.Linear(1, 1)
    model.backbone.init_cfg = init_cfg
    return SimpleNamespace(work_dir=str(tmp_path), model=model, _load_from=load_from, _resume=False,
                           optim_wrapper=SimpleNamespace(),
                           _train_loop=BaseLoop.__new__(EpochBasedTrainLoop))


def test_a_sound_run_passes(tmp_path):
    (tmp_path / 'a.pth').touch()
    PreflightHook().before_run(runner(tmp_path, str(tmp_path / 'a.pth'), dict(type='Normal')))


def test_missing_checkpoint(tmp_path):
    with pytest.raises(FileNotFoundError, match='load_from=nowhere.pth does not exist. Train the '
                                                'source model first'):
        PreflightHook().before_run(runner(tmp_path, 'nowhere.pth'))


def test_a_checkpoint_in_the_home_folder_or_as_a_path(tmp_path, monkeypatch):
    """MMEngine expands ~, and takes text only."""
    monkeypatch.setenv('HOME', str(tmp_path))
    (tmp_path / 'a.pth').touch()
    PreflightHook().before_run(runner(tmp_path, '~/a.pth', dict(
        type='Pretrained', checkpoint='~/a.pth')))
    run = runner(tmp_path, tmp_path / 'a.pth')
    PreflightHook().before_run(run)
    assert run._load_from == str(tmp_path / 'a.pth')
    with pytest.raises(FileNotFoundError, match='load_from=.*/b.pth does not exist'):
        PreflightHook().before_run(runner(tmp_path, '~/b.pth'))


def test_a_spelling_by_which_mmengine_overwrites_what_it_loads(tmp_path):
    (tmp_path / 'a.pth').touch()
    cfg = dict(checkpoint=str(tmp_path / 'a.pth'))
    for kind in ('Pretrained', PretrainedInit):
        PreflightHook().before_run(runner(tmp_path, None, dict(cfg, type=kind)))
    with pytest.raises(ValueError, match=r"init_cfg of backbone has type='mmengine\.model\.Pretra.*"
                                         "Write type='Pretrained'"):
        PreflightHook().before_run(runner(tmp_path, None, dict(
            cfg, type='mmengine.model.PretrainedInit')))


class TwoDomains(list):
    num_source, num_target = 2, 2


@pytest.mark.parametrize('sampler', [DefaultSampler, InfiniteSampler])
def test_a_sampler_that_mixes_the_domains(tmp_path, sampler):
    """It crashed in the first batch without one of them, often the last of the first epoch."""
    run, data = runner(tmp_path), TwoDomains(range(4))
    run.model.run_state = RunState()
    run._train_loop.dataloader = SimpleNamespace(dataset=data, sampler=sampler(data))
    with pytest.raises(ValueError, match=rf"sampler is {sampler.__name__}.*lacks one of them.*"
                                         "type='TwoDomainSampler'"):
        PreflightHook().before_run(run)
    plain = list(data)
    run._train_loop.dataloader = SimpleNamespace(dataset=plain, sampler=sampler(plain))
    PreflightHook().before_run(run)
    own = type('Balanced', (sampler,), {'__iter__': lambda self: iter([0, 2])})
    run._train_loop.dataloader = SimpleNamespace(dataset=data, sampler=own(data))
    PreflightHook().before_run(run)  # a user's subclass with an order of its own
    del run.model.run_state  # masked reconstruction needs no branches
    run._train_loop.dataloader = SimpleNamespace(dataset=data, sampler=sampler(data))
    PreflightHook().before_run(run)


@pytest.mark.parametrize('where', ['load_from', 'init_cfg'])
def test_unreachable_url(tmp_path, where, monkeypatch):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    url = 'http://localhost:9/model.pth'  # nothing listens there
    r = runner(tmp_path, url) if where == 'load_from' else runner(
        tmp_path, None, dict(type='Pretrained', checkpoint=url))
    with pytest.raises(ConnectionError, match=f'{where}.*cannot be reached.*put it at .*model.pth'):
        PreflightHook(timeout=1).before_run(r)
    (tmp_path / 'checkpoints').mkdir()
    (tmp_path / 'checkpoints/model.pth').touch()  # following the advice helps
    PreflightHook(timeout=1).before_run(r)


def test_unwritable_work_dir(tmp_path, monkeypatch):
    monkeypatch.setattr('os.access', lambda *args: False)
    with pytest.raises(PermissionError, match='--work-dir'):
        PreflightHook().before_run(runner(tmp_path))


def test_full_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: SimpleNamespace(free=1e6))
    with pytest.raises(OSError, match=r'only 0.00 GB are free.*at least 0.2 GB'):
        PreflightHook().before_run(runner(tmp_path))


def test_a_test_asks_only_for_the_checkpoint_it_tests(tmp_path, monkeypatch):
    """Where a model is evaluated, its pre-trained backbone and free space are not needed."""
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: SimpleNamespace(free=1e6))
    run = runner(tmp_path, None, dict(type='Pretrained', checkpoint='nowhere.pth'))
    run._train_loop = None
    PreflightHook().before_run(run)
    run._load_from = 'gone.pth'
    with pytest.raises(FileNotFoundError, match='load_from=gone.pth'):
        PreflightHook().before_run(run)


@pytest.mark.parametrize('dtype,times,warned', [
    ('bfloat16', 9., True), ('bfloat16', 0.6, False), ('float32', 9., False)])
def test_a_type_that_the_processor_lacks(tmp_path, monkeypatch, dtype, times, warned):
    said = []
    monkeypatch.setattr('udapose.engine.hooks.preflight_hook.print_log',
                        lambda message, **kwargs: said.append(message))
    monkeypatch.setattr('udapose.engine.hooks.preflight_hook.slowdown',
                        lambda dtype: dict(convolutions=times, products=times))
    run = runner(tmp_path)
    run.optim_wrapper = SimpleNamespace(cast_dtype=getattr(torch, dtype))
    PreflightHook().before_run(run)
    assert any('no instructions for bfloat16 (convolutions take 9 times as long as in float32, '
               'matrix products 9 times): train in float32' in s for s in said) == warned


@pytest.mark.parametrize('collate', [default_collate, partial(default_collate)])
def test_a_collate_function_that_cannot_stack_branches(tmp_path, collate):
    """A TypeError of torch.stack, deep in the loader."""
    run = runner(tmp_path)
    run.model.run_state = RunState()
    run._train_loop.dataloader = SimpleNamespace(collate_fn=collate)
    with pytest.raises(ValueError, match='collate_fn is default_collate.*leave it out'):
        PreflightHook().before_run(run)
    run._train_loop.dataloader = SimpleNamespace(collate_fn=partial(pseudo_collate))
    PreflightHook().before_run(run)


@pytest.mark.parametrize('constructor', ['LayerDecayOptimWrapperConstructor',
                                         LayerDecayOptimWrapperConstructor])
def test_layer_decay_that_a_prefix_switches_off(tmp_path, constructor):
    """As ViTPose's configs have it: every layer got the full rate, without a word."""
    run = runner(tmp_path)
    run.cfg = Config(dict(optim_wrapper=dict(constructor=constructor)))
    PreflightHook().before_run(run)  # a plain model
    run.model.plain_names = ('student', 'teacher')
    with pytest.raises(ValueError, match="they are student.backbone.*full learning rate.*construct"
                                         "or='PrefixedLayerDecayOptimWrapperConstructor'"):
        PreflightHook().before_run(run)
    for other in (f'Prefixed{LayerDecayOptimWrapperConstructor.__name__}', None):
        run.cfg = Config(dict(optim_wrapper=dict(constructor=other)))
        PreflightHook().before_run(run)


def test_resume_where_there_is_nothing_yet(tmp_path):
    """MMPose's train.py --resume empties load_from: random weights were adapted."""
    config = tmp_path / 'config.py'
    config.write_text("load_from = 'source.pth'")
    run = runner(tmp_path)
    run._resume, run.cfg = True, Config.fromfile(config)
    run.cfg.load_from = None  # what --resume does
    with pytest.raises(ValueError, match='--resume: work_dir .* holds no checkpoint.*forgets '
                                         'load_from=source.pth.*Leave out --resume'):
        PreflightHook().before_run(run)
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_1.pth'))
    PreflightHook().before_run(run)
    (tmp_path / 'last_checkpoint').unlink()
    config.write_text('load_from = None')  # trained from scratch
    PreflightHook().before_run(run)


@pytest.mark.parametrize('prefix,resume,refused', [
    ('', True, True), ('', False, False), ('student.', True, False),
    ('module.teacher.', True, False)])
def test_a_plain_checkpoint_is_no_run_to_resume(tmp_path, prefix, resume, refused):
    """Its 1200 iterations counted as done: the source model was exported as the adapted one."""
    run = runner(tmp_path, 'source.pth')
    run._resume, run._has_loaded, run.model.plain_names = resume, False, ('student', 'teacher')
    run.model.student = run.model.teacher = nn.Linear(1, 1)
    checkpoint = dict(state_dict={f'{prefix}backbone.weight': torch.zeros(1)})
    with pytest.raises(ValueError, match='resume=True, but source.pth is no checkpoint of this '
                                         'training.*load_from') if refused else nullcontext():
        PreflightHook().after_load_checkpoint(run, checkpoint)
