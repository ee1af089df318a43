"""The 3D protocols of the public data sets: config snippets, joint subsets, AUC as a mean."""
import re

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import METRICS

from udapose.evaluation.joint_groups import JOINT_SUBSETS, resolve_joints
from udapose.joint_sets import JOINT_SETS

PROTOCOLS = dict(
    h36m=('body17', {'MPJPE', 'PA-MPJPE'}), surreal3d=('body17', {'MPJPE', 'PA-MPJPE'}),
    mpi_inf_3dhp=('body17', {'MPJPE', 'PA-MPJPE', 'PCK3D@150', 'AUC@0-150'}),
    freihand=('hand21', {'MPJPE', 'PA-MPJPE', 'Absolute-MPJPE', 'AUC@0-50', 'PA-AUC@0-50',
                         'Absolute-AUC@0-50'}),
    stb=('hand21', {'EPE3D-mean', 'EPE3D-median', 'MPJPE', 'PA-MPJPE', 'AUC@20-50'}),
    rhd=('hand21', {'EPE3D-mean', 'EPE3D-median', 'MPJPE', 'PA-MPJPE', 'AUC@0-50', 'AUC@20-50'}),
    ganerated=('hand21', {'EPE3D-mean', 'EPE3D-median', 'MPJPE', 'PA-MPJPE', 'AUC@0-50',
                          'PA-AUC@0-50'}),
    panoptic=('hand21', {'EPE3D-mean', 'EPE3D-median', 'MPJPE', 'PA-MPJPE', 'AUC@0-50',
                         'PA-AUC@0-50'}),
    **{'3dpw': ('body17', {'MPJPE', 'PA-MPJPE'})})
NAMES = list(JOINT_SETS['body17'].names)


def samples(predicted, truth, visible=None):
    predicted, truth = (np.asarray(x, np.float32) for x in (predicted, truth))
    visible = np.ones(truth.shape[:2]) if visible is None else visible
    return [dict(pred_instances=dict(keypoints_cam=p[None]), root_index=0, img_path='a.jpg',
                 gt_instances=dict(keypoints_cam=t[None], keypoints_visible=np.float32(v)[None]))
            for p, t, v in zip(predicted, truth, visible)]


def evaluate(metrics, data, joint_set='body17'):
    evaluator = Evaluator([METRICS.build(dict(metric)) for metric in metrics])
    evaluator.dataset_meta = parse_pose_metainfo(JOINT_SETS[joint_set].metainfo('x', title='t'))
    evaluator.process(data_samples=data, data_batch=None)
    return evaluator.evaluate(len(data))


def poses(count, joints, seed=0):
    return np.random.default_rng(seed).normal(0, 300, (count, joints, 3)) + (0, 0, 4000)


@pytest.mark.parametrize('name', PROTOCOLS)
def test_a_config_takes_a_protocol_from_its_snippet(name, repository, tmp_path):
    joint_set, keys = PROTOCOLS[name]
    config = tmp_path / 'config.py'
    config.write_text(f"_base_ = ['{repository}/configs/_base_/metrics/{name}.py']\n"
                      f'test_evaluator = {{{{_base_.metrics_{name}}}}}\n')
    metrics = Config.fromfile(config).test_evaluator
    truth = poses(4, len(JOINT_SETS[joint_set].names))
    exact = evaluate(metrics, samples(truth, truth), joint_set)
    overall = {key for key in exact if key.count('/') == 1}
    assert overall == {f'target/{key}' for key in keys}
    for key, value in exact.items():
        # the curve of exact joints is full, but Procrustes leaves rounding at the threshold of 0
        best = 100 if 'AUC' in key or 'PCK' in key else 0
        assert abs(value - best) < (1 if key.startswith('target/PA-AUC') else 0.01), key
    moved = evaluate(metrics, samples(truth + (0, 0, 500), truth), joint_set)
    for key, value in moved.items():  # root-aligned, but for the camera's frame
        if 'Absolute-MPJPE' in key:
            assert value == pytest.approx(500, abs=0.01)
        elif 'Absolute-AUC' in key:
            assert value == 0
        else:
            assert value == pytest.approx(exact[key], abs=0.6)


def test_the_14_joints_of_lsp_by_name():
    joints = resolve_joints('body17_lsp14', NAMES)
    assert joints == [3, 2, 1, 4, 5, 6, 16, 15, 14, 11, 12, 13, 8, 10]
    # SPIN's list of Human3.6M's regressor has the legs' sides exchanged, and the same joints
    assert set(joints) == {6, 5, 4, 1, 2, 3, 16, 15, 14, 11, 12, 13, 8, 10}
    with pytest.raises(ValueError, match="unknown joint subset 'lsp': use one of"):
        resolve_joints('lsp', NAMES)
    with pytest.raises(ValueError, match="'right_foot'.*not in the data set"):
        resolve_joints('body17_lsp14', ['a', 'b'])


def slow_pa(predicted, truth, joints):
    """PA-MPJPE of one pose with the joints alone, by an iterative search over similarities."""
    from scipy.optimize import minimize
    from scipy.spatial.transform import Rotation
    p, t = predicted[joints], truth[joints]
    p = p - p.mean(0)

    def residual(x):
        return np.square(np.exp(x[3]) * p @ Rotation.from_rotvec(x[:3]).as_matrix().T + 100 * x[4:]
                         - (t - t.mean(0))).sum() / 1e4
    x = minimize(residual, np.zeros(7), method='BFGS', options=dict(gtol=1e-9)).x
    moved = np.exp(x[3]) * p @ Rotation.from_rotvec(x[:3]).as_matrix().T + 100 * x[4:]
    return np.linalg.norm(moved - (t - t.mean(0)), axis=1).mean()


def test_3dpw_aligns_on_the_scored_joints_alone(repository):
    metrics = Config.fromfile(repository / 'configs/_base_/metrics/3dpw.py').metrics_3dpw
    truth = poses(3, 17)
    rng = np.random.default_rng(1)
    predicted = truth + rng.normal(0, 40, truth.shape)
    predicted[:, [7, 9]] += 900  # spine and neck base are not scored
    visible = np.ones((3, 17))
    visible[:, 10] = 0  # 3DPW has no top of the head
    got = evaluate(metrics, samples(predicted, truth, visible))
    joints = [j for j in resolve_joints('body17_lsp14', NAMES) if j != 10]
    expected = np.mean([slow_pa(p, t, joints) for p, t in zip(predicted, truth)])
    assert got['target/PA-MPJPE'] == pytest.approx(expected, abs=0.02)
    rooted = predicted - predicted[:, :1] - truth + truth[:, :1]
    assert got['target/MPJPE'] == pytest.approx(np.linalg.norm(rooted, axis=-1)[:, joints].mean(),
                                                abs=0.01)
    labelled = evaluate([dict(metrics[0], align_on='labelled')],
                        samples(predicted, truth, visible))
    assert labelled['target/PA-MPJPE'] > expected + 20


def test_3dhp_scores_14_joints_within_150_mm_and_a_mean_over_5_mm_steps(repository):
    metrics = Config.fromfile(
        repository / 'configs/_base_/metrics/mpi_inf_3dhp.py').metrics_mpi_inf_3dhp
    truth = np.round(poses(2, 17))  # exact in float32
    predicted = truth.copy()
    predicted[:, 3, 0] += 52  # right foot: correct from 55 mm, the 12th of 31 thresholds
    predicted[:, 6, 1] += 151  # left foot: nowhere
    predicted[:, 7] += 5000  # spine: not scored
    got = evaluate(metrics, samples(predicted, truth))
    assert got['target/PCK3D@150'] == pytest.approx(100 * 13 / 14)
    assert got['target/AUC@0-150'] == pytest.approx(100 * (12 + 20 / 31) / 14)
    # by trapezoids: a ramp from 50 to 55 mm, then full
    trapezoid = evaluate([dict(metrics[2], rule='trapezoid')], samples(predicted, truth))
    assert trapezoid['target/AUC@0-150'] == pytest.approx(100 * (12 + 97.5 / 150) / 14)
    # a joint that is 150 mm off still is correct
    predicted[:, 6, 1] -= 1
    assert evaluate(metrics, samples(predicted, truth))['target/PCK3D@150'] == 100


@pytest.mark.parametrize('options,message', [
    (dict(type='CameraSpaceAUC', rule='sum'), "rule must be 'trapezoid' or 'mean'"),
    (dict(type='CameraSpaceMPJPE', align_on='all'), "align_on must be 'labelled' or 'evaluated'")])
def test_unknown_options_are_told(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        METRICS.build(options)


def test_subsets_name_joints_of_their_joint_set():
    for name, joints in JOINT_SUBSETS.items():
        assert set(joints) <= set(JOINT_SETS[name.split('_')[0]].names)
        assert len(joints) == len(set(joints))
