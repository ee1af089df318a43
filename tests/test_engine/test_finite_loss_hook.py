"""A loss that is no longer a number stops the run."""
import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import Dataset

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from runs import tiny_config  # noqa: E402

from udapose.engine import FiniteLossHook  # noqa: E402

CONFIGS = sorted(p for p in (Path(__file__).resolve().parents[2] / 'configs').glob('*/*.py')
                 if p.parent.name != '_base_')


class Numbers(Dataset):
    def __len__(self):
        return 64

    def __getitem__(self, index):
        return dict(inputs=torch.ones(2))


class Model(BaseModel):
    """Three terms; ``loss_bad`` is NaN from iteration ``since`` on."""

    def __init__(self, since):
        super().__init__()
        self.linear, self.since, self.count = nn.Linear(2, 1), since, 0

    def forward(self, inputs, mode='tensor'):
        out = self.linear(inputs).mean()
        bad = out * (torch.nan if self.count >= self.since else 1)
        self.count += 1
        return dict(loss_good=out * 1, loss_bad=bad, acc_empty=torch.tensor(torch.nan))


def runner(folder, since, resume=False):
    return Runner(
        Model(since), str(folder), train_dataloader=dict(
            dataset=Numbers(), batch_size=2, num_workers=0,
            collate_fn=dict(type='default_collate'),
            sampler=dict(type='InfiniteSampler', shuffle=False)),
        train_cfg=dict(by_epoch=False, max_iters=6), resume=resume,
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        default_hooks=dict(finite_loss=dict(type='mmpose.FiniteLossHook'),
                           checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=1)),
        experiment_name=str(folder).replace('/', '_') + str(resume), log_level='ERROR')


def test_a_run_stops_before_it_saves_anything_and_names_the_term(tmp_path):
    run = runner(tmp_path, since=3)
    with pytest.raises(FloatingPointError, match=(
            r'^loss_bad is nan in iteration 4: .*lower learning rate.*behind loss_bad.*'
            r'udapose check-data')):
        run.train()
    saved = [torch.load(p, weights_only=False)['state_dict'] for p in tmp_path.glob('iter_*.pth')]
    assert len(saved) == 3
    assert all(torch.isfinite(v).all() for state in saved for v in state.values())
    # resumed from the last of them without the cause it goes on to the end
    again = runner(tmp_path, since=99, resume=True)
    assert again.train() is not None and again.iter == 6


@pytest.mark.parametrize('null', ['unlabelled', 'none'])
def test_a_3d_run_on_labels_with_null(null, tiny_people, tmp_path):
    """From the file to the weights: one unlabelled joint made all of them NaN."""
    data = tmp_path / 'data'
    shutil.copytree(tiny_people, data)
    path = data / 'source/annotations/train.json'
    content = json.loads(path.read_text())
    for ann in content['annotations'] if null == 'unlabelled' else ():
        ann['keypoints'][3 * 5:3 * 5 + 3] = [0, 0, 0]
        ann['keypoints_3d'][5] = None
    path.write_text(json.dumps(content))
    cfg = tiny_config('masked_reconstruction/scratch_synth-people_vit-tiny_64x64.py', data,
                      tmp_path / 'run')
    run = Runner.from_cfg(cfg)
    run.train()
    assert any(isinstance(h, FiniteLossHook) for h in run.hooks)
    assert all(torch.isfinite(v).all() for v in run.model.state_dict().values())


def test_other_values_than_losses_may_be_nan(tmp_path):
    run = runner(tmp_path, since=99)
    run.train()
    assert run.iter == 6


class Unreadable:
    """Reading it would wait for the device."""

    def __float__(self):
        raise AssertionError('read')


def fake(values, scaler=None, name='fake'):
    hub = MessageHub(name)
    for key, value in values.items():
        hub.update_scalar(f'train/{key}', value)
    wrapper = SimpleNamespace() if scaler is None else SimpleNamespace(
        loss_scaler=SimpleNamespace(is_enabled=lambda: scaler))
    return SimpleNamespace(message_hub=hub, iter=6, optim_wrapper=wrapper)


def test_nothing_is_read_from_the_device():
    outputs = dict(loss=Unreadable(), loss_a=Unreadable())
    FiniteLossHook().after_train_iter(fake(dict(loss=1., loss_a=1.)), 0, outputs=outputs)
    with pytest.raises(FloatingPointError, match='^loss is inf in iteration 7'):
        FiniteLossHook().after_train_iter(fake(dict(loss=float('inf'), loss_a=1.)), 0,
                                          outputs=outputs)


def test_a_loss_of_an_earlier_iteration_does_not_count():
    """The log keeps the terms of the first phase, or of before a resume."""
    run = fake(dict(loss=1., loss_old=float('nan')))
    FiniteLossHook().after_train_iter(run, 0, outputs=dict(loss=Unreadable()))


def test_a_loss_scaler_may_leave_out_steps_but_not_for_ever(caplog):
    outputs = dict(loss=Unreadable())
    run, good = fake(dict(loss=float('nan')), scaler=True), fake(dict(loss=1.), scaler=True)
    hook = FiniteLossHook(max_skipped=3)
    for r in (run, run, good, run, run):
        hook.after_train_iter(r, 0, outputs=outputs)
    with pytest.raises(FloatingPointError, match='loss is nan'):
        hook.after_train_iter(run, 0, outputs=outputs)
    with pytest.raises(FloatingPointError):  # a disabled one, as on a CPU, leaves out nothing
        FiniteLossHook().after_train_iter(fake(dict(loss=float('nan')), scaler=False), 0,
                                          outputs=outputs)
    with pytest.raises(ValueError, match='max_skipped=0'):
        FiniteLossHook(max_skipped=0)


def test_shipped_configs_have_it():
    """The first of each folder, and all that touch default_hooks (loading one takes 0.2 s)."""
    first = {p.parent: p for p in reversed(CONFIGS)}.values()
    chosen = [p for p in CONFIGS if p in first or 'default_hooks' in p.read_text()]
    assert len(chosen) > 15
    without = [p.name for p in chosen if 'FiniteLossHook' not in json.dumps(
        Config.fromfile(p).get('default_hooks', {}))]
    assert not without
