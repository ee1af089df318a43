"""RHD in its original format and as MMPose's json."""
import json
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
from hand_checks import PIPELINE, SAMPLES, assert_projects, box_by_hand, build, names
from mini import rhd


@pytest.fixture
def rhd_root(tmp_path):
    return tmp_path, rhd.write(tmp_path)


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
    with pytest.raises(ValueError, match=r'anno_training\.pickle cannot be read.*damaged'):
        build('RHDDataset', root)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r'(?s)anno_training\.pickle.*RHD_published_v2/'):
        build('RHDDataset', root)
    (root / 'evaluation/color/00002.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'1 of the annotated images.*00002\.png'):
        build('RHDDataset', root, split='test')
    with pytest.raises(ValueError, match="hand='both'"):
        build('RHDDataset', root, split='test', hand='both')


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
