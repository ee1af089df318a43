"""Layer decay under a prefix equals MMPose's on the plain model."""
import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from mmpose.registry import MODELS
from torch import nn


@pytest.fixture(autouse=True)
def scope():
    """As in a run, so that MMEngine finds what is registered in MMPose."""
    with DefaultScope.overwrite_default_scope('mmpose'):
        yield


class Pair(nn.Module):
    def __init__(self, plain):
        super().__init__()
        self.student = plain
        self.teacher = nn.Linear(2, 2).requires_grad_(False)


def vit():
    torch.manual_seed(0)
    backbone = MODELS.build(dict(
        type='mmpretrain.VisionTransformer', arch=dict(
            embed_dims=16, num_layers=3, num_heads=2, feedforward_channels=32),
        img_size=(32, 32), patch_size=16, out_type='featmap', with_cls_token=False))
    model = nn.Module()
    model.backbone, model.head = backbone, nn.Conv2d(16, 4, 1)
    return model


def wrapper(model, kind, num_layers=3, **paramwise):
    return build_optim_wrapper(model, dict(
        type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.1),
        constructor=kind,
        paramwise_cfg=dict(num_layers=num_layers, layer_decay_rate=0.5, **paramwise)))


def table(optim):
    return {name: (g['lr'], g['weight_decay']) for g in optim.optimizer.param_groups
            for name in g['param_names']}


def test_same_rates_as_the_stock_constructor_without_prefix():
    expected = table(wrapper(vit(), 'LayerDecayOptimWrapperConstructor'))
    found = table(wrapper(Pair(vit()), 'PrefixedLayerDecayOptimWrapperConstructor'))
    assert {k.removeprefix('student.'): v for k, v in found.items()} == expected
    assert len({lr for lr, _ in expected.values()}) == 5  # 3 layers, embedding, head


def test_the_stock_constructor_is_off_under_a_prefix():
    """The reason why ours exists."""
    rates = {lr for lr, _ in table(wrapper(Pair(vit()), 'LayerDecayOptimWrapperConstructor')
                                   ).values()}
    assert rates == {1e-3}


def test_frozen_parameters_are_left_out_and_custom_keys_apply():
    found = table(wrapper(Pair(vit()), 'PrefixedLayerDecayOptimWrapperConstructor',
                          custom_keys={'head': dict(lr_mult=10., decay_mult=0.)}))
    assert not any(name.startswith('teacher') for name in found)
    assert found['student.head.weight'] == (pytest.approx(1e-2), 0.)


def test_prefix_of_a_wrapped_model():
    wrapped = nn.Module()
    wrapped.module = Pair(vit())
    found = table(wrapper(wrapped, 'PrefixedLayerDecayOptimWrapperConstructor'))
    bare = table(wrapper(Pair(vit()), 'PrefixedLayerDecayOptimWrapperConstructor'))
    assert {k.removeprefix('module.'): v for k, v in found.items()} == bare


def test_messages():
    with pytest.raises(ValueError, match='student.backbone.layers.2.*layer 2, .*num_layers=2'):
        wrapper(Pair(vit()), 'PrefixedLayerDecayOptimWrapperConstructor', num_layers=2)
    with pytest.raises(ValueError, match='no vision transformer'):
        wrapper(Pair(nn.Linear(2, 2)), 'PrefixedLayerDecayOptimWrapperConstructor')
    with pytest.raises(KeyError, match='num_layers'):
        build_optim_wrapper(vit(), dict(
            type='OptimWrapper', optimizer=dict(type='Adam', lr=1.), paramwise_cfg={},
            constructor='PrefixedLayerDecayOptimWrapperConstructor'))
