"""A model that forgets its labels while all losses stay finite."""
import json
from types import SimpleNamespace

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.logging import MessageHub
from mmengine.runner import Runner
from runs import PEOPLE, ROOT, tiny_config

from udapose.engine import RisingLossHook


@pytest.fixture
def said(monkeypatch):
    lines = []
    monkeypatch.setattr('udapose.engine.hooks.rising_loss_hook.print_log',
                        lambda text, **kwargs: lines.append(text))
    return lines


def feed(hook, values, key='loss_kpt', hub=None, resume=False):
    """Log values one by one, as MMEngine does; none where a value is None."""
    hub = hub or MessageHub(f'rising {id(values)}')
    runner = SimpleNamespace(message_hub=hub, _resume=resume, iter=0)
    for runner.iter, value in enumerate(values):
        outputs = {} if value is None else {key: value}
        hub.update_scalars({f'train/{name}': logged for name, logged in outputs.items()})
        hook.after_train_iter(runner, 0, outputs=outputs)
    return runner


def test_a_loss_that_doubles_is_said_once_and_again_when_it_gets_worse(said):
    hook = RisingLossHook(first=2, window=4)
    runner = feed(hook, [1., 1.] + 4 * [0.5] + 4 * [0.64])  # lowest 0.5; 1.28 times
    assert not said
    feed(hook, 4 * [1.], hub=runner.message_hub)
    assert len(said) == 1
    assert 'loss_kpt has risen to 1 (mean of the last 4 iterations), 2.0 times its lowest ' \
        'mean (0.5, iteration 6)' in said[0]
    feed(hook, 4 * [1.2], hub=runner.message_hub)
    assert len(said) == 1
    feed(hook, 4 * [1.4], hub=runner.message_hub)
    assert len(said) == 2 and '2.8 times' in said[1]


def test_what_falls_or_is_no_such_loss_is_not_said(said):
    feed(RisingLossHook(first=2, window=4), [100 * 0.9 ** i for i in range(50)])
    feed(RisingLossHook(first=2, window=4), [1., 1.] + 20 * [5.], key='loss_consistency')
    feed(RisingLossHook(first=2, window=4), [-2., -2.] + 8 * [-1.] + 8 * [3.])  # RLE's likelihood
    assert not said


def test_a_loss_that_rises_again_after_a_recovery_is_said_again(said):
    feed(RisingLossHook(first=2, window=4), [1., 1.] + 4 * [2.] + 4 * [0.9] + 4 * [1.9])
    assert len(said) == 2 and '2.1 times' in said[1]


@pytest.mark.parametrize('spread,rise', [(0.2, 1.5), (0.6, 2.5), (1., 4.)])
def test_a_loss_that_jumps_is_no_rise_and_a_rise_is_found_in_it(said, spread, rise):
    """Of batches of a few images: the same model for long, then one that is wrong."""
    draw = np.random.default_rng(0).gamma(spread ** -2, spread ** 2, 20_000)
    hook = RisingLossHook()
    hub = feed(hook, draw[:-200]).message_hub
    assert not said
    feed(hook, rise * draw[-200:], hub=hub)
    assert said


@pytest.mark.parametrize('kept', [6, 10])
def test_a_model_that_is_lost_in_the_first_iterations(said, kept):
    """The first mean may have part of the rise: a step is no noise."""
    draw = np.random.default_rng(0).gamma(0.15 ** -2, 0.15 ** 2, 110)
    feed(RisingLossHook(), draw * np.where(np.arange(110) < kept, 1, 2.5))
    assert said


def test_iterations_without_the_loss_do_not_count(said):
    """Of a model with labels in every other batch, say."""
    hook = RisingLossHook(first=2, window=4)
    hub = feed(hook, [1., None, 1., None] + [2., None] * 3).message_hub
    assert not said, 'a mean of two iterations'
    feed(hook, [None, 2.], hub=hub)
    assert len(said) == 1


def test_a_loss_that_is_no_number_is_not_compared_with(said):
    feed(RisingLossHook(first=2, window=2), [float('nan')] * 2 + [1., 1.] + [float('inf'), 1.]
         + [2., 2.])
    assert len(said) == 1 and '2.0 times' in said[0]


def test_another_loss_and_factor(said):
    feed(RisingLossHook('loss_bone', factor=3., first=1, window=1), [1., 2.9, 3.1], 'loss_bone')
    assert len(said) == 1 and said[0].startswith('loss_bone has risen to 3.1')


def test_the_lowest_mean_survives_a_resume(said):
    hook, checkpoint = RisingLossHook(first=2, window=4), {}
    runner = feed(hook, 2 * [0.5])
    hook.before_save_checkpoint(runner, checkpoint)
    for resume, warnings in ((False, 0), (True, 1)):
        after = RisingLossHook(first=2, window=4)
        after.after_load_checkpoint(SimpleNamespace(_resume=resume), checkpoint)
        feed(after, 4 * [1.])
        assert len(said) == warnings
    after.after_load_checkpoint(SimpleNamespace(_resume=True), {})  # of an older version
    after = RisingLossHook(factor=3., first=2, window=4)  # who finds the warning too early
    after.after_load_checkpoint(SimpleNamespace(_resume=True), checkpoint)
    feed(after, 4 * [1.4])
    assert len(said) == 1
    feed(after, 4 * [1.6])
    assert len(said) == 2


def test_bad_settings():
    for options in (dict(factor=1.), dict(first=0), dict(window=0), dict(factor=float('nan'))):
        with pytest.raises(ValueError, match='RisingLossHook: factor='):
            RisingLossHook(**options)


class NewRate(Hook):
    """Another learning rate from iteration 30 on."""

    def __init__(self, lr):
        self.lr = lr

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == 30:
            runner.optim_wrapper.param_groups[0]['lr'] = self.lr


@pytest.mark.parametrize('lr,warns', [(5e-4, False), (0.3, True)])
def test_a_real_run(tiny_people, tmp_path, said, lr, warns):
    """The hook of the shipped configs; then a rate that ruins the model, or none such."""
    cfg = tiny_config(f'source_only/source-only_{PEOPLE}.py', tiny_people, tmp_path, 60)
    hook = cfg.default_hooks.rising_loss
    assert hook.type == 'RisingLossHook'
    cfg.default_hooks.rising_loss = dict(hook, first=10, window=10)
    cfg.merge_from_dict(dict(param_scheduler=[], train_cfg=dict(val_interval=1000)))
    cfg.optim_wrapper.optimizer.lr = 5e-4
    runner = Runner.from_cfg(cfg)
    runner.register_hook(NewRate(lr))
    runner.train()
    assert bool(said) == warns


def test_shipped_configs_have_it():
    paths = [path for path in sorted((ROOT / 'configs').glob('*/*.py'))
             if path.parent.name != '_base_' and 'default_hooks' in path.read_text()]
    assert paths
    assert not [path.name for path in paths if 'RisingLossHook' not in json.dumps(
        Config.fromfile(path).get('default_hooks', {}))]
