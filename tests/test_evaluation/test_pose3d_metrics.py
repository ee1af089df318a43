"""The registered 3D metrics: a slow reference, documented rules, messages."""
import ast
import importlib.util
import inspect
import logging
import re
import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.evaluator import Evaluator
from mmengine.model import BaseModel
from mmengine.structures import InstanceData
from mmpose.registry import METRICS
from mmpose.structures import PoseDataSample
from torch.utils.data import DataLoader

from udapose.engine.val_loops import TeacherStudentTestLoop
from udapose.evaluation import JOINT_GROUPS
from udapose.evaluation.metrics.camera_space_base import CameraSpaceMetric


def sample(predicted, truth, visible=None, root=0, path='a.jpg', **extra):
    truth = np.asarray(truth, np.float32)[None]
    visible = np.ones(truth.shape[1]) if visible is None else np.asarray(visible, np.float32)
    return dict(pred_instances=dict(keypoints_cam=np.asarray(predicted, np.float32)[None]),
                gt_instances=dict(keypoints_cam=truth, keypoints_visible=visible[None]),
                root_index=root, img_path=path, **extra)


def evaluate(samples, type='CameraSpaceMPJPE', names=None, **kwargs):
    metric = METRICS.build(dict(type=type, **kwargs))
    if names:
        metric.dataset_meta = dict(keypoint_id2name=dict(enumerate(names)), dataset_name='x')
    for i in range(0, len(samples), 3):
        metric.process({}, samples[i:i + 3])
    return metric.evaluate(len(samples))


def random_samples(count=11, joints=7, seed=0, hidden=True):
    rng = np.random.default_rng(seed)
    out = []
    for i in range(count):
        truth = rng.normal(0, 200, (joints, 3)) + [0, 0, 3000]
        visible = rng.integers(0, 3, joints) if hidden else np.ones(joints)
        out.append(sample(truth * rng.uniform(.8, 1.2) + rng.normal(0, 40, truth.shape), truth,
                          visible, root=i % 3, path=f'{i}.jpg'))
    return out


def slow_errors(samples, joint, aligned=True, scaled=False):
    """One joint and one sample at a time."""
    out = []
    for s in samples:
        visible = s['gt_instances']['keypoints_visible'][0] > 0
        p, t = (s[x]['keypoints_cam'][0].astype(float) for x in ('pred_instances', 'gt_instances'))
        if not visible[joint] or (aligned and not visible[s['root_index']]):
            continue
        if aligned:
            p, t = p - p[s['root_index']], t - t[s['root_index']]
        if scaled:
            top = sum(float(p[j] @ t[j]) for j in range(len(p)) if visible[j])
            p = p * top / sum(float(p[j] @ p[j]) for j in range(len(p)) if visible[j])
        out.append(sum((a - b)**2 for a, b in zip(p[joint], t[joint]))**0.5)
    return out


@pytest.mark.parametrize('seed', range(3))
def test_equals_the_slow_reference(seed):
    samples = random_samples(seed=seed)
    got = evaluate(samples, groups=dict(a=[0, 1], b=[4]), prefix='target')
    plain = evaluate(samples, root_aligned=False, mode='mpjpe')
    for key, scaled in (('MPJPE', False), ('N-MPJPE', True)):
        means = [np.mean(slow_errors(samples, j, scaled=scaled)) for j in range(7)]
        assert got[f'target/{key}'] == pytest.approx(np.mean([means[j] for j in (0, 1, 4)]), 1e-5)
        assert got[f'target/{key}/a'] == pytest.approx(np.mean(means[:2]), 1e-5)
        assert got[f'target/{key}/b'] == pytest.approx(means[4], 1e-5)
    assert plain == {'Absolute-MPJPE': pytest.approx(
        np.mean([np.mean(slow_errors(samples, j, aligned=False)) for j in range(7)]), 1e-5)}
    assert 0 < got['target/PA-MPJPE'] < got['target/MPJPE']


def test_pck_and_auc_equal_the_slow_reference():
    samples = random_samples(20)
    errors = [np.array(slow_errors(samples, j)) for j in range(7)]
    got = evaluate(samples, 'CameraSpacePCK3D', threshold=(60, 150))
    for t in (60, 150):
        assert got[f'PCK3D@{t}'] == pytest.approx(np.mean([100 * (e <= t).mean() for e in errors]))
    assert 0 < got['PCK3D@60'] < got['PCK3D@150']
    got = evaluate(samples, 'CameraSpaceAUC', low=20, high=150, steps=14)
    curve = [np.mean([100 * (e <= t).mean() for e in errors]) for t in range(20, 151, 10)]
    area = sum((a + b) / 2 * 10 for a, b in zip(curve, curve[1:])) / 130
    assert got == {'AUC@20-150': pytest.approx(area)}


def test_pck_threshold_is_inclusive_and_in_millimetres():
    truth = np.zeros((3, 3))
    samples = [sample([[0, 0, 0], [0, 0, 150], [0, 150.1, 0]], truth)]
    assert evaluate(samples, 'CameraSpacePCK3D', joints=[1, 2]) == {'PCK3D@150': 50}


def test_root_alignment_and_procrustes_take_out_what_they_should():
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 100, (6, 3))
    shifted = [sample(truth + [10, 0, 500], truth)]
    got = evaluate(shifted)
    assert got['MPJPE'] == pytest.approx(0, abs=1e-3)
    assert evaluate(shifted, root_aligned=False)['Absolute-MPJPE'] == pytest.approx(
        np.hypot(10, 500), 1e-5)
    turn = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1.]])
    turned = [sample(2 * truth @ turn + 5, truth)]
    got = evaluate(turned)
    assert got['PA-MPJPE'] < 1e-3 < 50 < got['N-MPJPE'] < got['MPJPE']
    scaled = evaluate([sample(0.5 * truth, truth)], mode='n-mpjpe')
    assert scaled == {'N-MPJPE': pytest.approx(0, abs=1e-3)}
    for kind, extra, key in (('CameraSpacePCK3D', {}, 'PA-PCK3D@150'),
                             ('CameraSpaceAUC', dict(low=1), 'PA-AUC@1-50')):
        assert evaluate(turned, kind, **extra)[key[3:]] < 60
        assert evaluate(turned, kind, align='procrustes', **extra) == {key: 100}


def test_unlabelled_joints_do_not_count_and_may_hold_anything():
    truth = np.zeros((4, 3))
    truth[3] = np.nan
    predicted = np.array([[0, 0, 0], [0, 0, 10], [5, 0, 0], [1e6, 0, 0]])
    got = evaluate([sample(predicted, truth, [2, 1, 1, 0])], groups=dict(last=[3], rest=[1, 2]))
    assert got['MPJPE'] == pytest.approx(7.5) and got['MPJPE/rest'] == pytest.approx(7.5)
    assert not [k for k in got if k.endswith('last')] and np.isfinite(list(got.values())).all()


def test_instances_without_a_root_are_left_out_and_reported(caplog):
    truth, far = np.zeros((2, 3)), np.array([[0, 0, 0], [0, 0, 100]])
    samples = [sample(far, truth, [1, 1]), sample(9 * far, truth, [0, 1])]
    from mmengine.logging import MMLogger
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    try:
        with caplog.at_level(logging.WARNING):
            assert evaluate(samples, mode='mpjpe', joints=[1]) == {'MPJPE': 100}
    finally:
        logger.removeHandler(caplog.handler)
    assert '1 of 2 instances are left out: their root joint is not labelled' in caplog.text
    assert evaluate(samples, mode='mpjpe', root_aligned=False, joints=[1]) == {
        'Absolute-MPJPE': 500}


def test_epe_in_pixels_and_millimetres():
    samples = []
    for i, d in enumerate((1., 2., 30., 4.)):
        s = sample([[0, 0, 0], [10 * d, 0, 0]], np.zeros((2, 3)), [1, i < 3])
        s['pred_instances']['keypoints'] = np.array([[[0, 0], [0, d]]])
        s['gt_instances']['keypoints'] = np.zeros((1, 2, 2))
        samples.append(s)
    got = evaluate(samples, 'CameraSpaceEPE', joints=[1], groups=dict(tip=[1]), prefix='t')
    assert got == {f't/{k}{g}': pytest.approx(v) for g in ('', '/tip') for k, v in {
        'EPE2D-mean': 11, 'EPE2D-median': 2, 'EPE3D-mean': 110, 'EPE3D-median': 20}.items()}
    even = evaluate(samples[:2], 'CameraSpaceEPE', joints=[1], dimensions='3d')
    assert even == {'EPE3D-mean': 15, 'EPE3D-median': 15}
    for s in samples:
        del s['pred_instances']['keypoints_cam']
    flat = evaluate(samples, 'CameraSpaceEPE', dimensions=['2d'])
    assert set(flat) == {'EPE2D-mean', 'EPE2D-median'} and flat['EPE2D-mean'] == 5.5


def test_data_samples_as_the_evaluator_passes_them():
    """PoseDataSamples with tensors, several metrics and domains in one evaluator."""
    packed = []
    for s in random_samples(4, hidden=False):
        d = PoseDataSample(metainfo=dict(root_index=s['root_index'], img_path=s['img_path']))
        d.pred_instances = InstanceData(**{k: torch.from_numpy(v) for k, v in
                                           s['pred_instances'].items()})
        d.gt_instances = InstanceData(**s['gt_instances'])
        packed.append(d)
    evaluator = Evaluator([METRICS.build(cfg) for cfg in (
        dict(type='CameraSpaceMPJPE', prefix='target'),
        dict(type='CameraSpaceAUC', prefix='target'),
        dict(type='CameraSpaceAUC', low=20, prefix='target'),
        dict(type='CameraSpacePCK3D', prefix='source'))])
    evaluator.process(packed)
    got = evaluator.evaluate(4)
    assert set(got) == {'target/MPJPE', 'target/N-MPJPE', 'target/PA-MPJPE', 'target/AUC@0-50',
                        'target/AUC@20-50', 'source/PCK3D@150'}
    evaluator.process(packed)  # the loops evaluate one branch after the other
    assert evaluator.evaluate(4) == got


class TwoBranches(BaseModel):
    """Predicts the truth as teacher and 40 mm off in one of two joints as student."""
    predict_on = 'teacher'

    def forward(self, inputs, data_samples, mode='predict'):
        for s in data_samples:
            pose = s.gt_instances.keypoints_cam.copy()
            pose[:, 1, 0] += 40 * (self.predict_on == 'student')
            s.pred_instances = InstanceData(keypoints_cam=pose)
        return data_samples


def test_both_branches_in_the_validation_loop():
    data = []
    for _ in range(3):
        s = PoseDataSample(metainfo=dict(root_index=0))
        s.gt_instances = InstanceData(keypoints_cam=np.array([[[0., 0, 900], [0, 90, 900]]]),
                                      keypoints_visible=np.ones((1, 2)))
        data.append(dict(inputs=torch.zeros(3, 4, 4), data_samples=s))
    runner = SimpleNamespace(model=TwoBranches(), call_hook=lambda *a, **k: None, visualizer=None)
    loop = TeacherStudentTestLoop(
        runner, DataLoader(data, batch_size=2, collate_fn=pseudo_collate),
        Evaluator([METRICS.build(dict(type='CameraSpaceMPJPE', mode='mpjpe', prefix='target'))]),
        branches=('teacher', 'student'))
    assert loop.run() == {'target/MPJPE': 0, 'teacher/target/MPJPE': 0, 'student/target/MPJPE': 20}


def test_the_pages_snippet_builds(repository):
    page = (repository / 'docs/metrics_3d.md').read_text()
    code = re.search(r'```python\n(.*?)```', page, re.DOTALL).group(1)
    built = []
    for statement in ast.parse(code).body:
        built += [METRICS.build(cfg) for cfg in eval(ast.unparse(statement.value))]
    assert len(built) == 6
    for metric in built:
        for argument in inspect.signature(type(metric)).parameters:
            assert argument in page or argument == 'kwargs', argument
    for argument in inspect.signature(CameraSpaceMetric).parameters:
        assert argument in page or argument == 'collect_device', argument


def without(part, key):
    s = random_samples(1, hidden=False)[0]
    (s[part] if part else s).pop(key)
    return s


def changed(part, key, value):
    s = random_samples(1, hidden=False)[0]
    s[part][key] = value
    return s


NAN = np.full((1, 7, 3), np.nan)


@pytest.mark.parametrize('broken,message', [
    (without('pred_instances', 'keypoints_cam'), r'0\.jpg has no pred_instances.*3D head'),
    (without('gt_instances', 'keypoints_cam'), r'0\.jpg has no gt_instances.keypoints_cam.*3D lab'),
    (without('gt_instances', 'keypoints_visible'), r'0\.jpg has no .*keypoints_visible'),
    (without('', 'root_index'), r'0\.jpg has no root_index.*meta_keys'),
    (changed('pred_instances', 'keypoints_cam', NAN), r'21 predicted .*0\.jpg are not finite'),
    (changed('gt_instances', 'keypoints_cam', NAN), r'joints \[0, .*6\] of 0\.jpg are labelled'),
    (changed('pred_instances', 'keypoints_cam', NAN[:, :5]), r'\(1, 5\).*\(1, 7\) labelled'),
    (changed('gt_instances', 'keypoints_cam', NAN[0]), r'must be \(instances, K, 3\)'),
    (changed('gt_instances', 'keypoints_visible', np.ones((1, 4))), r'is \(1, 4\), the poses'),
    (changed('gt_instances', 'keypoints_visible', np.zeros((1, 7))), 'none of the evaluated join'),
    (dict(random_samples(1)[0], root_index=7), 'root_index 7 of 0.jpg is out of range.*7 joints')])
def test_one_clear_error(broken, message):
    with pytest.raises(ValueError, match=message):
        evaluate([broken])


@pytest.mark.parametrize('cfg,message', [
    (dict(type='CameraSpaceMPJPE', mode='mpje'), "mode must be one or several of.*'mpje'"),
    (dict(type='CameraSpaceMPJPE', align='root'), 'root_aligned=False'),
    (dict(type='CameraSpacePCK3D', align='similarity'), 'align must be one of.*procrustes'),
    (dict(type='CameraSpacePCK3D', threshold=0), 'positive millimetres'),
    (dict(type='CameraSpaceAUC', low=50), '0 <= low < high'),
    (dict(type='CameraSpaceAUC', steps=1), 'at least 2 steps'),
    (dict(type='CameraSpaceEPE', dimensions='4d'), "'2d' and '3d', got '4d'")])
def test_bad_settings_are_refused_early(cfg, message):
    with pytest.raises(ValueError, match=message):
        METRICS.build(cfg)


@pytest.mark.parametrize('preset,metainfo,joints,omitted', [
    ('h36m17', 'h36m', 17, []), ('mpi_inf_3dhp17', 'mpi_inf_3dhp', 17, []),
    ('mpii16', 'mpii', 16, []), ('rhd21', 'rhd2d', 21, []), ('hands', 'freihand2d', 21, []),
    ('people22', 'synth_people_source', 22, []), ('people', 'synth_people_source', 22, None),
    ('lsp14_body', 'lsp14', 14, []), ('lsp14', 'lsp14', 14, [12, 13])])
def test_presets_fit_the_data_sets_they_are_named_after(preset, metainfo, joints, omitted,
                                                        repository):
    ours = repository / f'configs/_base_/datasets/metainfo/{metainfo}.py'
    mmpose = Path(importlib.util.find_spec('mmpose').origin).parent
    path = ours if ours.exists() else mmpose / f'.mim/configs/_base_/datasets/{metainfo}.py'
    if not path.exists():
        pytest.skip('MMPose was installed without its configs')
    info = runpy.run_path(str(path))['dataset_info']['keypoint_info']
    assert len(info) == joints
    names = [info[i]['name'] for i in range(joints)]
    groups = JOINT_GROUPS[preset]
    used = sorted(j for g in groups.values() for j in g)
    assert len(used) == len(set(used)), 'a joint is in two groups'
    if omitted is not None:
        assert used == [j for j in range(joints) if j not in omitted]
    words = dict(ankle='ankle|foot', MCP='1', PIP='2', DIP='3', fingertip='4', pelvis='root|pelvis',
                 head='head|neck|nose|eye|ear', spine='spine|thorax|neck')
    for group, members in groups.items():
        for j in members:
            assert any(w in names[j] for w in words.get(group, group).split('|')), (group, names[j])


def test_a_root_behind_the_camera_is_no_diverged_model():
    """add_camera_space places nothing there, and lowering the learning rate helps nobody."""
    truth = np.full((5, 3), [0, 0, -900.])
    with pytest.raises(ValueError, match=r'labelled root \(joint 2\) of b.jpg is not in front of'):
        evaluate([sample(np.full((5, 3), np.nan), truth, root=2, path='b.jpg')])
    assert evaluate([sample(truth + 7, truth, root=2)])['MPJPE'] == 0  # a frame of the user's own
