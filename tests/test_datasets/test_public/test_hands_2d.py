"""RHD, FreiHAND and Hand-3D-Studio."""
import json
import os
import pickle
import random
from pathlib import Path

import cv2
import numpy as np
import pytest
from mini import freihand, hand_3d_studio, rhd
from mmpose.registry import DATASETS

from udapose.codecs.camera_geometry import project
from udapose.datasets.public.hand_base import published_hand_box

SAMPLES = Path(os.environ.get('UDAPOSE_TEST_DATA', '/nonexistent')) / 'mmpose_samples'
PIPELINE = [dict(type='LoadPoseImage'), dict(type='LoadForegroundMask')]


def build(kind, root, **kwargs):
    # serialising collects garbage, most of a tiny data set's time
    return DATASETS.build(dict(type=kind, data_root=str(root), serialize_data=False, **kwargs))


def names(data):
    return [Path(data[i]['img_path']).name for i in range(len(data))]


def assert_projects(info, tolerance=0.05):
    np.testing.assert_allclose(project(info['keypoints_cam'], info['intrinsics']),
                               info['keypoints'], atol=tolerance)


def box_by_hand(points, width, height):
    """The published crop, joint by joint."""
    xs, ys = [float(p[0]) for p in points], [float(p[1]) for p in points]
    side = min(round(1.5 * max(max(xs) - min(xs), max(ys) - min(ys))), min(width, height))
    out = []
    for values, limit in ((xs, width), (ys, height)):
        start = round((min(values) + max(values)) / 2 - side / 2)
        start = 0 if start < 0 else start
        out.append(limit - side if start + side > limit else start)
    return [out[0], out[1], out[0] + side - 1, out[1] + side - 1]


@pytest.fixture
def rhd_root(tmp_path):
    return tmp_path, rhd.write(tmp_path)


@pytest.fixture
def freihand_root(tmp_path):
    return tmp_path, freihand.write(tmp_path)


def test_rhd_is_tip_first_in_metres_and_all_hands_become_left(rhd_root):
    root, truth = rhd_root
    data, truth = build('RHDDataset', root, split='test'), truth['evaluation']
    assert len(data) == 6 and data.metainfo['keypoint_id2name'][1] == 'thumb1'
    for i in range(6):
        info = data[i]
        points, cam = truth['points'][i], truth['cam'][i].copy()
        if not truth['left'][i]:
            points, cam = np.stack([319 - points[:, 0], points[:, 1]], 1), cam * (-1, 1, 1)
        assert info['recorded_hand'] == ('left' if truth['left'][i] else 'right')
        np.testing.assert_allclose(info['keypoints'][0], points, atol=1e-3)
        np.testing.assert_allclose(info['keypoints_cam'][0], cam, atol=1e-2)
        assert_projects(info)
        # in camera space, the thumb of all hands is on the same side of the little finger
        finger = info['keypoints_cam'][0]
        assert finger[4, 0] < finger[20, 0]
    right = build('RHDDataset', root, split='test', hand='right')
    assert all(right[i]['keypoints_cam'][0, 4, 0] > right[i]['keypoints_cam'][0, 20, 0]
               for i in range(6))
    as_is = build('RHDDataset', root, split='test', hand='as_is')
    np.testing.assert_allclose([as_is[i]['keypoints'][0] for i in range(6)], truth['points'],
                               atol=1e-3)


def test_rhd_image_and_mask_are_mirrored_with_their_joints(rhd_root):
    data = build('RHDDataset', rhd_root[0], pipeline=PIPELINE)
    for i in range(len(data)):
        info = data[i]
        at = np.round(info['keypoints'][0]).astype(int)
        assert (info['img'][at[:, 1], at[:, 0], 2] > 200).all()  # the dots
        assert (info['foreground_mask'][at[:, 1], at[:, 0]] == 255).all()
        assert info['foreground_mask'].mean() < 64  # the person, label 1, is no hand


def test_rhd_occluded_joints_are_unlabelled(rhd_root):
    root, truth = rhd_root
    path = truth['training']['path']
    content = pickle.loads(path.read_bytes())
    content[0]['uv_vis'][1, 2] = 0  # the file's second joint is the thumb's tip
    path.write_bytes(pickle.dumps(content))
    flags = build('RHDDataset', root)[0]['keypoints_visible'][0]
    assert flags[4] == 0 and flags.sum() == 20


def rhd_filter_by_hand(annotation):
    """The published filter of one image, slowly: which of left and right are kept."""
    def inclusive(a):
        return max(a[2] - a[0] + 1, 0) * max(a[3] - a[1] + 1, 0)
    uv = annotation['uv_vis']
    kept = []
    for own, other in ((slice(0, 21), slice(21, 42)), (slice(21, 42), slice(0, 21))):
        box = box_by_hand(uv[own, :2], 320, 320)
        rest = [*uv[other, :2].min(0), *uv[other, :2].max(0)]
        common = inclusive([max(box[0], rest[0]), max(box[1], rest[1]), min(box[2], rest[2]),
                            min(box[3], rest[3])])
        kept.append(max(box[2] - box[0], box[3] - box[1]) > 64 and uv[own, 2].sum() > 16
                    and common / inclusive(box) < 0.3)
    return kept


def test_rhd_filter_is_the_published_one(rhd_root):
    root, truth = rhd_root
    path, rng = truth['training']['path'], np.random.default_rng(5)
    content, expected = {}, []
    for i in range(300):
        uv, xyz = np.zeros((42, 3)), np.zeros((42, 3))
        for own in (slice(0, 21), slice(21, 42)):
            extent = rng.uniform(20, 90)
            # a box of 66 or so decides at the limit of 64
            uv[own, :2] = rng.uniform(0, 320, 2) + rng.uniform(0, extent, (21, 2))
            uv[own, 2] = np.arange(21) < rng.integers(15, 22)
            xyz[own, :2], xyz[own, 2] = (uv[own, :2] - 160) / 299, 1
        uv, xyz = uv.astype(np.float32), xyz.astype(np.float32)
        content[i] = dict(uv_vis=uv, xyz=xyz, K=rhd.K)
        expected += [(f'{i:05d}.png', side) for side, keep in
                     zip(('left', 'right'), rhd_filter_by_hand(content[i])) if keep]
        if i >= 6:
            (root / f'training/color/{i:05d}.png').symlink_to(root / 'evaluation/color/00000.png')
    path.write_bytes(pickle.dumps(content))
    data = build('RHDDataset', root, hand='as_is')
    infos = [data[i] for i in range(len(data))]
    got = [(Path(x['img_path']).name, x['recorded_hand']) for x in infos]
    assert got == expected and 20 < len(got) < 500
    for info in infos[:40]:
        np.testing.assert_array_equal(info['bbox'][0],
                                      box_by_hand(info['keypoints'][0], 320, 320))
    # every fifth *hand* is published as val, so that an image's hands may be on both sides
    for protocol, leaks in (('published', True), ('clean', False)):
        parts = [build('RHDDataset', root, split=s, protocol=protocol)
                 for s in ('val', 'train_val')]
        assert len(parts[0]) + len(parts[1]) == len(got)
        assert bool(set(names(parts[0])) & set(names(parts[1]))) == leaks
        if leaks:
            assert names(parts[0]) == [name for name, _ in got][::5]


def write_mmpose_json(path, points, cam, left):
    path.parent.mkdir()
    path.write_text(json.dumps(dict(
        images=[dict(id=i, file_name=f'evaluation/color/{i:05d}.png', width=320, height=320,
                     cam_param=dict(focal=[299., 299.], princpt=[160., 160.]))
                for i in range(len(left))],
        annotations=[dict(
            id=i, image_id=i, hand_type='left' if is_left else 'right',
            keypoints=np.c_[points[i], np.ones(21)][rhd.FILE_ORDER].tolist(),
            joint_cam=cam[i][rhd.FILE_ORDER].tolist()) for i, is_left in enumerate(left)])))


def test_rhd_as_mmposes_json_is_the_same(rhd_root):
    root, truth = rhd_root
    truth = truth['evaluation']
    path = root / 'annotations/rhd_test.json'
    write_mmpose_json(path, truth['points'], truth['cam'], truth['left'])
    expected, data = build('RHDDataset', root, split='test'), \
        build('RHDCocoDataset', root, split='test')
    assert len(data) == len(expected) == 6
    for i in range(6):
        for key in ('keypoints', 'keypoints_cam', 'intrinsics', 'bbox', 'keypoints_visible'):
            np.testing.assert_allclose(data[i][key], expected[i][key], atol=1e-2)
        assert data[i]['recorded_hand'] == expected[i]['recorded_hand']
    content = json.loads(path.read_text())
    del content['images'][0]['cam_param']
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"rhd_test\.json.*KeyError: 'cam_param'"):
        build('RHDCocoDataset', root, split='test')


def test_rhd_bad_input_is_named(rhd_root):
    root, truth = rhd_root
    path = truth['training']['path']
    content = pickle.loads(path.read_bytes())
    with pytest.raises(ValueError, match='another unit'):
        build('RHDDataset', root, unit='mm')
    cv2.imwrite(str(root / 'training/color/00000.png'), np.zeros((256, 256, 3), np.uint8))
    with pytest.raises(ValueError, match='256x256'):
        build('RHDDataset', root)
    for annotation in content.values():
        annotation['uv_vis'][:, :2] *= 0.8
    path.write_bytes(pickle.dumps(content))
    cv2.imwrite(str(root / 'training/color/00000.png'), np.zeros((320, 320, 3), np.uint8))
    with pytest.raises(ValueError, match='do not project'):
        build('RHDDataset', root)
    path.write_bytes(pickle.dumps(content)[:300])
    with pytest.raises(ValueError, match=r'anno_training\.pickle is damaged'):
        build('RHDDataset', root)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r'(?s)anno_training\.pickle.*RHD_published_v2/'):
        build('RHDDataset', root)
    (root / 'evaluation/color/00002.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'1 of the annotated images.*00002\.png'):
        build('RHDDataset', root, split='test')
    with pytest.raises(ValueError, match="hand='both'"):
        build('RHDDataset', root, split='test', hand='both')


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
    with pytest.raises(ValueError, match=r'training_xyz\.json is damaged'):
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
    first.unlink()
    with pytest.raises(FileNotFoundError, match='1 of the annotated images'):
        build('Hand3DStudioDataset', tmp_path)
    assert len(build('Hand3DStudioDataset', tmp_path, on_missing='skip')) == 7


def test_published_hand_box_is_one_pixel_short():
    points = np.random.default_rng(0).uniform(-10, 330, (200, 21, 2))
    points *= np.random.default_rng(1).uniform(0.1, 1, (200, 1, 1))
    for box, hand in zip(published_hand_box(points, (320, 240)), points):
        np.testing.assert_array_equal(box, box_by_hand(hand, 320, 240))


@pytest.mark.skipif(not (SAMPLES / 'rhd').exists(), reason='needs UDAPOSE_TEST_DATA')
def test_rhd_real_samples_project_within_a_pixel(tmp_path):
    content = json.loads((SAMPLES / 'rhd/test_rhd.json').read_text())
    annotations, images = {}, {i['id']: i for i in content['images']}
    (tmp_path / 'training/color').mkdir(parents=True)
    (tmp_path / 'training/mask').mkdir()
    for ann in content['annotations']:
        uv, xyz = np.full((42, 3), -900.), np.ones((42, 3))
        own = slice(0, 21) if ann['hand_type'] == 'left' else slice(21, 42)
        uv[:, 2] = 0
        uv[own], xyz[own] = ann['keypoints'], np.array(ann['joint_cam']) / 1000
        camera = images[ann['image_id']]['cam_param']
        matrix = np.diag([*camera['focal'], 1.])
        matrix[:2, 2] = camera['princpt']
        annotations[ann['image_id']] = dict(uv_vis=uv, xyz=xyz, K=matrix)
        name = images[ann['image_id']]['file_name']
        (tmp_path / 'training/color' / name).symlink_to(SAMPLES / 'rhd' / name)
    (tmp_path / 'training/anno_training.pickle').write_bytes(pickle.dumps(annotations))
    data = build('RHDDataset', tmp_path, pipeline=PIPELINE[:1])
    direct = build('RHDCocoDataset', SAMPLES / 'rhd', ann_file='test_rhd.json',
                   pipeline=PIPELINE[:1])
    assert len(data) == len(direct) == 3
    for a, b in zip((data[i] for i in range(3)), (direct[i] for i in range(3))):
        for key in ('img', 'keypoints', 'keypoints_cam', 'intrinsics', 'bbox'):
            np.testing.assert_allclose(a[key], b[key], atol=1e-3)
    for i in range(3):
        info = data[i]
        assert_projects(info, 1)
        cam = info['keypoints_cam'][0]
        # palm to tip: from the wrist outwards, each finger's knuckle comes before its tip
        steps = np.linalg.norm(np.diff(cam.reshape(21, 3)[1:].reshape(5, 4, 3), axis=1), axis=-1)
        reach = np.linalg.norm(cam[1:].reshape(5, 4, 3)[:, 0] - cam[0], axis=-1)
        assert (steps < 60).all() and (reach[1:] > 60).all() and (reach < 120).all()
    assert sorted(info['recorded_hand'] for info in (data[i] for i in range(3))) == \
        ['left', 'left', 'right']


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
