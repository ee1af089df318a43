"""FreiHAND, Hand-3D-Studio and the published box."""
import json
import os
import random
from pathlib import Path

import cv2
import numpy as np
import pytest
from hand_checks import PIPELINE, SAMPLES, assert_projects, box_by_hand, build, names
from mini import freihand, hand_3d_studio

from udapose.datasets.public.hand_base import published_hand_box


@pytest.fixture
def freihand_root(tmp_path):
    return tmp_path, freihand.write(tmp_path)


def test_freihand_metres_mirroring_versions_and_masks(freihand_root):
    root, truth = freihand_root
    truth = truth['training']
    data = build('FreiHANDDataset', root, pipeline=PIPELINE)
    tests = build('FreiHANDDataset', root, split='test')
    assert len(data) + len(tests) == 24 and len(tests) == 4
    for i in range(len(data)):
        info = data[i]
        number = int(Path(info['img_path']).stem)
        capture, version = number % 6, number // 6
        assert info['background'] == ('gs', 'hom', 'sample', 'auto')[version]
        assert info['capture'] == capture
        assert info['mask_path'].endswith(f'training/mask/{capture:08d}.jpg')
        expected = truth['points'][capture] * (-1, 1) + (223, 0)
        np.testing.assert_allclose(info['keypoints'][0], expected, atol=1e-3)
        np.testing.assert_allclose(info['keypoints_cam'][0], truth['cam'][capture] * (-1, 1, 1),
                                   atol=1e-2)
        assert_projects(info)
        plain = box_by_hand(truth['points'][capture], 224, 224)
        np.testing.assert_array_equal(
            info['bbox'][0], [224 - plain[2], plain[1], 224 - plain[0], plain[3]])
        at = np.round(info['keypoints'][0]).astype(int)
        assert (info['img'][at[:, 1], at[:, 0], 2] > 180).all()
        inside = np.round(info['keypoints'][0].mean(0)).astype(int)
        assert info['foreground_mask'][inside[1], inside[0]] > 200
    right = build('FreiHANDDataset', root, split='evaluation', hand='right')
    assert len(right) == 6 and 'mask_path' not in right[0] and not right[0].get('mirror_image')


def test_freihand_published_split_leaks_versions_and_clean_does_not(freihand_root):
    root, _ = freihand_root
    random.seed(42)  # the original: versions one after the other, in this order
    order = [i + 6 * k for k in (0, 3, 2, 1) for i in range(6)]
    random.shuffle(order)
    test, train = (build('FreiHANDDataset', root, split=s) for s in ('test', 'train'))
    assert [int(n[:8]) for n in names(test)] == order[:4]
    assert [int(n[:8]) for n in names(train)] == order[4:]

    def captures(split, **kwargs):
        part = build('FreiHANDDataset', root, split=split, **kwargs)
        return {part[i]['capture'] for i in range(len(part))}, len(part)
    assert captures('test')[0] & captures('train')[0]
    (test, n_test), (train, n_train) = (captures(s, protocol='clean') for s in ('test', 'train'))
    assert not test & train and (n_test, n_train) == (4, 20) and len(test) == 1
    assert captures('train', versions=['gs'])[1] == 5


def test_freihand_bad_input_is_named(freihand_root):
    root, _ = freihand_root
    values = json.loads((root / 'training_xyz.json').read_text())
    (root / 'training_xyz.json').write_text(json.dumps(values[:-1]))
    with pytest.raises(ValueError, match='6 entries, training_xyz.json 5'):
        build('FreiHANDDataset', root)
    (root / 'training_xyz.json').write_text(json.dumps((np.array(values) * 1000).tolist()))
    with pytest.raises(ValueError, match='another unit'):
        build('FreiHANDDataset', root)
    (root / 'training_xyz.json').write_text(json.dumps(values)[:-20])
    with pytest.raises(ValueError, match=r'training_xyz\.json is no JSON file'):
        build('FreiHANDDataset', root)
    (root / 'training_xyz.json').write_text(json.dumps(values))
    for number in range(6, 24):  # only the green screen was extracted
        (root / f'training/rgb/{number:08d}.jpg').unlink()
    with pytest.raises(FileNotFoundError, match=r'\d+ of the annotated images do not exist'):
        build('FreiHANDDataset', root)
    assert len(build('FreiHANDDataset', root, versions=('gs', ))) == 5
    with pytest.raises(ValueError, match='versions='):
        build('FreiHANDDataset', root, versions=('green', ))


def test_h3d_uses_hands_without_objects_and_the_published_shuffle(tmp_path):
    truth = hand_3d_studio.write(tmp_path)
    listed = [n for n, alone in zip(truth['names'], truth['alone']) if alone]
    random.seed(42)
    random.shuffle(listed)
    parts = {s: build('Hand3DStudioDataset', tmp_path, split=s, pipeline=PIPELINE[:1])
             for s in ('test', 'train', 'val', 'train_val')}
    n = int(len(listed) * 0.2)
    for split, expected in dict(test=listed[:n], train=listed[n:], val=listed[n:2 * n],
                                train_val=listed[2 * n:]).items():
        assert names(parts[split]) == [Path(x).name for x in expected] and expected
    for info in (parts['train'][i] for i in range(len(parts['train']))):
        i = int(Path(info['img_path']).stem)
        np.testing.assert_allclose(info['keypoints'][0], truth['points'][i], atol=1e-3)
        np.testing.assert_array_equal(info['bbox'][0], [0, 0, 100 + 8 * i, 100 + 8 * i])
        assert info['img'].shape[0] == 100 + 8 * i and 'keypoints_cam' not in info
    everything = build('Hand3DStudioDataset', tmp_path, objects='all', keypoints_3d=True)
    assert len(everything) == 12 - int(12 * 0.2)
    assert_projects(everything[0])
    held = build('Hand3DStudioDataset', tmp_path, objects='with')
    assert not any(held[i]['without_object'] for i in range(len(held)))


def test_h3d_clean_holds_out_whole_folders(tmp_path):
    hand_3d_studio.write(tmp_path)
    folders = {s: {Path(d[i]['img_path']).parent.name for i in range(len(d))} for s in
               ('train', 'test', 'val', 'train_val')
               for d in [build('Hand3DStudioDataset', tmp_path, split=s, protocol='clean')]}
    assert folders['test'] == {'part5'} and folders['val'] == {'part4'}
    assert folders['train'] == {f'part{i}' for i in (1, 2, 3, 4)}
    assert folders['train_val'] == {f'part{i}' for i in (1, 2, 3)}


def test_h3d_bad_input_is_named(tmp_path):
    truth = hand_3d_studio.write(tmp_path)
    with pytest.raises(ValueError, match="hand='right'"):
        build('Hand3DStudioDataset', tmp_path, hand='right')
    with pytest.raises(ValueError, match='another unit'):
        build('Hand3DStudioDataset', tmp_path, keypoints_3d=True, unit='m')
    path = tmp_path / 'annotation.json'
    samples = json.loads(path.read_text())
    path.write_text(json.dumps([{k: v for k, v in s.items() if k != 'keypoint2d'}
                                for s in samples]))
    with pytest.raises(ValueError, match=r"annotation\.json.*KeyError: 'keypoint2d'"):
        build('Hand3DStudioDataset', tmp_path)
    path.write_text(json.dumps(samples))
    first = tmp_path / truth['names'][0]
    cv2.imwrite(str(first), np.zeros((90, 100, 3), np.uint8))
    with pytest.raises(ValueError, match='not square'):
        build('Hand3DStudioDataset', tmp_path)
    first.write_bytes(b'')
    with pytest.raises(OSError, match='1 images cannot be read'):
        build('Hand3DStudioDataset', tmp_path)
    assert len(build('Hand3DStudioDataset', tmp_path, on_missing='skip')) == 7
    first.unlink()
    with pytest.raises(FileNotFoundError, match='1 of the annotated images'):
        build('Hand3DStudioDataset', tmp_path)
    assert len(build('Hand3DStudioDataset', tmp_path, on_missing='skip')) == 7


def test_published_hand_box_is_one_pixel_short():
    points = np.random.default_rng(0).uniform(-10, 330, (200, 21, 2))
    points *= np.random.default_rng(1).uniform(0.1, 1, (200, 1, 1))
    for box, hand in zip(published_hand_box(points, (320, 240)), points):
        np.testing.assert_array_equal(box, box_by_hand(hand, 320, 240))


@pytest.mark.skipif(not (SAMPLES / 'freihand').exists(), reason='needs UDAPOSE_TEST_DATA')
def test_freihand_real_samples_are_four_versions_of_two_captures(tmp_path):
    content = json.loads((SAMPLES / 'freihand/test_freihand.json').read_text())
    points = {a['image_id']: np.reshape(a['keypoints'], (21, 3))[:, :2]
              for a in content['annotations']}
    (tmp_path / 'training/rgb').mkdir(parents=True)
    captures = (355, 17620)
    matrix = np.array([[480., 0, 112], [0, 480, 112], [0, 0, 1]])
    cam = [np.c_[(points[c] - 112) / 480, np.ones(21)] * 0.7 for c in captures]
    for n, capture in enumerate(captures):
        for version in range(4):
            original = SAMPLES / f'freihand/{capture + 32560 * version:08d}.jpg'
            (tmp_path / f'training/rgb/{n + 2 * version:08d}.jpg').symlink_to(original)
    (tmp_path / 'training_K.json').write_text(json.dumps([matrix.tolist()] * 2))
    (tmp_path / 'training_xyz.json').write_text(json.dumps([c.tolist() for c in cam]))
    data = [d[i] for s in ('train', 'test') for d in [build(
        'FreiHANDDataset', tmp_path, split=s, pipeline=PIPELINE[:1])] for i in range(len(d))]
    assert len(data) == 8
    for info in data:
        capture = captures[info['capture']]
        number = int(Path(os.readlink(info['img_path'])).stem)
        assert number % 32560 == capture
        np.testing.assert_allclose(info['keypoints'][0], points[number] * (-1, 1) + (223, 0),
                                   atol=0.05)
        assert info['img'].shape == (224, 224, 3)
