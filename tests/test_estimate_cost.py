"""The estimate of a recipe's cost counts what it says."""
import json
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / 'tools/benchmark'))
    sys.modules.pop('estimate_cost', None)
    import estimate_cost
    return estimate_cost


def test_operations_and_kept_bytes_of_two_convolutions(tool):
    net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 4, 1))
    count = tool.Count(net, net, (16, 16))
    first, second = 2 * 3 * 8 * 9 * 256, 2 * 8 * 4 * 256
    assert count.forward == first + second
    # the images need no gradient: the first layer's backward pass is that of its weights alone
    assert count.train == 2 * first + 3 * second
    assert count.weights == 4 * (3 * 8 * 9 + 8 + 8 * 4 + 4)
    # bfloat16: the images, the map between the layers, and the copies of the weights
    activations = 2 * (3 + 8) * 256
    assert activations <= count.kept <= activations + count.weights
    with torch.no_grad():
        assert not net(torch.zeros(1, 3, 16, 16)).requires_grad


def test_the_committed_table_fits_the_configs(tool):
    content = json.loads((ROOT / 'docs/benchmarks/recipe_costs.json').read_text())
    names = {p.stem for pattern in ('*/*_res101_256x256.py', '*/*_vit-base_256x256.py')
             for p in (ROOT / 'configs').glob(pattern)}
    assert set(content['costs']) == names
    for name, cost in content['costs'].items():
        path = next((ROOT / 'configs').glob(f'*/{name}.py'))
        assert f'{cost["gb"]:.0f} GB, {cost["hours"]:.1f} hours' in path.read_text()
        assert cost['hours'] == pytest.approx(
            cost['tflop'] * cost['iterations'] / content['rate_tflops'] / 3600)


def test_a_teacher_costs_half_a_forward_pass_more_than_an_oracle(tool):
    costs = json.loads((ROOT / 'docs/benchmarks/recipe_costs.json').read_text())['costs']
    source = costs['source-only_surreal-to-lsp_res101_256x256']
    oracle = costs['oracle_surreal-to-lsp_res101_256x256']
    assert oracle['batch'] == 2 * source['batch']
    assert oracle['tflop'] == pytest.approx(2 * source['tflop'])
    assert costs['uniframe_surreal-to-lsp_res101_256x256']['tflop'] > oracle['tflop'] * 7 / 6
