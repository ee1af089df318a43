"""Another memory format: the same training to rounding, the same checkpoints and exports."""
import sys
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from parts import PEOPLE, all_parts, tiny_config  # noqa: E402

LAST = dict(memory_format=torch.channels_last)
# the arg-max of an untrained teacher, hence what it teaches, may jump by rounding
SMOOTH = ('loss_kpt', 'loss_adversarial', 'loss_information')


@HOOKS.register_module(force=True)
class _Record(Hook):
    """The losses, and how weights and their moments lie in memory, in every iteration."""

    priority = 'LOWEST'
    runs: list = []

    def before_train(self, runner):
        self.rows = []
        self.runs.append(self)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        optimizer = runner.optim_wrapper.optimizer
        weights = {n: p for n, p in runner.model.named_parameters()
                   if p.dim() == 4 and min(p.shape) > 1}
        moments = [v for p in weights.values() for v in optimizer.state.get(p, {}).values()
                   if v.dim() == 4]
        self.rows.append(dict(
            losses={k: v.item() for k, v in outputs.items()},
            weights={n: p.is_contiguous(**LAST) for n, p in weights.items()},
            moments={m.is_contiguous(**LAST) for m in moments}))


def train(cfg, hook=True, **changes):
    """Run, and return what was recorded."""
    cfg.custom_hooks = [*cfg.custom_hooks, dict(type='_Record')]
    cfg.merge_from_dict(changes)
    plain = cfg.model.get('pose_estimator', cfg.model)
    plain.backbone.update(base_channels=8, stem_channels=8)  # narrower ones are refused
    plain.head.in_channels = 64
    # Adam's first steps have the gradients' signs: they would enlarge rounding
    cfg.optim_wrapper.optimizer = dict(type='SGD', lr=1e-3, momentum=0.9)
    if hook:  # as --cfg-options does it
        cfg.merge_from_dict({'default_hooks.channels_last.type': 'ChannelsLastHook'})
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner, _Record.runs[-1].rows


@pytest.fixture(scope='module')
def runs(tiny_people, tmp_path_factory):
    """All parts of multi-level alignment, four iterations without and with the hook."""
    found = {}
    for hook in (False, True):
        work_dir = tmp_path_factory.mktemp(str(hook))
        cfg = all_parts(tiny_people, work_dir, iters=4, pretrain=1)
        cfg.custom_hooks += [dict(type='ExportTeacherHook')]
        found[hook] = train(cfg, hook, **{'default_hooks.checkpoint.interval': 2})
    return found


def test_everything_lies_channels_last_and_the_losses_are_the_same(runs):
    plain, last = runs[False][1], runs[True][1]
    names = set(last[0]['weights'])
    for part in ('student.backbone', 'student.head', 'teacher.backbone', 'alignments.feature'):
        assert any(n.startswith(part) for n in names), part
    for row, other in zip(last, plain, strict=True):
        assert all(row['weights'].values()) and not any(other['weights'].values())
        assert row['moments'] == {True}
        assert other['moments'] == {False}
        assert row['losses'].keys() == other['losses'].keys()
        for key, value in row['losses'].items():
            if key in SMOOTH:
                assert value == pytest.approx(other['losses'][key], rel=2e-3), key


def tensors(node):
    if torch.is_tensor(node):
        return [node]
    values = node.values() if isinstance(node, dict) else \
        node if isinstance(node, (list, tuple)) else ()
    return [t for value in values for t in tensors(value)]


def test_checkpoint_and_export_are_those_of_a_run_without(runs):
    for name in ('iter_2.pth', 'exported/model.pth'):
        plain, last = (torch.load(Path(runs[h][0].work_dir) / name, weights_only=False)
                       for h in (False, True))
        assert plain['state_dict'].keys() == last['state_dict'].keys()
        for part in ('state_dict', 'optimizer'):
            pairs = [*zip(tensors(plain.get(part)), tensors(last.get(part)), strict=True)]
            assert all(a.stride() == b.stride() and a.dtype == b.dtype for a, b in pairs)
            assert all(torch.allclose(a.double(), b.double(), rtol=1e-2, atol=1e-3)
                       for a, b in pairs if part == 'state_dict')
    model = runs[True][0].model  # after the training, too
    assert all(p.is_contiguous() for p in model.parameters())


@pytest.mark.parametrize('hook', [True, False])
def test_a_resumed_run_goes_on_with_or_without_the_hook(runs, hook, tiny_people, tmp_path):
    old = Path(runs[True][0].work_dir)
    (tmp_path / 'iter_2.pth').write_bytes((old / 'iter_2.pth').read_bytes())
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_2.pth'))
    cfg = all_parts(tiny_people, tmp_path, iters=4, pretrain=1)
    rows = train(cfg, hook, resume=True)[1]
    assert len(rows) == 2 and rows[0]['moments'] == rows[1]['moments'] == {hook}
    for row, whole in zip(rows, runs[True][1][2:], strict=True):
        for key, value in row['losses'].items():  # the same layout: the same numbers
            if hook or key in SMOOTH:
                assert value == pytest.approx(
                    whole['losses'][key], rel=1e-6 if hook else 2e-3, abs=1e-7), key


def test_any_plain_model(tiny_people, tmp_path):
    cfg = tiny_config(f'source_only/source-only_{PEOPLE}.py', tiny_people, tmp_path)
    rows = train(cfg)[1]
    assert all(all(row['weights'].values()) and row['moments'] == {True} for row in rows)


def test_what_would_corrupt_memory_is_refused(tiny_people, tmp_path):
    cfg = tiny_config(f'source_only/source-only_{PEOPLE}.py', tiny_people, tmp_path)
    cfg.default_hooks.channels_last = dict(type='ChannelsLastHook')
    with pytest.raises(ValueError, match=r'backbone.layer2.0.downsample.0 is a strided 1x1 '
                                         r'convolution of 4 channels, .*: widen the network'):
        Runner.from_cfg(cfg).train()


def test_nothing_to_lay_out_is_said(monkeypatch):
    said = []
    monkeypatch.setattr('udapose.engine.hooks.channels_last_hook.print_log',
                        lambda message, **kwargs: said.append(message))
    model = nn.Linear(2, 2)

    class Run:
        hooks, optim_wrapper = [], nn.Module()
    Run.model = model
    Run.optim_wrapper.optimizer = torch.optim.SGD(model.parameters(), lr=1.)
    HOOKS.build(dict(type='ChannelsLastHook')).before_train(Run)
    assert 'changes nothing: the model has no 2D convolutions' in said[0]


def test_a_network_computes_the_same_in_float64():
    """Strided, grouped and transposed convolutions; the parameters stay the same objects."""
    from udapose.engine.hooks.channels_last_hook import lay_out
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU(),
                        nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 12, 1),
                        nn.ConvTranspose2d(12, 6, 4, stride=2)).double()
    images = torch.rand(2, 3, 20, 16, dtype=torch.double)
    results, before = [], [id(p) for p in net.parameters()]
    for memory_format in (torch.contiguous_format, torch.channels_last):
        assert lay_out(net, memory_format) == 4
        net.zero_grad()
        out = net(images)
        out.square().sum().backward()
        results.append([out.detach(), *(p.grad.clone() for p in net.parameters())])
    assert out.is_contiguous(**LAST) and [id(p) for p in net.parameters()] == before
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)
