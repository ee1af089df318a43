"""Scheduled shares and thresholds per joint: which pseudo-labels a mean teacher keeps."""
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.runner import Runner
from mmpose.registry import HOOKS
from test_mean_teacher import FLIP, batch, build, fixed, rotated
from tiny_models import source_free

from udapose.engine.hooks.confidence_calibration_hook import _judge
from udapose.models.pose_estimators.plain_models import head_output
from udapose.models.pose_estimators.train_options import scheduled_quantile
from udapose.models.utils.calibration import precision_thresholds


# ---------------------------------------------------------------- schedules
@pytest.mark.parametrize('schedule,expected', [
    (0.5, [.5, .5, .5, .5, .5]),
    (dict(start=.9, end=.5), [.9, .8, .7, .6, .5]), ((.9, .5), [.9, .8, .7, .6, .5]),
    (dict(start=.9, end=.5, shape='cosine'), [.9, .9 - .2 * (1 - .5 ** .5), .7,
                                             .5 + .2 * (1 - .5 ** .5), .5]),
    (dict(start=.8, end=.2, begin=.25, until=.75), [.8, .8, .5, .2, .2])])
def test_the_rejected_share_over_the_training(schedule, expected):
    quantile = build(train_cfg=dict(confidence_quantile=schedule)).train_cfg['confidence_quantile']
    got = [scheduled_quantile(quantile, t) for t in (0, .25, .5, .75, 1)]
    assert got == pytest.approx(expected)


@pytest.fixture
def progress():
    hub = MessageHub.get_current_instance()
    before = {key: hub.get_info(key, None) for key in ('iter', 'max_iters')}
    hub.update_info_dict(dict(iter=0, max_iters=100))
    yield lambda done: hub.update_info('iter', int(100 * done))
    hub.update_info_dict({k: v for k, v in before.items() if v is not None})
    for key in [k for k, v in before.items() if v is None]:
        hub.runtime_info.pop(key, None)


def test_a_training_keeps_the_scheduled_share(progress):
    schedule = dict(start=.75, end=0.)
    model = build(train_cfg=dict(confidence_quantile=schedule, peaks_from='teacher')).train()
    model.teacher.head.forward = fixed(torch.rand(4, 3, 16, 16) * .5 + .1)
    inputs, samples = batch(4)
    for done, kept in ((0, 3), (.5, 8), (1, 12)):
        progress(done)
        _, _, pseudo = model.forward_teacher(inputs, samples)
        assert pseudo.weights.sum() == kept


@pytest.mark.parametrize('cfg', [dict(confidence_quantile=.5),
                                 dict(confidence_quantile=dict(start=.5, end=.5)),
                                 dict(min_confidence=[0., 0., 0.])])
def test_a_constant_schedule_and_zero_thresholds_change_no_bit(cfg):
    inputs, samples = batch(4)
    expected = build().train().loss(inputs, samples)
    got = build(train_cfg=cfg).train().loss(inputs, samples)
    assert all(torch.equal(got[k], expected[k]) for k in expected)


@pytest.mark.parametrize('cfg,message', [
    (dict(confidence_quantile=dict(start=.9)), r'a schedule dict\(start=.., end=..\)'),
    (dict(confidence_quantile=dict(start=.9, end=.5, stop=1)), 'begin.*shape.*until'),
    (dict(confidence_quantile=dict(start=.9, end=.5, shape='step')), "'linear' or 'cosine'"),
    (dict(confidence_quantile=dict(start=.9, end=.5, begin=.6, until=.5)), 'begin < until'),
    (dict(confidence_quantile=dict(start=90, end=50)), r'in \[0, 1\]'),
    (dict(confidence_quantile=(.9, .5, .1)), r'in \[0, 1\], got \(0.9'),
    (dict(confidence_quantile=1.5), r'in \[0, 1\]'),
    (dict(min_confidence='high'), "a list with one for each joint, got 'high'"),
    (dict(min_confidence=[.1, .2]), '2 thresholds of confidence for 3 joints')])
def test_messages(cfg, message):
    with pytest.raises(ValueError, match=message):
        build(train_cfg=cfg)


# ---------------------------------------------------------------- thresholds per joint
@pytest.mark.parametrize('peaks_from', ['warped', 'teacher'])
@pytest.mark.parametrize('flip', [False, True])
def test_thresholds_belong_to_the_teachers_joints(peaks_from, flip):
    """Joints 1 and 2 are partners: in a flipped student's view their pseudo-labels change places,
    and with them what is required of them."""
    model = build(train_cfg=dict(peaks_from=peaks_from, confidence_quantile=0.,
                                 min_confidence=[.1, .1, .6])).train()
    maps = torch.zeros(2, 3, 16, 16)
    maps[:, :, 7:9, 7:9] = .4  # survives the warp in the middle
    model.teacher.head.forward = fixed(maps)
    inputs, samples = batch(matrices=[(rotated(0, flip), flip)] * 2)
    _, _, pseudo = model.forward_teacher(inputs, samples)
    expected = [1., 1., 0.]
    in_frame = [expected[FLIP[k]] for k in range(3)] if flip else expected
    assert pseudo.frame_weights.tolist() == [in_frame] * 2
    assert 'joint_thresholds' not in model.state_dict()
    model.set_joint_thresholds(None)
    model.train_cfg['min_confidence'] = .1
    assert model.forward_teacher(inputs, samples)[2].weights.all()


def test_the_lowest_threshold_of_the_wanted_precision():
    confidence = np.array([[.9], [.8], [.7], [.6], [.5], [.4]])
    correct = np.array([[1], [1], [0], [1], [0], [0]], bool)
    known = np.ones((6, 1), bool)
    for precision, kept in ((1., 2), (.75, 4), (.6, 5), (.5, 6)):
        (threshold,), (share,) = precision_thresholds(confidence, correct, known, precision)
        assert (confidence > threshold).sum() == kept and share == pytest.approx(kept / 6)
    # never good enough: the most confident part
    (threshold,), (share,) = precision_thresholds(confidence, ~correct, known, .9, least=.3)
    assert (confidence > threshold).sum() == 2 and share == pytest.approx(1 / 3)


def test_partners_are_pooled_ties_kept_together_and_unlabelled_left_out():
    confidence = np.array([[.9, .8], [.7, .7], [.7, .3]])
    correct = np.array([[1, 1], [1, 0], [0, 0]], bool)
    known = np.ones((3, 2), bool)
    thresholds, shares = precision_thresholds(confidence, correct, known, .75, [1, 0])
    assert thresholds[0] == thresholds[1] and (confidence > thresholds).sum() == 2
    thresholds, _ = precision_thresholds(confidence, correct, known, .6, [1, 0])
    assert (confidence > thresholds).sum() == 5  # all three of .7: 3 of 5 are right
    known[:, 1] = False
    thresholds, shares = precision_thresholds(confidence, correct, known, .5)
    assert np.isinf(thresholds[1]) and shares[1] == 0 and thresholds[0] < .7


# ---------------------------------------------------------------- measured on the source
@pytest.mark.parametrize('kwargs,message', [
    (dict(precision=0), 'precision must be'), (dict(least=2), 'least must be'),
    (dict(threshold=0), 'threshold must be positive'), (dict(interval=0), 'interval at least 1')])
def test_arguments_of_the_hook(kwargs, message):
    with pytest.raises(ValueError, match=message):
        HOOKS.build(dict(type='ConfidenceCalibrationHook', dataloader={}, **kwargs))


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    from udapose.synthetic import generate
    out = tmp_path_factory.mktemp('people')
    generate(out, kind='people', size=64, source_train=8, target_train=8, val=6, test=2, workers=1)
    return out


def run_config(data, work_dir, **changes):
    from runs import PEOPLE, tiny_config
    cfg = tiny_config(f'mean_teacher/mean-teacher_{PEOPLE}.py', data, work_dir)
    source = dict(cfg.val_dataloader.dataset, data_root=f'{data}/source/',
                  metainfo=cfg.source_metainfo)
    cfg.custom_hooks.append(dict(
        type='ConfidenceCalibrationHook', precision=.5, threshold=.2, interval=1,
        dataloader=dict(cfg.val_dataloader, batch_size=4, dataset=source)))
    cfg.merge_from_dict(dict(val_cfg=None, val_dataloader=None, val_evaluator=None, **changes))
    return Config(cfg.to_dict())


def hook_of(runner):
    return next(h for h in runner.hooks if type(h).__name__ == 'ConfidenceCalibrationHook')


def test_calibration_in_a_run(data, tmp_path):
    runner = Runner.from_cfg(run_config(data, tmp_path))
    runner.train()
    hook, model = hook_of(runner), runner.model
    assert len(hook.thresholds) == 22 and model.training
    assert model.joint_thresholds.tolist() == pytest.approx(hook.thresholds)
    flip = hook.dataloader.dataset.metainfo['flip_indices']
    assert hook.thresholds == [hook.thresholds[j] for j in flip]
    saved = torch.load(tmp_path / 'iter_2.pth', weights_only=False)
    assert saved['joint_thresholds'] == hook.thresholds
    # a resumed run goes on with what was measured then, not with the teacher of now
    saved['joint_thresholds'] = [.25] * 22
    torch.save(saved, tmp_path / 'iter_2.pth')
    again = run_config(data, tmp_path / 'b', **{'train_cfg.max_iters': 3})
    again.update(resume=True, load_from=str(tmp_path / 'iter_2.pth'))
    again.custom_hooks[-1].interval = None
    runner = Runner.from_cfg(again)
    runner.train()
    assert runner.model.joint_thresholds.tolist() == [.25] * 22


def test_correctness_is_that_of_the_metric(data, tmp_path):
    """The hook's share of correct joints is GroupedPCK's."""
    cfg = run_config(data, tmp_path)
    runner = Runner.from_cfg(cfg)
    model = runner.model
    model.init_weights()
    model.eval()
    metric = dict(type='GroupedPCK', thresholds=[.2, .3])
    loader = Runner.build_dataloader(cfg.custom_hooks[-1].dataloader)
    from mmpose.registry import METRICS
    metric = METRICS.build(metric)
    metric.dataset_meta = loader.dataset.metainfo
    judged, count = [], 0
    for items in loader:
        judged += _judge(model, items, .3)
        metric.process({}, [s.to_dict() for s in model.val_step(items)])
        count += len(items['data_samples'])
    _, correct, known = (np.stack(x) for x in zip(*judged))
    assert known.sum() > 100 and 0 < correct[known].mean() < 1
    per_joint = (correct & known).sum(0) / np.maximum(known.sum(0), 1)
    expected = metric.evaluate(count)['PCK@0.3']
    assert 100 * per_joint[known.any(0)].mean() == pytest.approx(expected, abs=3)


def test_confidence_is_measured_as_pseudo_labels_have_it(data, tmp_path):
    """Several views agree on less than one claims: thresholds of one would reject too much."""
    cfg = run_config(data, tmp_path)
    cfg.model.train_cfg.extra_views = [dict(flip=True, scale=1.2)]
    model = Runner.from_cfg(cfg).model
    model.init_weights()
    model.eval()
    loader = Runner.build_dataloader(cfg.custom_hooks[-1].dataloader)
    items = next(iter(loader))
    found = np.stack([confidence for confidence, _, _ in _judge(model, items, .3)])
    images = model.data_preprocessor(items, False)['inputs']
    with torch.no_grad():
        one = head_output(model.teacher, images)
        _, several = model.extra_views.read(
            images, one, torch.tensor(loader.dataset.metainfo['flip_indices']),
            lambda x: head_output(model.teacher, x))
    np.testing.assert_allclose(found, several.numpy(), rtol=1e-5)
    assert (found < model.readout.points(one)[1].numpy()).mean() > .5


class Of:
    def __init__(self, model):
        self.model = model


def test_heads_without_confidence_need_several_views():
    hook = HOOKS.build(dict(type='ConfidenceCalibrationHook', dataloader={}))
    hook.dataloader, hook.thresholds = [], [.1, .2, .3]  # as resumed
    with pytest.raises(ValueError, match='no confidence; train_cfg.extra_views would give it one'):
        hook.before_train(Of(source_free('regression')))
    model = source_free('regression', dict(extra_views=[dict(flip=True)]))
    hook.before_train(Of(model))
    assert model.joint_thresholds.tolist() == pytest.approx([.1, .2, .3])


def test_models_without_a_teacher_are_refused():
    hook = HOOKS.build(dict(type='ConfidenceCalibrationHook', dataloader={}))
    with pytest.raises(TypeError, match='needs a MeanTeacherPoseEstimator, got Linear'):
        hook.before_train(Of(torch.nn.Linear(1, 1)))
