"""Fused attention is switched off on CPUs only, and the result stays."""
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from udapose.engine import PlainAttentionHook

sys.path.insert(0, str(Path(__file__).parents[2] / 'tools/benchmark'))
import attention_cost  # noqa: E402
import attention_speed  # noqa: E402


@pytest.fixture(autouse=True)
def fused():
    before = torch.backends.cuda.flash_sdp_enabled()
    torch.backends.cuda.enable_flash_sdp(True)
    yield
    torch.backends.cuda.enable_flash_sdp(before)


def kernels(qkv):
    with torch.profiler.profile() as profile:
        out = F.scaled_dot_product_attention(*qkv)
    return out, {event.key for event in profile.key_averages()}


def test_cpu_models_take_the_plain_kernel():
    qkv = torch.randn(3, 2, 3, 17, 8)
    out, names = kernels(qkv)
    assert any('flash' in name for name in names)
    hook, runner = PlainAttentionHook(), SimpleNamespace(model=nn.Linear(2, 2))
    hook.before_run(runner)
    plain, names = kernels(qkv)
    assert not any('flash' in name for name in names)
    torch.testing.assert_close(plain, out)
    hook.after_run(runner)
    assert torch.backends.cuda.flash_sdp_enabled()


def test_other_devices_keep_the_fused_kernel():
    hook, runner = PlainAttentionHook(), SimpleNamespace(model=nn.Linear(2, 2, device='meta'))
    hook.before_run(runner)
    assert torch.backends.cuda.flash_sdp_enabled()
    torch.backends.cuda.enable_flash_sdp(False)
    hook.after_run(runner)  # somebody else's choice stays
    assert not torch.backends.cuda.flash_sdp_enabled()


def test_benchmark_writes_its_table(tmp_path):
    page = tmp_path / 'page.md'
    page.write_text('a\n{}\nold\n{}\nb\n'.format(*attention_speed.MARKS))
    result = attention_speed.main(['--rounds', '1', '--page', str(page)])
    assert len(result['fused_over_plain']) == 4
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
