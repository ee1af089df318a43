"""Plain products replace fused attention on CPUs only, and the result stays."""
import sys
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from mmpretrain.models.utils.attention import (
    MultiheadAttention,
    scaled_dot_product_attention_pyimpl,
)
from torch import nn

from udapose.engine import PlainAttentionHook
from udapose.engine.hooks import plain_attention_hook
from udapose.engine.hooks.plain_attention_hook import plain_attention

sys.path.insert(0, str(Path(__file__).parents[2] / 'tools/benchmark'))
import attention_cost  # noqa: E402
import attention_speed  # noqa: E402


def vit():
    return nn.Sequential(nn.Linear(8, 12), MultiheadAttention(12, 3), nn.ReLU(),
                         MultiheadAttention(12, 3, attn_drop=0.5))


def calls(model, x):
    """What the model computes, and the names of the operations that it takes."""
    with torch.profiler.profile() as profile:
        out = model(x)
    return out, {event.key for event in profile.key_averages()}


def test_cpu_models_take_plain_products():
    model, x = vit().eval(), torch.randn(2, 17, 8)
    out, names = calls(model, x)
    assert any('flash' in name for name in names)
    hook, runner = PlainAttentionHook(), SimpleNamespace(model=model)
    hook.before_run(runner)
    plain, names = calls(model, x)
    assert not any('scaled_dot_product' in name for name in names)
    torch.testing.assert_close(plain, out)
    assert not any('scaled_dot_product' in name for name in calls(deepcopy(model), x)[1])
    hook.after_run(runner)
    assert any('flash' in name for name in calls(model, x)[1])


@pytest.mark.parametrize('shape', [(17, 8), (2, 3, 17, 8), (1, 1, 8)])
def test_values_and_gradients_are_those_of_torch(shape):
    qkv = torch.randn(3, *shape, dtype=torch.double, requires_grad=True)
    weight = torch.randn(shape, dtype=torch.double)
    got, want = plain_attention(*qkv), F.scaled_dot_product_attention(*qkv)
    torch.testing.assert_close(got, want)
    torch.testing.assert_close(torch.autograd.grad((got * weight).sum(), qkv)[0],
                               torch.autograd.grad((want * weight).sum(), qkv)[0])


@pytest.mark.parametrize('size', [1., 4.])
def test_bfloat16_is_as_exact_as_the_products_of_mmpretrain(size):
    qkv = torch.randn(3, 2, 3, 65, 64) * size ** 0.5
    want, half = F.scaled_dot_product_attention(*qkv), qkv.bfloat16()
    with torch.autocast('cpu', torch.bfloat16):
        got, theirs = plain_attention(*half), scaled_dot_product_attention_pyimpl(*half)
    assert got.dtype == torch.bfloat16
    assert (got - want).norm() < 1.1 * (theirs - want).norm()


def test_dropout_keeps_the_mean():
    query, key = torch.zeros(2, 1000, 7, 4)
    value = torch.ones(1000, 7, 4)
    out = plain_attention(query, key, value, dropout_p=0.5)
    assert 0.95 < out.mean() < 1.05 and out.std() > 0.1
    assert plain_attention(query, key, value, dropout_p=0.).eq(1).all()


def test_other_devices_and_other_layers_keep_their_attention(monkeypatch):
    said = []
    monkeypatch.setattr(plain_attention_hook, 'print_log', lambda text, **_: said.append(text))
    model = vit().to('meta')
    hook = PlainAttentionHook()
    hook.before_run(SimpleNamespace(model=model))
    assert model[1].scaled_dot_product_attention is F.scaled_dot_product_attention
    hook.after_run(SimpleNamespace(model=model))
    own = MultiheadAttention(12, 3, qk_scale=0.5)  # mmpretrain's own products
    before = own.scaled_dot_product_attention
    hook.before_run(SimpleNamespace(model=own))
    assert own.scaled_dot_product_attention is before
    assert 'changes nothing' in said[-1]


def test_benchmark_writes_its_table(tmp_path):
    page = tmp_path / 'page.md'
    page.write_text('a\n{}\nold\n{}\nb\n'.format(*attention_speed.MARKS))
    result = attention_speed.main(['--rounds', '1', '--page', str(page)])
    assert len(result['fused_over_plain']) == 6
    text = page.read_text()
    assert 'old' not in text and '| 65 tokens, bfloat16 | ' in text


def test_cost_of_maps_writes_its_table(tmp_path):
    page = tmp_path / 'page.md'
    page.write_text('a\n{}\nold\n{}\nb\n'.format(*attention_cost.MARKS))
    result = attention_cost.main(['--rounds', '2', '--batch-size', '2', '--page', str(page)])
    assert len(result['ratio']) == 3 and all(
        0 < low <= median <= high for low, median, high in result['ratio'].values())
    text = page.read_text()
    assert 'old' not in text and '| `AttentionViT` | ' in text
