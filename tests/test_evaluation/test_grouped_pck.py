"""GroupedPCK against an independent slow implementation, analytic cases and its messages."""
import numpy as np
import pytest
from mmengine.evaluator import Evaluator
from mmpose.registry import METRICS

from udapose.evaluation import JOINT_GROUPS


def sample(predicted, truth, visible, size=(64, 64), scale=(64., 64.), path='a.jpg'):
    return dict(pred_instances=dict(keypoints=np.asarray(predicted, np.float32)[None]),
                gt_instances=dict(keypoints=np.asarray(truth, np.float32)[None],
                                  keypoints_visible=np.asarray(visible, np.float32)[None]),
                input_size=size, input_scale=np.asarray(scale, np.float32), img_path=path)


def metric(**kwargs):
    return METRICS.build(dict(type='GroupedPCK', **kwargs))


def evaluate(samples, names=None, batch=3, **kwargs):
    m = metric(**kwargs)
    if names:
        m.dataset_meta = dict(keypoint_id2name=dict(enumerate(names)), dataset_name='x')
    for i in range(0, len(samples), batch):
        m.process({}, samples[i:i + batch])
    return m.evaluate(len(samples))


def slow(samples, joints, threshold):
    """One joint and one sample at a time, in input pixels."""
    rates = []
    for j in joints:
        hits = total = 0
        for s in samples:
            if s['gt_instances']['keypoints_visible'][0, j] <= 0:
                continue
            dx, dy = (s['pred_instances']['keypoints'][0, j] - s['gt_instances']['keypoints'][0, j])
            width, height = s['input_size']
            u, v = dx * width / s['input_scale'][0], dy * height / s['input_scale'][1]
            hits += (u * u + v * v)**0.5 <= threshold * max(width, height)
            total += 1
        if total:
            rates.append(100 * hits / total)
    return sum(rates) / len(rates)


def random_samples(count, joints, seed=0):
    rng = np.random.default_rng(seed)
    out = []
    for _ in range(count):
        size = [(64, 64), (48, 64)][rng.integers(2)]
        scale = np.array(size) * rng.uniform(0.5, 4)
        truth = rng.uniform(0, 200, (joints, 2))
        out.append(sample(truth + rng.normal(0, 6, (joints, 2)), truth,
                          rng.integers(0, 2, joints), size, scale))
    return out


@pytest.mark.parametrize('seed', range(3))
def test_equals_the_slow_reference(seed):
    samples = random_samples(20, 7, seed)
    groups = dict(a=[0, 1], b=[4])
    got = evaluate(samples, groups=groups)
    for threshold in (0.05, 0.1):
        assert got[f'PCK@{threshold}'] == pytest.approx(slow(samples, [0, 1, 4], threshold), 1e-5)
        for name, members in groups.items():
            assert got[f'PCK@{threshold}/{name}'] == pytest.approx(
                slow(samples, members, threshold), 1e-5)
    assert 0 < got['PCK@0.05'] < got['PCK@0.1'] < 100
    every = evaluate(samples)
    assert every['PCK@0.05'] == pytest.approx(slow(samples, range(7), 0.05), 1e-5)


def test_threshold_is_inclusive_and_in_input_pixels():
    """A crop of 128 image pixels seen at 64: 6.4 image pixels are 3.2 input pixels = 5 %."""
    truth = np.zeros((2, 2))
    samples = [sample([[6.39, 0], [6.41, 0]], truth, [2, 2], scale=(128, 128))]
    assert evaluate(samples, thresholds=[0.05])['PCK@0.05'] == 50


def test_occluded_joints_count_and_unlabelled_ones_do_not():
    truth = np.zeros((3, 2))
    far = [[0, 0], [50, 50], [50, 50]]
    assert evaluate([sample(far, truth, [2, 1, 0])])['PCK@0.05'] == 50


def test_mean_over_joints_not_over_instances():
    """Joint 0 is labelled once and right, joint 1 three times and wrong."""
    truth, wrong = np.zeros((2, 2)), [[0, 0], [50, 50]]
    samples = [sample(wrong, truth, [1, 1]), *[sample(wrong, truth, [0, 1])] * 2]
    assert evaluate(samples)['PCK@0.05'] == 50


def test_prefix_names_and_explicit_joints():
    truth, wrong = np.zeros((3, 2)), [[0, 0], [0, 0], [50, 50]]
    samples = [sample(wrong, truth, [1, 1, 1])]
    got = evaluate(samples, names=['hip', 'knee', 'ankle'], prefix='target',
                   groups=dict(leg=['knee', 'ankle']), joints=['hip', 'ankle'])
    assert got['target/PCK@0.05'] == 50 and got['target/PCK@0.05/leg'] == 50


def test_two_thresholds_survive_an_evaluator():
    evaluator = Evaluator([metric(prefix='target'), metric(prefix='source')])
    s = sample(np.zeros((2, 2)), np.zeros((2, 2)), [1, 1])
    for m in evaluator.metrics:
        m.process({}, [s])
    assert {'target/PCK@0.05', 'target/PCK@0.1', 'source/PCK@0.05',
            'source/PCK@0.1'} <= set(evaluator.evaluate(1))


def test_presets_score_the_documented_joints():
    assert sorted(j for g in JOINT_GROUPS['people'].values() for j in g) == list(range(5, 17))
    assert sorted(j for g in JOINT_GROUPS['hands'].values() for j in g) == list(range(21))
    assert JOINT_GROUPS['hands']['fingertip'] == [4, 8, 12, 16, 20]


@pytest.mark.parametrize('kwargs,samples,message', [
    (dict(groups='feet'), None, r"unknown joint groups 'feet'.*people"),
    (dict(groups=dict(a=[9])), None, 'joint 9 of group .a. is out of range: .* 2 joints'),
    (dict(groups=dict(a=['tail'])), None, "joint 'tail' of group 'a' is not in the data set"),
    ({}, [sample(np.zeros((2, 2)), np.zeros((2, 2)), [0, 0])], 'none of the evaluated joints'),
    ({}, [sample(np.full((2, 2), np.nan), np.zeros((2, 2)), [1, 1], path='bad.jpg')],
     '4 predicted coordinates of bad.jpg are not finite'),
    ({}, [sample(np.zeros((3, 2)), np.zeros((2, 2)), [1, 1])],
     '3 keypoints predicted, 2 labelled'),
    ({}, [sample(np.zeros((2, 2)), [[0, 0], [np.nan, 0]], [1, 1], path='bad.jpg')],
     r'joints \[1\] of bad.jpg are labelled .* not finite')])
def test_messages(kwargs, samples, message):
    samples = samples or [sample(np.zeros((2, 2)), np.zeros((2, 2)), [1, 1])]
    with pytest.raises(ValueError, match=message):
        evaluate(samples, **kwargs)


def test_thresholds_must_be_positive():
    with pytest.raises(ValueError, match='positive'):
        metric(thresholds=[0.])


def test_unlabelled_joints_may_hold_anything():
    s = [sample(np.zeros((2, 2)), [[0, 0], [np.nan, np.inf]], [1, 0])]
    assert evaluate(s)['PCK@0.05'] == 100


LSP = ['right_shoulder', 'left_hip', 'wrist']


def test_errors_in_torsos():
    """A torso of 50 image pixels: 10 are 0.2 of it, whatever the crop."""
    truth = [[0, 0], [30, 40], [100, 100]]
    hit, miss = ([[0, 0], [30, 40], [100 + d, 100]] for d in (9.99, 10.01))
    samples = [sample(hit, truth, [1, 1, 1], scale=(128, 128)), sample(miss, truth, [1, 1, 1])]
    got = evaluate(samples, LSP, unit='torso', thresholds=[0.2], groups=dict(hand=['wrist']))
    assert got == {'TorsoPCK@0.2': 50, 'TorsoPCK@0.2/hand': 50}
    narrow = sample(hit, truth, [1, 1, 1], (48, 64), (96, 128))  # lengths are those of the input
    assert evaluate([narrow], LSP, unit='torso', thresholds=[0.2])['TorsoPCK@0.2'] == 100


def test_without_a_torso_there_is_no_error_in_torsos(monkeypatch):
    truth, points = [[0, 0], [0, 0], [9, 9]], [[0, 0], [0, 0], [50, 50]]
    unknown = sample(points, truth, [1, 1, 1]), sample(points, truth, [0, 1, 1])
    right = sample([[0, 0], [3, 4], [1, 1]], [[0, 0], [3, 4], [1, 1]], [1, 1, 1])
    assert evaluate([*unknown, right], LSP, unit='torso')['TorsoPCK@0.1'] == 100
    with pytest.raises(ValueError, match='all instances were left out'):
        evaluate(unknown, LSP, unit='torso')
    with pytest.raises(ValueError, match=r"no \['left_hip', 'right_shoulder'\]"):
        evaluate([right], ['a', 'b', 'c'], unit='torso')
    for bad in (dict(unit='head'), dict(unit='torso', mode='published')):
        with pytest.raises(ValueError, match="is not 'side', or 'torso'"):
            metric(**bad)


def test_flagged_annotations_are_left_out():
    zero, far = np.zeros((1, 2)), np.full((1, 2), 50)
    samples = [dict(sample(p, zero, [1]), raw_ann_info=dict(swapped=s, odd=o))
               for p, s, o in ((zero, False, False), (far, False, True), (far, True, False))]
    assert evaluate(samples)['PCK@0.05'] == pytest.approx(100 / 3)
    assert evaluate(samples, leave_out=['odd'])['PCK@0.05'] == 50
    assert evaluate(samples, leave_out=['odd', 'swapped'])['PCK@0.05'] == 100
    with pytest.raises(ValueError, match='a.jpg has no swoped'):
        evaluate(samples, leave_out=['swoped'])
    with pytest.raises(ValueError, match='a.jpg has no odd.*raw_ann_info'):
        evaluate([sample(zero, zero, [1])], leave_out=['odd'])
    with pytest.raises(ValueError, match='all instances were left out'):
        evaluate(samples[1:], leave_out=['odd', 'swapped'])
