"""The benchmark of a step's cost: its parts add up, nothing waits for a GPU."""
import json
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / 'tools/benchmark')]
import step_cost  # noqa: E402
import step_heads  # noqa: E402
import step_parts  # noqa: E402
import step_report  # noqa: E402
import step_settings  # noqa: E402
from step_syncs import imagined  # noqa: E402

from udapose.engine.machine import slowdown  # noqa: E402
from udapose.models.utils import warp  # noqa: E402


@pytest.fixture(scope='module')
def bench():
    return step_parts.Workbench(18, 64, 4, torch.device('cpu'))


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """One run with tiny settings: what it returned, its JSON file and its page."""
    folder = tmp_path_factory.mktemp('step_cost')
    page = folder / 'page.md'
    page.write_text('before\n' + '\nold table\n'.join(step_report.MARKS) + '\nafter\n')
    result = step_cost.main(['--backbone-depth', '18', '--size', '64', '--batch', '2', '--repeats',
                             '1', '--out', str(folder / 'cost.json'), '--page', str(page)])
    return result, json.loads((folder / 'cost.json').read_text()), page


def test_json_holds_every_step_and_part(run):
    result, stored, _ = run
    assert stored == result
    assert set(stored['steps']) == set(stored['no_network']) == set(step_settings.STEPS)
    left_out = set(stored['left_out'])
    assert left_out <= {'VGG-19, cached, bfloat16'}  # where bfloat16 takes many times as long
    assert set(stored['parts']['style']) >= set(step_settings.STYLES) - left_out
    assert not left_out & set(stored['parts']['style'])
    assert set(stored['parts']['discriminator']) >= set(step_settings.DISCRIMINATORS)
    assert stored['setting']['depth'] == 18 and stored['setting']['batch'] == 2
    for name, step in stored['steps'].items():
        assert step['low'] <= step['share'] <= step['high']
        assert step['goal'] == step_settings.STEPS[name][3]
        assert step['sum_of_parts'] == pytest.approx(
            sum(part['share'] for part in step['parts'].values()), abs=1e-4)
        assert set(step['parts']) == {'passes', 'style', 'discriminator', 'no_network'}


def test_operations_of_the_parts_add_up_to_the_steps(run):
    """Counted, not timed: exact, unlike shares of time."""
    for name, step in run[0]['steps'].items():
        parts = {key: part['operations'] for key, part in step['parts'].items()}
        assert step['operations'] == pytest.approx(sum(parts.values()), rel=1e-4), name
        assert parts['passes'] == pytest.approx(1, abs=1e-4)
        assert parts['no_network'] < 1e-3
    published, alone = (run[0]['steps'][n]['parts'] for n in ('published', 'mean teacher alone'))
    assert published['style']['operations'] > 0.1 < published['discriminator']['operations']
    assert alone['style']['operations'] == alone['discriminator']['operations'] == 0


def test_options_save_the_operations_they_promise(run):
    style = {n: s['operations'] for n, s in run[0]['parts']['style'].items()}
    # encoding the style is one of encode, decode and encode again
    assert 0.6 < style['VGG-19, cached'] / style['VGG-19'] < 0.7
    assert style['VGG-19, cached, half resolution'] == pytest.approx(
        style['VGG-19, cached'] / 4, rel=1e-3)
    bfloat16 = 'VGG-19, cached, bfloat16'
    assert bfloat16 in run[0]['left_out'] or style[bfloat16] == style['VGG-19, cached']
    assert 0 < style['small net, cached'] < style['small net'] < style['VGG-19'] / 10
    judge = {n: s['operations'] for n, s in run[0]['parts']['discriminator'].items()}
    full = judge['published, last deconvolution']
    assert judge['published, pooled 2x2'] == pytest.approx(full / 4, rel=1e-3)
    assert judge['published with 1x1 convolutions'] == pytest.approx(full / 9, rel=1e-3)


def test_a_head_without_heatmaps_has_its_own_base(run):
    result, _, page = run
    step = result['heads'][step_heads.ROW]
    assert step['low'] <= step['share'] <= step['high'] and step['goal'] == 1.05
    # beside its passes the step has no convolution and no matrix product
    assert step['operations'] == pytest.approx(1, abs=1e-4) == step['passes']['operations']
    assert f'| {step_heads.ROW} | **' in page.read_text()
    assert result['waiting']['found'][step_heads.ROW] == {}
    before = {k: v for k, v in result.items() if k != 'heads'}  # a file made without it
    assert f'| {step_heads.ROW} | **' not in step_report.markdown(before)


def test_steps_do_not_wait_for_a_gpu(run):
    """The data preprocessor is MMPose's and does: the search finds what there is to find."""
    found = run[0]['waiting']['found']
    for name in step_settings.STEPS:
        assert found[name] == {}, name
    calls = run[0]['waiting']['calls']
    assert calls['data preprocessor'] > calls['data preprocessor, non_blocking=True']
    assert all(step['logged_keys'] >= 6 for step in run[0]['steps'].values())


@pytest.mark.parametrize('norm', ['ema', 'batch'])
def test_further_views_of_the_teacher_do_not_wait_either(norm):
    train_cfg = dict(teacher_norm=norm, extra_views=[dict(flip=True, scale=1.2), dict(rotation=9.)],
                     confidence_quantile=(0.9, 0.5), min_confidence=[0.1] * 16)

    def make(device):
        return step_parts.Workbench(18, 64, 2, device).step('', None, dict(train_cfg=train_cfg))
    assert imagined(make) == {}


def test_a_step_that_waits_is_found_out(monkeypatch):
    """torch.linalg.inv reads back whether there is an inverse."""
    monkeypatch.setattr(warp, 'invert', torch.linalg.inv)

    def make(device):
        return step_parts.Workbench(18, 64, 2, device).step('', None, {})
    places = imagined(make)
    assert sum(places.values()) == 2  # the heatmaps' warp and the mask
    assert all(p.startswith('udapose/models/utils/warp.py:') for p in places)


def test_page_is_renewed_between_its_markers(run):
    result, _, page = run
    text = page.read_text()
    assert text.startswith('before\n') and text.endswith('\nafter\n')
    assert 'old table' not in text
    for name in (*step_settings.STEPS, *step_settings.STYLES, *step_settings.DISCRIMINATORS):
        assert (f'| {name} | ' in text) == (name not in result['left_out'])
        assert (f'Left out: {name} (this processor' in text) == (name in result['left_out'])
    step_report.into_page(page, step_report.markdown(result))
    assert page.read_text() == text


@pytest.mark.parametrize('times', [1., 46.])
def test_what_the_machine_cannot_do_is_left_out_and_said(times, monkeypatch, capsys):
    """On a processor without bfloat16 units a round took hours."""
    monkeypatch.setattr(step_cost, 'slowdown', lambda dtype: dict(convolutions=times))
    monkeypatch.setitem(step_settings.STEPS, 'quick', ('', 'VGG-19, cached, bfloat16', {}, None))
    ran = []

    class Bench:  # of everything only the names matter
        device = torch.device('cpu')

        def __getattr__(self, kind):
            return lambda *args, **kwargs: ran.append((kind, args)) or (lambda: None)
    monkeypatch.setattr(step_cost, 'pieces', lambda bench: {})
    monkeypatch.setattr(step_cost, 'operations', lambda task: 1.)
    monkeypatch.setattr(step_cost, 'take_turns', lambda tasks, *args: {n: [1.] for n in tasks})
    for name in [*step_settings.STEPS]:
        if name != 'quick':
            monkeypatch.delitem(step_settings.STEPS, name)
    bench = Bench()
    bench.step = lambda *args: ran.append(('step', args)) or type('Run', (), dict(log={}))()
    result = step_cost.measure(bench, 1)
    asked = [args[0].get('dtype') for kind, args in ran if kind == 'style']
    assert ('bfloat16' in asked) == (times == 1.) and len(asked) >= 7
    assert ('quick' in result['steps']) == (times == 1.)
    said = capsys.readouterr().err
    if times == 1.:
        assert result['left_out'] == {} and 'left out' not in said
        return
    assert set(result['left_out']) == {'quick', 'VGG-19, cached, bfloat16'}
    assert 'left out: quick (this processor has no instructions for bfloat16: a convolution ' \
           'takes 46 times as long as in float32)' in said
    assert step_cost.too_slow(torch.device('cuda')) == {}


def test_slowdown_is_measured():
    """The same work in another type: not free, and the random state stays as it is."""
    before = torch.get_rng_state()
    found = slowdown(torch.bfloat16, 1)
    assert set(found) == {'convolutions', 'products'}
    assert all(0.01 < times < 1000 for times in found.values())
    assert torch.equal(before, torch.get_rng_state())


def test_page_without_markers_is_named(tmp_path):
    (tmp_path / 'page.md').write_text('nothing')
    with pytest.raises(ValueError, match='page.md needs one line <!-- step_cost: begin'):
        step_report.into_page(tmp_path / 'page.md', 'x')


@pytest.mark.parametrize('argument', [['--batch', '3'], ['--size', '100'], ['--repeats', '0']])
def test_settings_that_cannot_be_measured(argument, capsys):
    with pytest.raises(SystemExit):
        step_cost.main(argument)
    assert '--batch even' in capsys.readouterr().err


def test_tasks_take_turns_after_a_round_for_warming_up(monkeypatch):
    calls = []
    now = iter(range(1000))
    monkeypatch.setattr(step_cost.time, 'process_time', lambda: float(next(now)))
    seconds = step_cost.take_turns(
        {'a': (lambda: calls.append('a'), 2), 'b': (lambda: calls.append('b'), 1)}, 2,
        torch.device('cpu'), lambda: calls.append('-'))
    assert ''.join(calls) == '-aa-b' * 3
    assert seconds == {'a': [0.5, 0.5], 'b': [1., 1.]}


def test_share_is_the_median_of_the_rounds_ratios():
    """A round in which the machine was slow for both does not count more than another."""
    assert step_cost.share([1., 20., 3.], [2., 40., 2.]) == dict(share=0.5, low=0.5, high=1.)


def test_half_of_the_source_images_are_stylised(bench):
    out = bench.style(step_settings.STYLES['Lab statistics, cached'])()
    changed = (out != bench.inputs['source']).flatten(1).any(1)
    assert changed.sum() == 2


def test_step_without_networks_runs_none_and_ends_at_the_heatmaps(bench):
    ran = []
    handles = [m.register_forward_hook(lambda *_: ran.append(1))
               for m in (bench.student.backbone, bench.teacher.backbone)]
    bench.student.zero_grad()
    before = [p.clone() for p in bench.teacher.parameters()]
    with torch.no_grad():
        for p in bench.student.parameters():
            p += 1
    loss = bench.no_network('_published', {})()
    assert loss.requires_grad and not ran
    assert all(p.grad is None for p in bench.student.parameters())
    # the teacher's move is part of it: 0.001 of the way
    assert all(torch.allclose(p, b + 0.001 * (s - b), atol=1e-6) for p, b, s in zip(
        bench.teacher.parameters(), before, bench.student.parameters(), strict=True))
    bench.base()
    assert ran
    for handle in handles:
        handle.remove()


def test_joint_passes_are_the_bases(bench):
    """Without batch statistics the joint pass has the same loss (the mean of the domains')."""
    bench.student.eval()
    apart, joint = bench.base(), bench.base(joint=True)
    bench.student.train()
    torch.testing.assert_close(joint, apart / 2)


def _backward(x):
    class Nosy(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, gradient):
            return gradient * gradient.max().item()

    Nosy.apply(x.requires_grad_()).sum().backward()


@pytest.mark.parametrize(('function', 'expected'), [
    (lambda x: x.sum().item(), 1),
    (lambda x: bool(x.sum() > 0), 1),
    (lambda x: x.cpu(), 1),
    (lambda x: x.detach().cpu().numpy(), 1),
    (lambda x: torch.zeros(3, 3).copy_(x), 1),
    (lambda x: x[x > 0], 1),
    (lambda x: x.nonzero(), 1),
    (lambda x: x.new_tensor([1., 2.]), 1),
    (lambda x: torch.tensor([1.], device=x.device), 1),
    (lambda x: torch.tensor([1.]).to(x.device), 1),
    (lambda x: x[[2, 1, 0]], 1),
    (lambda x: torch.linalg.inv(x), 1),
    (lambda x: (x.sum().item(), x.cpu()), 2),
    (_backward, 1),
    (lambda x: torch.linalg.inv_ex(x).inverse, 0),
    (lambda x: torch.tensor([1.]).to(x.device, non_blocking=True), 0),
    (lambda x: torch.ones(3).sum().item(), 0),
    (lambda x: x[torch.zeros(2, dtype=torch.long).to(x.device, non_blocking=True)], 0),
    (lambda x: torch.where(x > 0, 2 * x.softmax(0), x.max(0).values), 0)])
def test_search_for_waiting_finds_known_cases(function, expected):
    def make(device):
        x = torch.ones(3, 3, device=device)
        return lambda: function(x)
    assert sum(imagined(make).values()) == expected

