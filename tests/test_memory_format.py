"""The benchmark of memory formats: the same step twice, a ratio, a table."""
import json
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / 'tools/benchmark')]
import memory_format  # noqa: E402


def test_result_and_page(tmp_path):
    page = tmp_path / 'page.md'
    page.write_text('\n'.join(memory_format.MARKS))
    result = memory_format.main([
        '--models', 'MobileNetV2', '--size', '64', '--batch', '4', '--rounds', '1', '--out',
        str(tmp_path / 'x.json'), '--page', str(page), '--device', 'cpu'])
    assert json.loads((tmp_path / 'x.json').read_text()) == result
    assert [*result['models']] == ['MobileNetV2, backbone alone', 'MobileNetV2']
    for name, row in result['models'].items():
        losses = row['first_losses']
        assert losses['channels_last'] == pytest.approx(losses['contiguous'], rel=1e-2)
        assert f'| {name} | **{row["speedup"]:.2f}** (' in page.read_text()


def test_speed_up_is_the_median_of_the_rounds_ratios(monkeypatch):
    times = iter([4., 2., 9., 3., 1., 1.])
    monkeypatch.setattr(memory_format, 'clock', lambda device: lambda task, loops: next(times))
    tasks = dict(contiguous=lambda: 0., channels_last=lambda: 0.)
    row = memory_format.measure(tasks, 3, torch.device('cpu'))
    assert (row['low'], row['speedup'], row['high']) == (1.5, 2., 2.5)
    assert row['seconds'] == dict(contiguous=4., channels_last=2.)
