"""3D labels that users bring: unlabelled joints, wrong numbers, units, ids, encodings."""
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmpose.registry import DATASETS, METRICS
from mmpose.structures import PoseDataSample
from test_camera_space_coco import ROOT
from test_camera_space_coco import data as data  # a fixture

from udapose.models.heads.camera_space import add_camera_space

NAN = float('nan')


def dataset(data, tmp_path, change, kind='hands', encoding='utf-8', **kwargs):
    """The first training samples with changed annotations."""
    text = Config.fromfile(ROOT / f'configs/_base_/datasets/synth_{kind}_3d_64x64.py').pretty_text
    cfg = Config.fromstring(text.replace(f'data/synthpose/{kind}/', f'{data}/{kind}/'), '.py')
    content = json.loads((data / kind / 'source/annotations/train.json').read_bytes())
    change(content)
    path = tmp_path / 'changed.json'
    path.write_bytes(json.dumps(content, ensure_ascii=False).encode(encoding))
    return DATASETS.build({**cfg.labeled_source_train, 'ann_file': str(path), **kwargs})


def unlabel(content, joint, value3d, value2d=(0, 0)):
    for ann in content['annotations']:
        ann['keypoints'][3 * joint:3 * joint + 3] = [*value2d, 0]
        ann['keypoints_3d'][joint] = value3d


@pytest.fixture
def warnings(monkeypatch):
    seen = []
    monkeypatch.setattr(MMLogger.get_current_instance(), 'warning', seen.append)
    return seen


@pytest.mark.parametrize('value', [None, [None] * 3, [NAN, NAN, NAN], [float('inf'), 0, 0]])
@pytest.mark.parametrize('value2d', [(0, 0), (None, None)])
def test_an_unlabelled_joint_may_hold_anything(value, value2d, data, tmp_path):
    items = dataset(data, tmp_path, lambda c: unlabel(c, 7, value, value2d))
    for i in range(4):
        np.random.seed(i)
        sample = items[i]['data_samples']
        labels, weights = (sample.gt_instance_labels[k] for k in (
            'keypoint_labels', 'keypoint_weights'))
        seven = sample.metainfo['flip_indices'][7] if sample.flip else 7
        assert torch.isfinite(labels).all() and np.isfinite(sample.gt_instances.keypoints_cam).all()
        assert weights[0, seven] == 0 and weights.sum() > 10
        # and so the loss: NaN times a weight of 0 would be NaN
        assert torch.isfinite((weights[..., None] * labels).sum())


@pytest.mark.parametrize('change,message', [
    (lambda a: a['keypoints_3d'].__setitem__(5, None),
     r'annotation 3 has labelled joints \(\[5\]\) whose keypoints_3d are null.*v = 0'),
    (lambda a: a['keypoints_3d'][5].__setitem__(2, NAN), r'\[5\].*keypoints_3d are null or not'),
    (lambda a: a['keypoints'].__setitem__(15, None), r'\[5\].*whose keypoints are null'),
    (lambda a: a['keypoints'].__setitem__(17, NAN), 'annotation 3 has a bbox or a visibility'),
    (lambda a: a['bbox'].__setitem__(1, None), 'annotation 3 has a bbox or a visibility'),
    (lambda a: a['bbox'].pop(), 'annotation 3 has bbox that are not rows of 4 numbers'),
    (lambda a: a.update(keypoints_3d=[[1, 2]] * 21), 'keypoints_3d that are not rows of 3'),
    (lambda a: a['camera']['K'][0].__setitem__(0, None), 'annotation 3 has a camera.K that is')])
def test_a_labelled_joint_may_not(change, message, data, tmp_path):
    """Every annotation is looked at, here the last one."""
    def visible(content):
        ann = content['annotations'][3]
        ann['keypoints'][17] = 2
        change(ann)

    with pytest.raises(ValueError, match=message):
        dataset(data, tmp_path, visible, max_reprojection_error=None)


@pytest.mark.parametrize('value', [None, [0, 0, 0]])
def test_an_unlabelled_root_is_told_and_teaches_nothing(value, warnings, data, tmp_path):
    items = dataset(data, tmp_path, lambda c: unlabel(c, 0, value))
    assert 'root is unlabelled and has no depth in 4 of 4 instances' in warnings[0]
    assert 'root_index' in warnings[0]
    for i in range(4):
        labels = items[i]['data_samples'].gt_instance_labels
        assert torch.isfinite(labels.keypoint_labels).all()
        assert not labels.keypoint_weights.any()
    assert '1 of 1 instances have an unlabelled root (joint 0)' in warnings[1]
    assert not any('depth_range' in w for w in warnings)  # which is not the reason


def test_a_root_outside_of_the_image_has_a_depth_all_the_same(warnings, data, tmp_path):
    def outside(content):
        for ann in content['annotations']:
            ann['keypoints'][2] = 0
    items = dataset(data, tmp_path, outside)
    assert items[0]['data_samples'].gt_instance_labels.keypoint_weights.sum() > 10
    assert not warnings


def test_crowds_and_instances_without_labels_are_left_out_and_counted(warnings, data, tmp_path):
    def change(content):
        first, second = content['annotations'][:2]
        first.update(iscrowd=1, keypoints_3d=None)
        second.update(keypoints=[0] * 63, keypoints_3d=None)
        content['annotations'][2]['bbox'] = [5, 5, 0, 9]
    assert len(dataset(data, tmp_path, change)) == 1
    assert any('left out 1 annotations (with an empty box' in w for w in warnings)
    assert any('left out 1 annotations (crowds)' in w for w in warnings)
    assert any('left out 1 annotations (without a labelled joint)' in w for w in warnings)


def scaled(factor):
    def change(content):
        for ann in content['annotations']:
            ann['keypoints_3d'] = (np.array(ann['keypoints_3d']) * factor).tolist()
    return change


@pytest.mark.parametrize('kind,low,high', [('hands', 30, 400), ('people', 200, 4000)])
@pytest.mark.parametrize('factor,unit', [(0.001, 'metres'), (0.1, 'centimetres')])
def test_other_units_are_named(kind, low, high, factor, unit, data, tmp_path):
    """They project as well as millimetres do."""
    what = 'hand' if kind == 'hands' else 'person'
    with pytest.raises(ValueError, match=(
            rf'changed\.json: the labelled joints of a {what} span .* {low} to {high}\); in {unit} '
            r'it would be one: multiply by')):
        dataset(data, tmp_path, scaled(factor), kind)
    dataset(data, tmp_path, scaled(1), kind)
    for accepted in (None, (0, 1000)):
        assert len(dataset(data, tmp_path, scaled(factor), kind, extent_range=accepted)) == 4
    with pytest.raises(ValueError, match='extent_range=.*least, largest'):
        dataset(data, tmp_path, scaled(1), kind, extent_range=(5, 1))


def test_ids_may_be_text(data, tmp_path):
    def text(content):
        for image in content['images']:
            image['id'] = f'img {image["id"]}'
        for ann in content['annotations']:
            ann.update(id=f'a{ann["id"]}', image_id=f'img {ann["image_id"]}')
    items = dataset(data, tmp_path, text)
    plain = dataset(data, tmp_path, lambda c: None)
    assert [items.get_data_info(i)['id'] for i in range(4)] == ['a0', 'a1', 'a2', 'a3']
    for i in range(4):
        a, b = items.get_data_info(i), plain.get_data_info(i)
        assert a['img_path'] == b['img_path'] and (a['keypoints_cam'] == b['keypoints_cam']).all()

    def mixed(content):
        content['annotations'][2]['image_id'] = '2'
    assert dataset(data, tmp_path, mixed).get_data_info(2)['img_path'] == b['img_path'].replace(
        '000003', '000002')


@pytest.mark.parametrize('change,message', [
    (lambda c: c['annotations'][1].update(image_id=77), 'annotation 1 has image_id 77, which'),
    (lambda c: c['images'][1].update(id=0), 'two images have the id 0'),
    (lambda c: c['images'][1].pop('width'), 'image 1 has no width'),
    (lambda c: c.pop('images'), 'has no lists "images" and "annotations"')])
def test_files_that_do_not_fit_together(change, message, data, tmp_path):
    with pytest.raises(ValueError, match=message):
        dataset(data, tmp_path, change)


@pytest.mark.parametrize('encoding', ['utf-8-sig', 'utf-16', 'utf-16-le', 'utf-32'])
def test_encodings(encoding, data, tmp_path):
    def name(content):
        content['info']['description'] = 'Größe'
    assert len(dataset(data, tmp_path, name, encoding=encoding)) == 4
    with pytest.raises(ValueError, match=r'changed\.json is no text in UTF-8.*line 1.*iconv'):
        dataset(data, tmp_path, name, encoding='latin-1')


def poses(depth):
    """A prediction and its sample, whose root has ``depth`` and is not labelled."""
    from mmengine.structures import InstanceData
    truth = np.float32([[[0, 0, depth], [10, 20, 3000], [50, 10, 3100]]])
    sample = PoseDataSample(metainfo=dict(
        intrinsics=np.float32([[300, 0, 32], [0, 300, 32], [0, 0, 1]]), root_index=0,
        input_matrix=np.eye(3), img_path='a.png'))
    sample.gt_instances = InstanceData(
        keypoints_cam=truth, keypoints_visible=np.float32([[0, 1, 1]]))
    prediction = InstanceData(keypoints=np.float32([[[30, 30], [33, 34], [37, 33]]]),
                              keypoint_depths=np.float32([[0, 10, 20]]))
    add_camera_space([prediction], [sample])
    sample.pred_instances = prediction
    return sample.to_dict()


@pytest.mark.parametrize('mode', ['mpjpe', 'pa-mpjpe'])
@pytest.mark.parametrize('depth', [0, NAN])
def test_an_instance_without_root_depth_is_not_evaluated(mode, depth, warnings):
    """Not even aligned by Procrustes: its prediction has no place and no perspective."""
    metric = METRICS.build(dict(type='CameraSpaceMPJPE', mode=mode, root_aligned=False)
                           if mode == 'mpjpe' else dict(type='CameraSpaceMPJPE', mode=mode))
    metric.process({}, [poses(3000)])
    alone = metric.evaluate(1)
    metric.process({}, [poses(depth), poses(3000)])
    assert metric.evaluate(2) == alone
    assert any('1 of 2 instances are left out: the depth of their root' in w for w in warnings)
    metric.process({}, [poses(depth)])
    with pytest.raises(ValueError, match='no instance has a root with a known depth'):
        metric.evaluate(1)


def test_paths_of_any_kind(data, tmp_path, monkeypatch):
    """A relative pathlib.Path crashed in MMEngine, ~ did not exist."""
    monkeypatch.setenv('HOME', str(data))
    expected = dataset(data, tmp_path, lambda c: None)
    where = [dict(ann_file=tmp_path / 'changed.json'), dict(data_root=data / 'hands/source'),
             dict(data_root='~/hands/source', ann_file=Path('annotations/train.json'))]
    for kwargs in where:
        found = dataset(data, tmp_path, lambda c: None, **kwargs)
        assert len(found) == len(expected)
        assert found.get_data_info(1)['img_path'] == expected.get_data_info(1)['img_path']
        assert found[1]['inputs'].shape == expected[1]['inputs'].shape


def test_names_of_windows(data, tmp_path):
    def change(content):
        for image in content['images']:
            image['file_name'] = '..\\train\\' + image['file_name']
        for ann in content['annotations']:
            ann['mask'] = ann['mask'].replace('/', '\\')
    found, plain = dataset(data, tmp_path, change), dataset(data, tmp_path, lambda c: None)
    for key in ('img_path', 'mask_path'):
        assert os.path.samefile(*(d.get_data_info(0)[key] for d in (found, plain)))


@pytest.mark.parametrize('root', ['wrist', 21, -1, 0.5])
def test_a_root_that_is_no_joint(root, data, tmp_path):
    with pytest.raises(ValueError, match=f'annotation 0 has root_index={root!r}, but 21 keypoints'):
        dataset(data, tmp_path, lambda c: c['annotations'][0].update(id=0, root_index=root))


def cut(number):
    def change(ann):
        ann.update(keypoints=ann['keypoints'][:3 * number], keypoints_3d=ann['keypoints_3d'][
            :number])
    return change


def longer(ann):
    ann['keypoints'] += ann['keypoints'][-3:]
    ann['keypoints_3d'].append(ann['keypoints_3d'][-1])


@pytest.mark.parametrize('change,message', [
    (cut(17), 'annotation 3 has 17 keypoints, but the metainfo describes 21'),
    (longer, 'annotation 3 has 22 keypoints, but the metainfo describes 21'),  # one lost in a flip
    (lambda a: a.update(camera=a['camera']['K']), r'annotation 3 has no camera\.K'),
    (lambda a: a.update(camera=dict(K=np.zeros((3, 3)).tolist())), 'off by nan pixels'),
    (lambda a: a.update(mask=dict(counts='', size=[64, 64])), 'annotation 3 has a mask that')])
def test_other_forms_are_named(change, message, data, tmp_path):
    with pytest.raises(ValueError, match=message), np.errstate(invalid='ignore'):
        dataset(data, tmp_path, lambda content: change(content['annotations'][3]))


def test_a_labelled_root_behind_the_camera_is_named_whatever_is_checked(data, tmp_path):
    """Nothing could be placed there: an evaluation ended with 'the model has diverged'."""
    def behind(content):
        for point in content['annotations'][3]['keypoints_3d']:
            point[2] *= -1
    with pytest.raises(ValueError, match=r'annotation 3 .*root \(joint 0\) behind the camera'):
        dataset(data, tmp_path, behind, max_reprojection_error=None)


def test_a_root_that_is_null_is_one_that_is_not_named(data, tmp_path):
    def change(content):
        content['annotations'][3]['root_index'] = None
    assert dataset(data, tmp_path, change, root_index=9, pipeline=[])[3]['root_index'] == 9


def test_several_people_in_a_whole_image_are_told(warnings, data, tmp_path):
    def twice(content):
        content['annotations'].append(dict(content['annotations'][1], id=99))
    def said():
        return [w for w in warnings if 'WholeImageBBox' in w]
    dataset(data, tmp_path, twice)
    assert '1 of 4 images have several people' in said()[0] and '000001.png' in said()[0]
    steps = [dict(type='LoadPoseImage'), dict(type='GetBBoxCenterScale')]
    dataset(data, tmp_path, twice, pipeline=steps)
    assert len(said()) == 1


def test_a_file_without_usable_annotations(data, tmp_path):
    with pytest.raises(ValueError, match=r'changed\.json has no annotation with a box'):
        dataset(data, tmp_path, lambda content: content['annotations'].clear())


def test_masks_that_are_nowhere_are_told(warnings, data, tmp_path):
    steps = [dict(type='LoadPoseImage'), dict(type='LoadForegroundMask', missing='ignore')]
    dataset(data, tmp_path, lambda c: [a.pop('mask') for a in c['annotations'][:3]], pipeline=steps)
    assert '3 of 4 images have no foreground mask: ' in warnings[0]
    assert 'would have one if the data set named it. They keep their background' in warnings[0]


def test_without_metainfo(data, tmp_path):
    with pytest.raises(ValueError, match='needs metainfo=dict.*names the joints'):
        dataset(data, tmp_path, lambda content: None, metainfo=None)
