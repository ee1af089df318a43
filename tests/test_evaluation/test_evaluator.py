"""GroupedPCK behind MMEngine's Evaluator, fed by a real data set and pipeline."""
import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData
from mmpose.datasets import CocoDataset

from udapose.configs import config_root

INPUT = (48, 64)  # width, height: not square, while the images are


@pytest.fixture(scope='module')
def dataset(tmp_path_factory):
    from udapose.synthetic import generate
    out = tmp_path_factory.mktemp('people')
    generate(out, kind='people', size=64, source_train=1, target_train=1, val=1, test=7, workers=1)
    metainfo = config_root() / '_base_/datasets/metainfo/synth_people_target.py'
    with DefaultScope.overwrite_default_scope('mmpose'):
        return CocoDataset(
            data_root=f'{out}/target', ann_file='annotations/test.json',
            data_prefix=dict(img='images/test/'), metainfo=dict(from_file=str(metainfo)),
            test_mode=True, pipeline=[
                dict(type='LoadPoseImage'), dict(type='WholeImageBBox'),
                dict(type='GetBBoxCenterScale', padding=1.25),
                dict(type='RecordedTopdownAffine', input_size=INPUT),
                dict(type='PackPoseInputs', meta_keys=(
                    'img_path', 'input_size', 'input_center', 'input_scale', 'input_matrix'))])


@pytest.fixture(autouse=True)
def mmpose_scope():
    """As in a runner: the data set builds its metainfo and pipeline by name at each read."""
    with DefaultScope.overwrite_default_scope('mmpose'):
        yield


def predicted(dataset, noise, seed=0):
    """The data set's samples with the labels plus noise (image pixels) as predictions."""
    rng, samples = np.random.default_rng(seed), []
    for i in range(len(dataset)):
        sample = dataset[i]['data_samples']
        truth = sample.gt_instances.keypoints
        sample.pred_instances = InstanceData(
            keypoints=truth + noise * rng.standard_normal(truth.shape))
        samples.append(sample)
    return samples


def evaluate(dataset, samples, batch_size=3):
    evaluator = Evaluator([
        dict(type='GroupedPCK', groups=dict(arm=['left_elbow', 'right_wrist'], hips=[11, 12]),
             prefix='target')])
    evaluator.dataset_meta = dataset.metainfo
    for start in range(0, len(samples), batch_size):
        evaluator.process(samples[start:start + batch_size], None)
    return evaluator.evaluate(len(samples))


def warped(matrix, points):
    return (np.c_[points, np.ones(len(points))] @ matrix.T)[:, :2]


def test_equals_the_distance_after_warping_both_into_the_input(dataset):
    """Independent of input_scale: through the crop's own matrix."""
    samples = predicted(dataset, noise=6.)
    got = evaluate(dataset, samples)
    names = list(dataset.metainfo['keypoint_id2name'].values())
    groups = dict(arm=[names.index('left_elbow'), names.index('right_wrist')], hips=[11, 12])
    assert groups['arm'] == [7, 10]
    for threshold in (0.05, 0.1):
        rates = {}
        for joint in (7, 10, 11, 12):
            hits = []
            for s in samples:
                if s.gt_instances.keypoints_visible[0, joint] == 0:
                    continue
                ends = [warped(s.metainfo['input_matrix'], instances.keypoints[0])[joint]
                        for instances in (s.pred_instances, s.gt_instances)]
                hits.append(np.hypot(*(ends[0] - ends[1])) <= threshold * 64)
            rates[joint] = 100 * np.mean(hits)
        assert got[f'target/PCK@{threshold}'] == pytest.approx(np.mean(list(rates.values())))
        for name, joints in groups.items():
            assert got[f'target/PCK@{threshold}/{name}'] == pytest.approx(
                np.mean([rates[j] for j in joints]))
    assert 0 < got['target/PCK@0.05'] < got['target/PCK@0.1'] < 100


def test_perfect_predictions_score_100(dataset):
    assert set(evaluate(dataset, predicted(dataset, noise=0.)).values()) == {100.}


def test_batching_does_not_matter(dataset):
    samples = predicted(dataset, noise=6.)
    assert evaluate(dataset, samples, 1) == evaluate(dataset, samples, 7)


def test_tensors_are_accepted(dataset):
    samples = predicted(dataset, noise=6.)
    expected = evaluate(dataset, samples)
    for s in samples:
        s.pred_instances.keypoints = torch.as_tensor(s.pred_instances.keypoints)
    assert evaluate(dataset, samples) == expected
