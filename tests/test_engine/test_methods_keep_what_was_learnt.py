"""Every method, with the settings of its config, on a model that has learnt the source.

A config that builds and takes a step may still ruin the model in fifty: a loss of another scale, a
step size that the optimizer cannot take. Two did, for weeks (CHANGELOG: RegDA, HamiPose).
"""
import copy

import pytest
import torch
from mmengine.runner import Runner
from runs import PEOPLE, tiny_config

METHODS = [f'{folder}/{name}_{PEOPLE}{end}.py' for folder, name, end in (
    ('source_only', 'source-only-continued', ''), ('dann', 'dann', ''),
    ('mean_teacher', 'mean-teacher', ''), ('mic', 'mic', ''), ('regda', 'regda', ''),
    ('hamipose', 'hamipose', ''), ('hamipose', 'hamipose', '_adam'), ('uniframe', 'uniframe', ''),
    ('style_only', 'style-only-continued', ''), ('multilevel_alignment', 'multilevel', ''),
    ('multilevel_alignment', 'multilevel', '_published'), ('source_free', 'source-free', ''),
    ('oracle', 'oracle', ''))]
STEPS = 50


def config(name, data, work_dir, iters, load_from=None):
    cfg = tiny_config(name, data, work_dir, iters, batch_size=16)
    plain = cfg.model.get('pose_estimator', cfg.model)
    plain.backbone.update(base_channels=16, stem_channels=16)
    plain.head.update(in_channels=128, deconv_out_channels=(32, 32, 32, 32))
    for term in filter(None, cfg.model.get('alignments', {}).values()):
        if 'discriminator' in term:
            term.discriminator.in_channels = 128 if term.feature == 'backbone.layer4' else 32
        if 'head' in term:
            term.head.in_channels = 32
    cfg.merge_from_dict(dict(
        load_from=load_from, param_scheduler=[], randomness=dict(seed=0),  # the full step size
        default_hooks=dict(logger=dict(interval=100)), train_cfg=dict(val_interval=10000)))
    for hook in cfg.custom_hooks:  # no pictures, no exports
        hook.pop('vis_interval', None)
    return cfg


@pytest.fixture(scope='module')
def source_model(tiny_people, tmp_path_factory):
    """A checkpoint that is good at the few training images, a batch of them, two losses."""
    folder = tmp_path_factory.mktemp('source')
    cfg = config(f'source_only/source-only_{PEOPLE}.py', tiny_people, folder, 300)
    cfg.optim_wrapper.optimizer.lr = 2e-3
    runner = Runner.from_cfg(cfg)
    batch = next(iter(runner.build_dataloader(cfg.train_dataloader)))
    runner.train()
    learnt = source_loss(runner.model, batch)
    judge = copy.deepcopy(runner.model)
    torch.nn.init.zeros_(runner.model.head.final_layer.weight)
    torch.nn.init.zeros_(runner.model.head.final_layer.bias)
    nothing = source_loss(runner.model, batch)  # of empty heatmaps
    assert learnt < 0.65 * nothing
    return str(folder / 'iter_300.pth'), judge, batch, learnt, nothing


@torch.no_grad()
def source_loss(model, batch):
    """The plain model's loss on labelled source images, as it would predict."""
    model = copy.deepcopy(model).eval()
    losses = model(**model.data_preprocessor(copy.deepcopy(batch), False), mode='loss')
    return float(losses['loss_kpt'])


@pytest.mark.parametrize('name', METHODS)
def test_fifty_steps_leave_the_source(name, source_model, tiny_people, tmp_path):
    checkpoint, judge, batch, learnt, nothing = source_model
    cfg = config(name, tiny_people, tmp_path / 'work', STEPS, checkpoint)
    runner = Runner.from_cfg(cfg)
    runner.train()
    judge.load_state_dict(getattr(runner.model, 'student', runner.model).state_dict())
    after = source_loss(judge, batch)
    lost = (after - learnt) / (nothing - learnt)
    # sound settings: 0.16 and less; RegDA as it was 0.4, HamiPose at 1e-3 0.9
    assert lost < 0.3
