"""Attention regularization in real runs: pictures, checkpoint, resuming, export."""
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmpose.apis import init_model
from mmpose.registry import MODELS
from parts import tiny_config

NAME = 'mean_teacher/mean-teacher_synth-people_vit-tiny_64x64.py'


def config(data, work, iters, mae):
    """The estimator around the shipped config's plain model, on both domains."""
    cfg = tiny_config(NAME, data, work, iters)
    plain = cfg.model.pose_estimator.to_dict()
    plain['backbone']['init_cfg'] = dict(type='PretrainedViT', checkpoint=str(mae))
    cfg.model = dict(
        type='AttentionRegularizedPoseEstimator', pose_model=plain, on=('source', 'target'),
        loss=dict(type='AttentionRegularizationLoss', distance='kl'))
    cfg.custom_hooks = [dict(type='AverageBuffersHook'), dict(type='ExportTeacherHook'),
                        dict(type='AttentionVisualizationHook', interval=2, max_samples=2)]
    cfg.experiment_name = work.name
    return cfg


@pytest.fixture(scope='module', autouse=True)
def plain_config_text():
    """MMEngine formats the config several times a run, most of a tiny run's time."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ('yapf.yapflib.yapf_api', 'mmengine.config.config'):  # fork, official MMEngine
            patch.setattr(f'{name}.FormatCode', lambda text, **kwargs: (text, True), raising=False)
        yield


@pytest.fixture(scope='module')
def mae(tmp_path_factory):
    path = tmp_path_factory.mktemp('mae') / 'mae.pth'
    model = MODELS.build(dict(type='AttentionViT', img_size=64, patch_size=8, arch=dict(
        embed_dims=24, num_layers=2, num_heads=3, feedforward_channels=48)))
    model.init_weights()
    torch.save(dict(state_dict={f'backbone.{k}': v for k, v in model.state_dict().items()}), path)
    return path


@pytest.fixture(scope='module')
def trained(tiny_people, mae, tmp_path_factory):
    runner = Runner.from_cfg(config(tiny_people, tmp_path_factory.mktemp('attention'), 4, mae))
    runner.train()
    return runner


def test_the_auxiliary_stays_and_the_encoder_moves(trained, mae):
    start = {k.removeprefix('backbone.'): v
             for k, v in torch.load(mae, weights_only=True)['state_dict'].items()}
    model = trained.model
    moved = [k for k, v in model.pose_model.backbone.state_dict().items()
             if not torch.equal(v, start[k])]
    assert moved
    assert all(torch.equal(v, start[k]) for k, v in model.auxiliary.state_dict().items())
    grouped = {n for g in trained.optim_wrapper.optimizer.param_groups
               for n in g['param_names']}
    assert grouped == {f'pose_model.{n}' for n, _ in model.pose_model.named_parameters()}
    for domain in ('source', 'target'):
        values = trained.message_hub.get_scalar(f'train/loss_attention_{domain}').data[0]
        assert values[0] == pytest.approx(0, abs=1e-6) and values[-1] > 0
    assert {p.name for p in Path(trained.work_dir).rglob('vis_data/attention/*.png')} == {
        'iter_000001.png', 'iter_000002.png', 'iter_000004.png'}


def test_resuming_continues_with_the_same_auxiliary(trained, tiny_people, mae, tmp_path):
    """Even if the pre-training's file has changed since."""
    other = torch.load(mae, weights_only=True)
    other['state_dict'] = {k: v + 1 for k, v in other['state_dict'].items()}
    torch.save(other, tmp_path / 'changed.pth')
    cfg = config(tiny_people, tmp_path / 'work', 5, tmp_path / 'changed.pth')
    cfg.load_from, cfg.resume = f'{trained.work_dir}/iter_4.pth', True
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert runner.iter == 5
    for key, value in trained.model.auxiliary.state_dict().items():
        assert torch.equal(runner.model.auxiliary.state_dict()[key], value), key


def test_the_export_needs_only_stock_models(trained):
    folder = f'{trained.work_dir}/exported'
    cfg = Config.fromfile(f'{folder}/config.py')
    assert cfg.model.backbone.type == 'mmpretrain.VisionTransformer'
    assert 'attention_layers' not in cfg.model.backbone and 'custom_imports' not in cfg
    saved = torch.load(f'{folder}/model.pth', weights_only=False)['state_dict']
    assert not any('auxiliary' in k or 'pose_model' in k for k in saved)
    plain = init_model(cfg, f'{folder}/model.pth', device='cpu')
    plain.load_state_dict(saved, strict=True)
    images = torch.randn(2, 3, 64, 64)
    ours = trained.model.eval()
    with torch.no_grad():
        np.testing.assert_allclose(plain(images, None, mode='tensor'),
                                   ours(images, None, mode='tensor'), atol=1e-5)
