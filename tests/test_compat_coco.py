"""MMPose's COCO metrics with faster-coco-eval in xtcocotools' place: the same numbers."""
import importlib
import json
import os
import pickle
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.evaluation.metrics import CocoMetric, CocoWholeBodyMetric

from udapose import compat

pytest.importorskip('faster_coco_eval')
from udapose.compat import coco_api, xtcocotools  # noqa: E402

stood_in = 'xtcocotools' in {fix.name for fix in compat.applied_fixes()}
both = pytest.mark.skipif(stood_in, reason='xtcocotools cannot be imported here')
samples = pytest.mark.skipif('UDAPOSE_TEST_DATA' not in os.environ,
                             reason='UDAPOSE_TEST_DATA names no folder with samples')
SAMPLES = Path(os.environ.get('UDAPOSE_TEST_DATA', '.')) / 'mmpose_samples'
FIELDS = dict(zip(coco_api.WHOLE_BODY, (17, 6, 68, 21, 21)))
IOU_TYPES = ('keypoints', 'keypoints_body', 'keypoints_crowd', *coco_api.PARTS)


def made_annotations(seed=0, images=14, area=True):
    """A data set with crowds, people without visible joints, id 0, and an absent category."""
    rng = np.random.default_rng(seed)
    annotations = []
    for image in range(images):
        for _ in range(rng.integers(0, 6)):
            x, y = rng.uniform(0, 300, 2)
            width, height = rng.uniform(5, 250, 2)
            annotation = dict(id=len(annotations), image_id=image * 7,
                              category_id=int(rng.integers(1, 3)), bbox=[x, y, width, height],
                              iscrowd=int(rng.random() < 0.1))
            if area:
                annotation['area'] = float(width * height * rng.uniform(0.3, 1))
            for field, count in FIELDS.items():
                seen = rng.integers(0, 3, count) * (rng.random() > 0.15)
                points = rng.uniform((x, y), (x + width, y + height), (count, 2))
                annotation[field] = np.c_[points, seen].reshape(-1).tolist()
            annotation['num_keypoints'] = sum(v == 2 for v in annotation['keypoints'][2::3])
            annotations.append(annotation)
    return dict(
        images=[dict(id=image * 7, crowdIndex=round(float(rng.random()), 2), width=600, height=600)
                for image in range(images)],
        categories=[dict(id=i, name=f'kind {i}') for i in (1, 2, 3)], annotations=annotations)


def made_results(truth, seed=1, part_scores=True):
    """Shifted copies, some twice, some lost, scores with ties, and false alarms."""
    rng = np.random.default_rng(seed)
    results = []
    for annotation in truth['annotations']:
        for _ in range(rng.choice([0, 1, 1, 2])):
            result = dict(image_id=annotation['image_id'], score=round(float(rng.random()), 1),
                          category_id=annotation['category_id'])
            spread = np.sqrt(np.prod(annotation['bbox'][2:])) * rng.choice([0.005, 0.03, 0.2])
            for field, count in FIELDS.items():
                points = np.array(annotation[field]).reshape(-1, 3)[:, :2]
                points = points + rng.normal(0, spread, (count, 2))
                sure = rng.random(count) * (rng.random() > 0.05)
                result[field] = np.c_[points, sure].reshape(-1).tolist()
            if part_scores:
                result.update({score: round(float(rng.random()), 1)
                               for _, score in coco_api.PARTS.values()})
            results.append(result)
    return results


def evaluate(coco, cocoeval, truth_file, results, iou_type, use_area=True):
    truth = coco.COCO(str(truth_file))
    sigmas = None
    if iou_type in coco_api.PARTS:
        count = sum(FIELDS[field] for field in coco_api.PARTS[iou_type][0])
        sigmas = np.linspace(0.02, 0.1, count)
    evaluation = cocoeval.COCOeval(truth, truth.loadRes(json.loads(json.dumps(results))),
                                   iou_type, sigmas, use_area)
    evaluation.params.useSegm = None
    evaluation.evaluate()
    evaluation.accumulate()
    arrays = {name: np.array(evaluation.eval[name]) for name in ('precision', 'recall')}
    evaluation.summarize()
    return dict(stats=np.array(evaluation.stats), **arrays)


@both
@pytest.mark.parametrize('seed', [0, 1])
@pytest.mark.parametrize('iou_type', IOU_TYPES)
def test_every_kind_of_evaluation_equals_xtcocotools(tmp_path, iou_type, seed):
    truth = made_annotations(seed, area=iou_type != 'keypoints_crowd')
    (tmp_path / 'truth.json').write_text(json.dumps(truth))
    results = made_results(truth, seed + 1)
    use_area = iou_type != 'keypoints_crowd'
    theirs, ours = (
        evaluate(importlib.import_module(f'{name}coco'), importlib.import_module(f'{name}cocoeval'),
                 tmp_path / 'truth.json', results, iou_type, use_area)
        if name else evaluate(coco_api, coco_api, tmp_path / 'truth.json', results, iou_type,
                              use_area) for name in ('xtcocotools.', ''))
    assert 0 < theirs['stats'][0] < 1 and len(set(np.round(theirs['stats'], 6))) > 3
    for name, expected in theirs.items():
        np.testing.assert_allclose(ours[name], expected, atol=1e-9, err_msg=name)


@both
def test_without_any_result_both_say_zero(tmp_path):
    from xtcocotools import coco, cocoeval
    truth = made_annotations()
    (tmp_path / 'truth.json').write_text(json.dumps(truth))
    nowhere = [dict(made_results(truth)[0], keypoints=[0.] * 51)]  # is dropped: no joint at all
    theirs, ours = (evaluate(c, e, tmp_path / 'truth.json', nowhere, 'keypoints')
                    for c, e in ((coco, cocoeval), (coco_api, coco_api)))
    assert theirs['stats'].tolist() == ours['stats'].tolist() == [0] * 10


@both
def test_masks_are_the_same():
    from faster_coco_eval.core import mask as ours
    from xtcocotools import mask as theirs
    polygon, box = [3., 4., 30., 6., 20., 25., 5., 20.], np.array([[1., 2., 30., 20.]])
    for segments in ([polygon], [polygon, polygon[::-1]], box):
        decoded = []
        for mask in (theirs, ours):
            rle = mask.frPyObjects(segments, 40, 50)
            rles = rle if isinstance(rle, list) else [rle]
            merged = mask.merge(rles)
            decoded.append((mask.decode(merged), mask.area(merged), mask.toBbox(merged)))
        assert all(np.array_equal(a, b) for a, b in zip(*decoded)) and decoded[0][0].any()


def mmpose_samples(file, iou_type, metainfo):
    """Ground truth and predictions as MMPose's test loop hands them to a metric."""
    truth = json.loads((SAMPLES / file).read_text())
    meta = parse_pose_metainfo(dict(from_file=f'configs/_base_/datasets/{metainfo}.py'))
    meta['CLASSES'] = truth['categories']
    rng = np.random.default_rng(0)
    fields = coco_api.WHOLE_BODY if 'foot_kpts' in truth['annotations'][0] else ('keypoints',)
    data = []
    for annotation in truth['annotations']:
        points = np.concatenate([np.array(annotation[f], dtype=float).reshape(-1, 3)
                                 for f in fields])
        spread = np.sqrt(annotation['area']) * rng.choice([0.01, 0.03, 0.1])
        keypoints = points[None, :, :2] + rng.normal(0, spread, (1, len(points), 2))
        image = next(i for i in truth['images'] if i['id'] == annotation['image_id'])
        data.append(dict(
            id=annotation['id'], img_id=annotation['image_id'],
            ori_shape=(image['height'], image['width']), crowd_index=rng.random(),
            category_id=annotation['category_id'], raw_ann_info=annotation, gt_instances=dict(
                bbox_scores=np.ones(1), bbox_scales=np.array([annotation['bbox'][2:]])),
            pred_instances=dict(keypoints=keypoints,
                                keypoint_scores=rng.uniform(0.3, 1, (1, len(points))))))
    return data, meta


@both
@samples
@pytest.mark.parametrize('metric,file,iou_type,metainfo', [
    (CocoMetric, 'coco/test_coco.json', 'keypoints', 'coco'),
    (CocoMetric, 'coco/test_coco.json', 'keypoints_crowd', 'coco'),
    (CocoMetric, 'ap10k/test_ap10k.json', 'keypoints', 'ap10k'),
    (CocoWholeBodyMetric, 'coco/test_coco_wholebody.json', 'keypoints_wholebody',
     'coco_wholebody')])
def test_mmposes_metrics_on_real_annotations(metric, file, iou_type, metainfo, monkeypatch):
    module = importlib.import_module(metric.__module__)
    scores = []
    for replaced in (False, True):
        if replaced:
            monkeypatch.setattr('mmpose.evaluation.metrics.coco_metric.COCO', coco_api.COCO)
            monkeypatch.setattr(module, 'COCOeval', coco_api.COCOeval)
        data, meta = mmpose_samples(file, iou_type, metainfo)
        evaluator = metric(iou_type=iou_type, use_area=iou_type != 'keypoints_crowd')
        evaluator.dataset_meta = meta
        evaluator.process({}, data)
        scores.append(evaluator.evaluate(len(data)))
    assert scores[0].keys() == scores[1].keys() and len(scores[0]) >= 9
    assert 0.05 < next(iter(scores[0].values())) < 1
    assert scores[1] == pytest.approx(scores[0], abs=1e-6)


def test_perfect_results_have_ap_and_ar_one(tmp_path, capsys):
    truth = made_annotations()
    (tmp_path / 'truth.json').write_text(json.dumps(truth))
    results = [dict(a, score=0.5) for a in truth['annotations'] if any(a['keypoints'][2::3])]
    stats = evaluate(coco_api, coco_api, tmp_path / 'truth.json', results, 'keypoints')['stats']
    assert stats == pytest.approx(np.ones(10))
    assert 'Average Precision' in capsys.readouterr().out


def test_steps_out_of_order_are_named():
    evaluation = coco_api.COCOeval()
    with pytest.raises(RuntimeError, match='evaluate.*before accumulate'):
        evaluation.accumulate()
    with pytest.raises(RuntimeError, match='accumulate.*before summarize'):
        evaluation.summarize()


def test_missing_part_scores_are_counted(tmp_path):
    truth = made_annotations()
    (tmp_path / 'truth.json').write_text(json.dumps(truth))
    results = made_results(truth, part_scores=False)
    with pytest.warns(UserWarning, match=r"\d+ of \d+ results have no 'foot_score'"):
        evaluate(coco_api, coco_api, tmp_path / 'truth.json', results, 'keypoints_foot')


def test_chosen_keypoints_and_annotation_id_zero(tmp_path):
    truth = made_annotations()
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        coco = coco_api.COCO('name only', test_index=[2, 0], ann_data=json.loads(
            json.dumps(truth)))
    first = truth['annotations'][0]['keypoints']
    assert coco.loadAnns(0)[0]['keypoints'] == first[6:9] + first[:3]
    assert coco.anno_file == ['name only']
    assert pickle.loads(pickle.dumps(coco)).anns.keys() == coco.anns.keys()


WITHOUT = """
import sys
if sys.argv[1] == 'missing':
    class Absent:
        def find_spec(self, name, path=None, target=None):
            if name.partition('.')[0] == 'xtcocotools':
                raise ModuleNotFoundError(f'No module named {name!r}', name=name)
    sys.meta_path.insert(0, Absent())
from udapose import compat
from mmpose.evaluation.metrics import CocoMetric
from mmpose.evaluation.metrics import coco_metric
from udapose.compat import coco_api
import xtcocotools.mask
from xtcocotools.coco import COCO
from xtcocotools.cocoeval import COCOeval
assert coco_metric.COCO is COCO is coco_api.COCO and COCOeval is coco_api.COCOeval
assert xtcocotools.mask.__name__ == 'faster_coco_eval.core.mask'
print([fix.reason for fix in compat.applied_fixes() if fix.name == 'xtcocotools'])
"""


@pytest.mark.parametrize('how,reason', [('missing', 'No module named'),
                                        ('broken', 'numpy.dtype size changed')])
def test_a_missing_or_broken_one_is_stood_in_for(tmp_path, run_python, how, reason):
    (tmp_path / 'xtcocotools').mkdir()
    (tmp_path / 'xtcocotools/__init__.py').touch()
    (tmp_path / 'xtcocotools/mask.py').write_text(
        "import sys; print('a page about numpy', file=sys.stderr)\n"
        "raise ValueError('numpy.dtype size changed')\n")
    library = Path(sys.modules['faster_coco_eval'].__file__).parents[1]
    path = [tmp_path] if how == 'broken' else []
    done = run_python('-c', WITHOUT, how, path=[*path, library])
    assert done.returncode == 0 and reason in done.stdout, done.stderr
    assert 'a page about numpy' not in done.stderr


@both
def test_a_working_one_is_left_alone():
    import xtcocotools.coco
    from mmpose.datasets.datasets.base import base_coco_style_dataset
    assert base_coco_style_dataset.COCO is xtcocotools.coco.COCO
    assert 'site-packages' in sys.modules['xtcocotools'].__file__


def test_without_either_the_remedy_is_named(monkeypatch):
    monkeypatch.setattr(xtcocotools, 'import_error', lambda name: 'No module named')
    monkeypatch.setattr(xtcocotools, 'is_applied', lambda name: False)
    monkeypatch.setattr(xtcocotools, 'find_spec', lambda name: None)
    with pytest.raises(compat.MissingDependencyError, match='pip install faster-coco-eval'):
        xtcocotools.fix()
