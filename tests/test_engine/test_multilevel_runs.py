"""All parts together through MMEngine's runner, and style transfer with a plain model."""
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from parts import PEOPLE, all_parts, tiny_config


class Record(Hook):
    """What the tests look at, after each iteration."""

    priority = 'VERY_LOW'

    def __init__(self):
        self.rows = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        model = runner.model
        kinds = {id(p): 'discriminator' if 'discriminator' in n else 'student'
                 for n, p in model.named_parameters()}
        pairs = [*zip(model.student.state_dict().values(), model.teacher.state_dict().values(),
                      strict=True)]
        self.rows.append(dict(
            losses={k: v.detach().float() for k, v in outputs.items()},
            same=all(torch.equal(a, b) for a, b in pairs),
            rates={kind: {g['lr'] for g in runner.optim_wrapper.optimizer.param_groups
                          if kind in {kinds[id(p)] for p in g['params']}}
                   for kind in ('student', 'discriminator')},
            weight=model.student.head.final_layer.weight.detach().clone()))


def train(cfg):
    cfg.train_cfg.val_interval = 1000  # but for the last iteration
    runner = Runner.from_cfg(cfg)
    record = Record()
    runner.register_hook(record)
    runner.train()
    return runner, record.rows


@pytest.fixture(scope='module')
def whole(tiny_people, tmp_path_factory):
    """Six iterations: two on source images, four of adaptation, a picture at the sixth; bf16."""
    work_dir = tmp_path_factory.mktemp('run')
    cfg = all_parts(tiny_people, work_dir, interval=6)
    cfg.optim_wrapper.update(type='AmpOptimWrapper', dtype='bfloat16')
    return (work_dir, *train(cfg))


def test_both_phases(whole):
    rows = whole[2]
    for row in rows[:2]:
        assert set(row['losses']) == {'loss', 'loss_kpt', 'loss_unused'} and row['same']
    for row in rows[2:]:
        assert {'loss_kpt', 'loss_consistency', 'loss_adversarial', 'adversarial_accuracy',
                'loss_information', 'entropy_x', 'entropy_y', 'entropy_mean',
                'pseudo_coverage'} <= set(row['losses'])
        assert not row['same'] and 0 <= row['losses']['adversarial_accuracy'] <= 1


def test_everything_is_finite_under_amp(whole):
    _, runner, rows = whole
    assert all(torch.isfinite(v).all() for row in rows for v in row['losses'].values())
    assert all(torch.isfinite(v).all() for v in runner.model.state_dict().values())
    assert 0 <= runner.message_hub.get_scalar('val/target/PCK@0.05').data[0][-1] <= 100


def test_the_discriminators_rate_is_its_own_and_constant(whole):
    rates = [row['rates'] for row in whole[2]]
    (base,) = rates[0]['student']
    assert [r['discriminator'] for r in rates] == [{2 * base}] * 6
    assert [*rates[-1]['student']] == [pytest.approx(0.1 * base)]


def test_pictures_are_written(whole):
    work_dir, names = whole[0], ('stylized', 'domain_maps', 'pseudo_labels')
    for name in names:
        assert next(work_dir.rglob(f'vis_data/{name}/iter_000006.png')).stat().st_size > 100
        assert any(name in p.name for p in work_dir.rglob('vis_data/vis_image/*'))


def test_checkpoints_hold_the_terms_but_no_style(whole):
    work_dir, runner, _ = whole
    state = torch.load(work_dir / 'iter_6.pth', weights_only=False)['state_dict']
    tops = {k.split('.')[0] for k in state}
    assert tops == {'student', 'teacher', 'alignments'}
    assert any('discriminator' in k for k in state)
    assert not any('style' in k for k in state)


def test_gradient_accumulation(tiny_people, tmp_path):
    """The weights move at every second iteration only, in both phases."""
    cfg = all_parts(tiny_people, tmp_path, iters=4)
    cfg.optim_wrapper.accumulative_counts = 2
    _, rows = train(cfg)
    moved = [not torch.equal(a['weight'], b['weight'])
             for a, b in zip(rows[:-1], rows[1:], strict=True)]
    assert moved == [True, False, True]  # between iterations 1 2, 2 3, 3 4
    assert all(torch.isfinite(r['losses']['loss']) for r in rows)


def folder(data):
    return str(data / 'target/images/train')


def test_a_plain_model_is_stylised_and_its_checkpoint_stays_plain(tiny_people, tmp_path):
    cfg = tiny_config(f'source_only/source-only_{PEOPLE}.py', tiny_people, tmp_path)
    seen = {True: [], False: []}
    cfg.custom_hooks = [dict(
        type='AdaINStyleHook', stylizer=dict(type='FourierAmplitudeTransfer', beta=0.6), prob=1.,
        alpha=(1., 1.), style_images=folder(tiny_people), num_styles=6, vis_interval=1)]
    runner = Runner.from_cfg(cfg)
    names = set(runner.model.state_dict())
    forward = runner.model.extract_feat
    runner.model.extract_feat = lambda x: (seen[runner.model.training].append(x), forward(x))[1]
    plain = []
    runner.model.data_preprocessor.register_forward_hook(
        lambda m, args, out: plain.append(out['inputs']) if m.training else None)
    runner.train()
    assert len(plain) == len(seen[True]) == 2 and seen[False]
    for before, after in zip(plain, seen[True], strict=True):
        assert ((before - after).abs().mean((1, 2, 3)) > 0.05).all()
    assert set(torch.load(tmp_path / 'iter_2.pth', weights_only=False)['state_dict']) == names
    assert len([*tmp_path.rglob('vis_data/stylized/*.png')]) == 2
    # after training the preprocessor is as it was
    assert len(runner.model.data_preprocessor._forward_hooks) == 1


def test_adaptation_starts_from_the_best_source_model(tiny_people, tmp_path, monkeypatch):
    """A metric that only falls: the first checkpoint is the best."""
    from udapose.evaluation import GroupedPCK
    scores = iter(range(100, 0, -1))
    monkeypatch.setattr(GroupedPCK, 'compute_metrics',
                        lambda self, results: {'PCK@0.05': float(next(scores))})
    cfg = all_parts(tiny_people, tmp_path, iters=4, pretrain=3)
    cfg.custom_hooks[0].init_from = 'best'
    cfg.default_hooks.checkpoint.update(save_best='target/PCK@0.05', rule='greater')
    cfg.train_cfg.val_interval = 1
    cfg.val_cfg = dict()
    starts = {}

    class Watch(Hook):
        priority = 'VERY_LOW'

        def before_train_iter(self, runner, batch_idx, data_batch=None):
            starts[batch_idx] = {k: v.clone() for k, v in runner.model.state_dict().items()}

    runner = Runner.from_cfg(cfg)
    runner.register_hook(Watch())
    runner.train()
    for branch in ('student', 'teacher'):
        key = f'{branch}.head.final_layer.weight'
        assert torch.equal(starts[3][key], starts[1]['student.head.final_layer.weight'])
    assert not torch.equal(starts[3][key], starts[2][key])
