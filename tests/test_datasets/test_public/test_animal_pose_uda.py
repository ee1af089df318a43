"""AnimalPose: order, xyxy boxes, image overlap of the published split, MMPose's json."""
import json
import os
import pickle
import shutil

import numpy as np
import pytest
from mini.animal_pictures import dots_found
from mini.animal_pose import write

from udapose.datasets import AnimalPoseUDADataset, LoadPoseImage
from udapose.datasets.public.animals import load_object_array


@pytest.fixture(scope='module')
def mini(tmp_path_factory):
    root = tmp_path_factory.mktemp('animalpose')
    return root, write(root)


def read(root, **kwargs):
    return AnimalPoseUDADataset(data_root=str(root), serialize_data=False, **kwargs)


def names(data):
    return [os.path.basename(info['img_path']) for info in data]


def test_published_split_joints_and_xyxy_boxes(mini):
    root, truth = mini
    for split in ('train', 'test'):
        infos = list(read(root, split=split))
        expected = [(s, i) for s in ('dog', 'sheep') for i in truth[s][split]]
        assert len(infos) == len(expected) > 0
        for info, (species, i) in zip(infos, expected):
            want = truth[species]
            assert (info['species'], int(info['category_id'])) == \
                (species, dict(dog=1, sheep=3)[species])
            assert info['img_path'].endswith(want['names'][i])
            flags = want['labelled'][i]
            np.testing.assert_array_equal(info['keypoints_visible'][0] > 0, flags)
            np.testing.assert_allclose(info['keypoints'][0][flags], want['points'][i][flags])
            x1, y1, x2, y2 = want['boxes'][i]
            side = 1.25 * max(x2 - x1, y2 - y1)
            np.testing.assert_allclose(info['bbox'][0, 2:] - info['bbox'][0, :2], side, rtol=1e-5)
            np.testing.assert_allclose(info['bbox'][0].reshape(2, 2).mean(0),
                                       [(x1 + x2) / 2, (y1 + y2) / 2], rtol=1e-5)
            if i < len(want['names']) - 1:  # the last one has no dots of its own
                assert dots_found(LoadPoseImage()(dict(info))['img'], info['keypoints'][0], flags)


def test_published_parts_share_images_and_clean_ones_do_not(mini):
    root, truth = mini
    published = [names(read(root, split=s)) for s in ('train', 'test')]
    clean = [names(read(root, split=s, protocol='clean')) for s in ('train', 'test')]
    shared = set(published[0]) & set(published[1])
    assert shared == {truth[s]['names'][-1] for s in ('dog', 'sheep')}
    assert clean[1] == published[1] and not set(clean[0]) & set(clean[1])
    assert clean[0] == [name for name in published[0] if name not in shared]
    report = read(root, protocol='clean').report
    assert report['training instances of dog on images of the test set, left out'] == 1


def test_without_split_files_80_percent_per_species_are_for_training(mini, monkeypatch):
    root, truth = mini
    warnings = []
    monkeypatch.setattr('mmengine.logging.MMLogger.warning', lambda self, m: warnings.append(m))
    train, test = (read(root, species='cat', split=s) for s in ('train', 'test'))
    assert (len(train), len(test)) == (4, 2)  # int(0.8 * 6)
    assert sorted(names(train) + names(test)) == sorted(truth['cat']['names'])
    assert names(read(root, species='cat')) == names(train)
    assert 'NOT comparable' in warnings[0]


def to_mmpose(root, out):
    """The same annotations in the order and with the boxes of MMPose's json."""
    official = json.loads((root / 'animal-pose/keypoints.json').read_text())
    order = [0, 1, 3, 4, 2, 17, 19, 18, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
    annotations = []
    for n, ann in enumerate(official['annotations']):
        x1, y1, x2, y2 = ann['bbox']
        points = np.array(ann['keypoints'])[order]
        points[:, 2] *= 2
        annotations.append(dict(ann, id=n, category_id=1, bbox=[x1, y1, x2 - x1, y2 - y1],
                                keypoints=points.ravel().tolist()))
    images = [dict(id=int(i), file_name=name, width=200, height=150)
              for i, name in official['images'].items()]
    out.write_text(json.dumps(dict(images=images, annotations=annotations)))


def test_mmposes_json_gives_the_same_joints_though_its_order_differs(mini, tmp_path):
    root, _ = mini
    to_mmpose(root, tmp_path / 'mmpose.json')
    both = []
    for kwargs in (dict(data_root=str(root)), dict(
            data_root=str(tmp_path), ann_file='mmpose.json',
            img_prefix=str(root / 'animal-pose/images'))):
        infos = [i for s in ('train', 'test') for i in AnimalPoseUDADataset(
            split=s, species=['cat'], serialize_data=False, **kwargs)]
        both.append({i['img_path'] + str(i['bbox']): i for i in infos})
    assert set(both[0]) == set(both[1]) and len(both[0]) == 6
    for key, info in both[0].items():
        for name in ('keypoints', 'keypoints_visible'):
            np.testing.assert_array_equal(info[name], both[1][key][name])


def edit(root, change):
    path = root / 'animal-pose/keypoints.json'
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def to_xywh(content):
    for ann in content['annotations']:
        x1, y1, x2, y2 = ann['bbox']
        ann['bbox'] = [x1, y1, x2 - x1, y2 - y1]


@pytest.mark.parametrize('change,message', [
    (lambda c: c['images'].pop('2000'), '1 annotations belong to images .* does not list.*2000'),
    (lambda c: c.pop('images'), 'no json with images and annotations'),
    (to_xywh, 'boxes must be xyxy'),
    (lambda c: c['annotations'][0].update(keypoints=[[1, 2, 1]] * 18), '20 keypoints'),
    (lambda c: c['annotations'][0].pop('bbox'), 'bbox of 4 numbers'),
    (lambda c: c.update(annotations=[]), 'no instance of cat')])
def test_bad_json_is_named(mini, tmp_path, change, message):
    shutil.copytree(mini[0], tmp_path / 'copy')
    edit(tmp_path / 'copy', change)
    with pytest.raises(ValueError, match=message):
        for split in ('train', 'test'):  # the bad annotation is in one of them
            read(tmp_path / 'copy', species='cat', split=split)


def test_boxes_without_area_and_joints_that_are_no_numbers_are_counted(mini, tmp_path):
    shutil.copytree(mini[0], tmp_path / 'copy')

    def change(content):
        cats = [a for a in content['annotations'] if a['category_id'] == 2]
        cats[0]['bbox'][2] = cats[0]['bbox'][0]
        cats[1]['keypoints'][0][0] = float('nan')
    edit(tmp_path / 'copy', change)
    parts = [read(tmp_path / 'copy', species='cat', split=s) for s in ('train', 'test')]
    total = sum((p.report for p in parts), type(parts[0].report)())
    assert total['instances with an empty box, left out'] == 1
    assert total['joints with coordinates that are not finite, now unlabelled'] == 1
    assert sum(map(len, parts)) == 5


def test_split_files_of_another_version_and_missing_images_are_named(mini, tmp_path):
    root = tmp_path / 'copy'
    shutil.copytree(mini[0], root)
    (root / 'animal-pose/images/do1000.jpeg').unlink()
    with pytest.raises(FileNotFoundError, match='1 of the annotated images.*do1000'):
        read(root, split='train' if 'do1000.jpeg' in names(read(mini[0])) else 'test')
    path = root / 'cached_data/real_animal_pose/dog/test_anno.npy'
    items = load_object_array(str(path))
    items[0]['image_id'] = 77
    np.save(path, np.array(items, object), allow_pickle=True)
    with pytest.raises(ValueError, match='does not list.*77.*split files'):
        read(root)


class Evil:
    def __reduce__(self):
        return os.system, ('echo > ran', )


def test_split_files_run_no_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save(tmp_path / 'a.npy', np.array([dict(x=Evil())], object), allow_pickle=True)
    with pytest.raises(ValueError, match='refused to load .*system'):
        load_object_array(str(tmp_path / 'a.npy'))
    assert not (tmp_path / 'ran').exists()
    np.load(tmp_path / 'a.npy', allow_pickle=True)
    assert (tmp_path / 'ran').exists()  # the check above could have failed
    np.save(tmp_path / 'b.npy', np.zeros(3))
    for name, data in (('b', None), ('c', b'text'), ('d', pickle.dumps([1]))):
        if data:
            (tmp_path / f'{name}.npy').write_bytes(data)
        with pytest.raises(ValueError, match=f'{name}.npy is not a NumPy file'):
            load_object_array(str(tmp_path / f'{name}.npy'))
    items = np.array([dict(a=np.float32(2), b=np.arange(3), c='x')], object)
    np.save(tmp_path / 'e.npy', items, allow_pickle=True)
    assert load_object_array(str(tmp_path / 'e.npy'))[0]['b'].tolist() == [0, 1, 2]


def test_real_samples_of_mmposes_json():
    data = os.environ.get('UDAPOSE_TEST_DATA')
    if not data:
        pytest.skip('UDAPOSE_TEST_DATA is not set')
    root = f'{data}/mmpose_samples/animalpose'
    infos = [AnimalPoseUDADataset(data_root=root, ann_file='test_animalpose.json', img_prefix='',
                                  species=s, split='test', serialize_data=False)[0]
             for s in ('cat', 'horse')]
    assert names(infos) == ['ca110.jpeg', 'ho105.jpeg']
    np.testing.assert_array_equal(infos[0]['keypoints'][0, [0, 1, 2, 10]],
                                  [[117, 95], [85, 102], [84, 214], [123, 142]])
    for info in infos:  # eyes above the paws, elbows between
        y, seen = info['keypoints'][0, :, 1], info['keypoints_visible'][0] > 0
        assert y[:2].max() < y[10:][seen[10:]].min() < y[2:6][seen[2:6]].min()
