"""Sheets of attention: rows, places, and that training is not touched."""
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmpose.models import PoseDataPreprocessor
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import nn

from udapose.engine import AttentionVisualizationHook
from udapose.engine.hooks.attention_visualization_hook import overlay
from udapose.models import MultiBranchDataPreprocessor

VIT = dict(type='AttentionViT', img_size=32, patch_size=8, arch=dict(
    embed_dims=8, num_layers=2, num_heads=2, feedforward_channels=16))


def vit(looks_at, **kwargs):
    """A transformer whose last layer attends to one patch only."""
    model = MODELS.build({**VIT, **kwargs})
    model.init_weights()

    def steer(module, inputs, qkv):
        qkv = qkv.clone()
        qkv[..., :8], qkv[..., 8:16] = 1., 0.
        qkv[:, -16 + looks_at, 8:16] = 9.
        return qkv

    model.layers[-1].attn.qkv.register_forward_hook(steer)
    model.train()
    return model


def model_with(encoder, auxiliary=None, inner='pose_model'):
    model = nn.Module()
    model.data_preprocessor = MultiBranchDataPreprocessor(PoseDataPreprocessor())
    plain = nn.Module()
    plain.backbone = encoder
    setattr(model, inner, plain)
    model.plain_names = (inner,)
    if auxiliary is not None and inner == 'student':
        model.alignments = nn.ModuleDict(dict(attention=nn.Module()))
        model.alignments['attention'].encoder = auxiliary
    elif auxiliary is not None:
        model.auxiliary = auxiliary
    return model


def grey(n):
    return [torch.full((3, 32, 32), 100, dtype=torch.uint8) for _ in range(n)]


def samples(n):
    return [PoseDataSample() for _ in range(n)]


TWO_DOMAINS = dict(
    inputs=dict(source=[*grey(2), None], target_student=[None, None, *grey(1)]),
    data_samples=dict(source=[*samples(2), None], target_student=[None, None, *samples(1)]))


def run(model, folder, batch, interval=2, iterations=4, **kwargs):
    added = []
    runner = SimpleNamespace(
        model=model, work_dir=str(folder), iter=0, visualizer=SimpleNamespace(
            add_image=lambda name, image, step: added.append((name, image, step))))
    hook = AttentionVisualizationHook(interval=interval, scale=1, **kwargs)
    hook.before_train(runner)
    for runner.iter in range(iterations):
        hook.before_train_iter(runner, runner.iter, batch if runner.iter == 0 else None)
        hook.after_train_iter(runner, runner.iter, None)
    return added


def bright(tile):
    """Row and column of the patch with the most red."""
    red = tile[..., 0].astype(int) - tile[..., 2]
    patches = red.reshape(4, 8, 4, 8).mean((1, 3))
    return tuple(int(i) for i in np.unravel_index(patches.argmax(), patches.shape))


@pytest.mark.parametrize('inner', ['pose_model', 'student'])
def test_rows_of_both_domains_and_both_encoders(inner, tmp_path):
    model = model_with(vit(6), vit(9), inner)
    added = run(model, tmp_path, TWO_DOMAINS)
    assert [(name, step) for name, _, step in added] == [
        ('attention', 1), ('attention', 2), ('attention', 4)]
    sheet = added[0][1]
    assert sheet.shape == (6 * 32, 2 * 32, 3)
    tiles = sheet.reshape(6, 32, 2, 32, 3).transpose(0, 2, 1, 3, 4)
    for row, place in ((1, (1, 2)), (2, (2, 1)), (4, (1, 2)), (5, (2, 1))):
        assert bright(tiles[row, 0]) == place, row
    assert (tiles[0] == 100).all() and (tiles[3, 0] == 100).all()
    assert (tiles[3:, 1] == 0).all()  # one target image beside two source images
    saved = cv2.imread(str(tmp_path / 'vis_data/attention/iter_000004.png'))
    assert np.array_equal(saved[..., ::-1], added[2][1])


def test_without_class_token_and_with_a_plain_model(tmp_path):
    model = nn.Module()
    model.data_preprocessor, model.backbone = PoseDataPreprocessor(), vit(6, with_cls_token=False)
    added = run(model, tmp_path, dict(inputs=grey(3), data_samples=samples(3)), max_samples=2)
    sheet = added[0][1]
    assert sheet.shape == (2 * 32, 2 * 32, 3) and bright(sheet[32:, :32]) == (1, 2)


def test_training_is_not_touched(tmp_path):
    encoder, auxiliary = vit(6, drop_path_rate=0.5), vit(9).requires_grad_(False)
    auxiliary.eval()
    before, state = torch.get_rng_state(), {k: v.clone() for k, v in encoder.state_dict().items()}
    run(model_with(encoder, auxiliary), tmp_path, TWO_DOMAINS)
    assert torch.equal(before, torch.get_rng_state())
    assert encoder.training and not auxiliary.training
    assert all(p.grad is None for p in encoder.parameters())
    assert all(torch.equal(v, state[k]) for k, v in encoder.state_dict().items())


def test_overlay_has_the_maximum_where_the_heat_is():
    heat = np.zeros((4, 4), np.float32)
    heat[3, 0] = 1e-4
    image = overlay(np.full((32, 32, 3), 100, np.uint8), heat)
    assert image.dtype == np.uint8 and bright(image) == (3, 0)


def test_messages(tmp_path):
    with pytest.raises(ValueError, match="'received'"):
        AttentionVisualizationHook(mode='all')
    with pytest.raises(TypeError, match='ResNet has no self-attention'):
        run(model_with(MODELS.build(dict(type='ResNet', depth=18, base_channels=4,
                                         stem_channels=4))), tmp_path, TWO_DOMAINS)
    with pytest.raises(TypeError, match='has no backbone'):
        run(nn.Linear(1, 1), tmp_path, TWO_DOMAINS)
    with pytest.raises(ValueError, match=r'\[-2, 1\]'):
        run(model_with(vit(6)), tmp_path, TWO_DOMAINS, layer=4)
    with pytest.raises(ValueError, match='with_cls_token=True'):
        run(model_with(vit(6, with_cls_token=False)), tmp_path, TWO_DOMAINS, mode='class_token')
