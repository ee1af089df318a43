"""The maps are the attention that the network uses, and nothing changes when they are taken."""
import math

import pytest
import torch
from mmpose.registry import MODELS
from torch.nn import functional as F

from udapose.models.utils.attention_maps import attention_heat, attention_maps, resolve_layers

ARCH = dict(embed_dims=24, num_layers=3, num_heads=3, feedforward_channels=48)


def vit(kind='AttentionViT', **kwargs):
    torch.manual_seed(0)
    model = MODELS.build({**dict(type=kind, arch=ARCH, img_size=32, patch_size=8,
                                 out_type='featmap'), **kwargs})
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.3)
    model.eval()
    return model


def explicit(model, images, layer):
    """Softmax(Q K^T / sqrt(d)) by loops over images, heads and queries; independent of hooks."""
    x, grid = model.patch_embed(images)
    if model.cls_token is not None:
        x = torch.cat([model.cls_token.expand(len(x), -1, -1), x], 1)
    x = model.pre_norm(x + model.pos_embed)
    for block in model.layers[:layer]:
        x = block(x)
    attn = model.layers[layer].attn
    projected = F.linear(model.layers[layer].ln1(x), attn.qkv.weight, attn.qkv.bias)
    width = ARCH['embed_dims'] // ARCH['num_heads']
    maps = torch.zeros(len(x), ARCH['num_heads'], x.shape[1], x.shape[1])
    for n in range(len(x)):
        for h in range(ARCH['num_heads']):
            q = projected[n, :, h * width:(h + 1) * width]
            k = projected[n, :, ARCH['embed_dims'] + h * width:][:, :width]
            for i in range(len(q)):
                maps[n, h, i] = torch.softmax(k @ q[i] / math.sqrt(width), 0)
    return maps


@pytest.mark.parametrize('kwargs', [
    {}, dict(with_cls_token=False), dict(img_size=(32, 16), qkv_bias=False)])
def test_maps_equal_explicit_attention(kwargs):
    model = vit(**kwargs, attention_layers=(1, -1))
    images = torch.randn(2, 3, *model.img_size)
    features, maps = model(images, return_attention=True)
    assert list(maps) == [1, 2]
    for layer, attention in maps.items():
        assert (attention - explicit(model, images, layer)).abs().max() < 1e-5
    assert features[0].shape == (2, 24, model.img_size[0] // 8, model.img_size[1] // 8)
    spread = maps[2].amax(-1).mean()  # not the uniform map, which many mistakes would give, too
    assert spread > 1.3 / maps[2].shape[-1]


def test_output_and_state_dict_are_mmpretrains():
    ours, stock = vit(), vit('mmpretrain.VisionTransformer')
    stock.load_state_dict(ours.state_dict(), strict=True)
    images = torch.randn(2, 3, 32, 32)
    plain, = ours(images)
    (asked,), _ = ours(images, return_attention=True)
    assert torch.equal(plain, stock(images)[0]) and torch.equal(plain, asked)


def test_no_cost_when_not_asked_and_fused_attention_everywhere(monkeypatch):
    """Fused attention runs in every layer, asked or not; no hook stays behind."""
    model, images, softmaxes, fused = vit(), torch.randn(1, 3, 32, 32), [], []
    real_softmax, real_fused = torch.Tensor.softmax, F.scaled_dot_product_attention
    monkeypatch.setattr(torch.Tensor, 'softmax',
                        lambda *a, **k: softmaxes.append(1) or real_softmax(*a, **k))
    for block in model.layers:
        monkeypatch.setattr(block.attn, 'scaled_dot_product_attention',
                            lambda *a, **k: fused.append(1) or real_fused(*a, **k))
    model(images, return_attention=True)
    assert len(softmaxes) == 1 and len(fused) == 3
    model(images)
    assert len(softmaxes) == 1 and len(fused) == 6
    assert not any(m._forward_hooks for m in model.modules())


def test_hooks_are_removed_after_an_error():
    model = vit()
    with pytest.raises(RuntimeError, match='stop'), attention_maps(model, [-1]):
        raise RuntimeError('stop')
    assert not any(m._forward_hooks for m in model.modules())


def test_gradients_flow_through_the_maps():
    """Against a finite difference in one weight of the first layer."""
    model = vit().double()
    images = torch.randn(1, 3, 32, 32).double()
    target = torch.rand(17, dtype=torch.double)

    def value():
        _, maps = model(images, return_attention=True)
        return (maps[2][0, 1, 3] * target.float()).sum()

    # in float32 maps a small step drowns in rounding, so a large one and a loose bound
    weight = model.layers[0].attn.qkv.weight
    gradient, = torch.autograd.grad(value(), weight)
    index = gradient.abs().argmax()
    step = 1e-3
    with torch.no_grad():
        flat = weight.view(-1)
        flat[index] += step
        above = value()
        flat[index] -= 2 * step
        below = value()
    found = ((above - below) / (2 * step)).item()
    assert gradient.view(-1)[index].item() == pytest.approx(found, rel=0.02)
    assert abs(found) > 1e-3


def test_class_token_row_and_half_precision():
    model, images = vit(), torch.randn(2, 3, 32, 32)
    with attention_maps(model, [-1]) as full, attention_maps(model, [-1], True) as row:
        model(images)
    assert row[2].shape == (2, 3, 1, 17)
    torch.testing.assert_close(row[2], full[2][:, :, :1])
    with torch.autocast('cpu', torch.bfloat16), attention_maps(model, [-1]) as half:
        model(images)
    assert half[2].dtype == torch.float32
    torch.testing.assert_close(half[2].sum(-1), torch.ones(2, 3, 17))
    assert (half[2] - full[2]).abs().max() < 0.1


@pytest.mark.parametrize('kwargs', [{}, dict(with_cls_token=False)])
def test_heat_looks_where_attention_was_put(kwargs):
    """Keys of one patch are made to match every query."""
    model = vit(img_size=(32, 48), **kwargs)
    mode = 'received' if kwargs else 'class_token'
    images = torch.randn(2, 3, 32, 48)

    def steer(module, inputs, qkv):
        qkv = qkv.clone()
        qkv[..., :24], qkv[..., 24:48] = 1., 0.
        qkv[0, -24 + 7, 24:48] = 3.  # patch 7 = row 1, column 1 of 4 x 6
        qkv[1, -24 + 0, 24:48] = 3.
        return qkv

    model.layers[-1].attn.qkv.register_forward_hook(steer)
    heat = attention_heat(model, images, mode=mode)
    assert heat.shape == (2, 4, 6)
    assert heat[0].argmax() == 7 and heat[1].argmax() == 0
    torch.testing.assert_close(heat.sum((1, 2)), torch.ones(2))


def test_heat_follows_what_the_head_sees():
    """The last layer's class token is part of the output, or nothing trains its row."""
    images = torch.randn(2, 3, 32, 32)
    for out_type, mode in (('featmap', 'received'), ('cls_token', 'class_token')):
        model = vit(out_type=out_type)
        heat = attention_heat(model, images)
        torch.testing.assert_close(heat, attention_heat(model, images, mode=mode))
    model = vit()
    before, row = model(images)[0], attention_heat(model, images, mode='class_token')

    def other_query(module, inputs, qkv):
        return torch.cat([torch.cat([qkv[:, :1, :24] + 1., qkv[:, :1, 24:]], -1), qkv[:, 1:]], 1)

    model.layers[-1].attn.qkv.register_forward_hook(other_query)
    assert torch.equal(model(images)[0], before)  # the class token's row plays no part
    assert not torch.equal(attention_heat(model, images, mode='class_token'), row)


def test_heat_of_a_masked_autoencoders_encoder():
    model = vit('mmpretrain.MAEViT', out_type='raw')
    assert attention_heat(model, torch.randn(1, 3, 32, 32)).shape == (1, 4, 4)


@pytest.mark.parametrize('layers', [[3], [-4], [0, -3], []])
def test_layers_that_do_not_exist(layers):
    with pytest.raises(ValueError, match=r'\[-3, 2\]'):
        vit(attention_layers=layers)


def test_messages():
    resnet = MODELS.build(dict(type='ResNet', depth=18))
    with pytest.raises(TypeError, match='ResNet.*AttentionViT'):
        resolve_layers(resnet, [-1])
    with pytest.raises(ValueError, match='with_cls_token=True'), \
            attention_maps(vit(with_cls_token=False), [-1], class_token_only=True):
        pass
    with pytest.raises(ValueError, match="'received'"):
        attention_heat(vit(), torch.zeros(1, 3, 32, 32), mode='some')


@pytest.mark.parametrize('token', [True, False])
def test_sincos_start_is_maes_and_a_checkpoint_still_wins(token, tmp_path):
    arch = dict(embed_dims=16, num_layers=1, num_heads=2, feedforward_channels=16)

    def build(**kwargs):
        model = MODELS.build(dict(type='AttentionViT', arch=arch, img_size=(16, 24), patch_size=8,
                                  with_cls_token=token, **kwargs))
        model.init_weights()
        return model
    expected = MODELS.build(dict(type='MaskedViT', arch=arch, img_size=(16, 24), patch_size=8))
    expected.init_weights()
    model = build(position_init='sincos')
    torch.testing.assert_close(model.pos_embed.data, expected.pos_embed.data[:, 0 if token else 1:])
    assert model.pos_embed.requires_grad
    trained = build()
    path = str(tmp_path / 'vit.pth')
    torch.save({f'backbone.{k}': v for k, v in trained.state_dict().items()}, path)
    loaded = build(position_init='sincos', init_cfg=dict(type='PretrainedViT', checkpoint=path))
    torch.testing.assert_close(loaded.pos_embed, trained.pos_embed)
    with pytest.raises(ValueError, match="position_init='learned'"):
        build(position_init='learned')
