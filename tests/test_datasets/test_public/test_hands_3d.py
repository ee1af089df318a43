"""STB, GANerated and Panoptic Studio hands, and the camera that stands for a bent lens."""
import json
import os
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from mini import ganerated, panoptic_hands, stb
from mmpose.registry import DATASETS
from scipy.io import loadmat, savemat

from udapose.codecs.camera_geometry import project
from udapose.datasets.public.lens import distort, largest_radius, local_intrinsics

CONVERTERS = Path(__file__).resolve().parents[3] / 'tools/dataset_converters'


def build(kind, root, **kwargs):
    # serialising collects garbage, most of a tiny data set's time
    return DATASETS.build(dict(type=kind, data_root=str(root), serialize_data=False, **kwargs))


def infos(data):
    return [data[i] for i in range(len(data))]


def assert_projects(info, tolerance):
    np.testing.assert_allclose(project(info['keypoints_cam'], info['intrinsics']),
                               info['keypoints'], atol=tolerance)


def assert_dots(info):
    at = np.round(info['keypoints'][0]).astype(int)
    assert (info['img'][at[:, 1], at[:, 0], 2] > 180).all()


@pytest.fixture
def stb_root(tmp_path):
    return tmp_path, stb.write(tmp_path)


@pytest.fixture
def gan_root(tmp_path):
    return tmp_path, ganerated.write(tmp_path)


@pytest.fixture
def panoptic_root(tmp_path):
    return tmp_path, panoptic_hands.write(tmp_path)


def test_stb_palm_root_and_finger_order(stb_root):
    root, truth = stb_root
    for wrist in ('palm', 'ring_mcp'):
        for info in infos(build('STBDataset', root, wrist=wrist)):
            expected = truth[info['sequence']]['joints'][0].copy()
            if wrist == 'ring_mcp':
                expected[0] = truth[info['sequence']]['wrist'][0]
            np.testing.assert_allclose(info['keypoints_cam'][0], expected, atol=1e-2)
            assert_projects(info, 0.01)
            assert info['recorded_hand'] == 'left' and not info.get('mirror_image')
    default = build('STBDataset', root)[0]
    np.testing.assert_allclose(default['keypoints_cam'][0, 0], truth['B2Counting']['wrist'][0],
                               atol=1e-2)


def test_stb_cameras_see_the_hand_where_their_images_show_it(stb_root):
    root, truth = stb_root
    data = infos(build('STBDataset', root, split='test', wrist='palm',
                       cameras=['BB_left', 'BB_right', 'SK_color'],
                       pipeline=[dict(type='LoadPoseImage')]))
    assert [d['camera'] for d in data] == ['BB_left', 'BB_right', 'SK_color'] * 2
    for info in data:
        np.testing.assert_allclose(info['keypoints'][0],
                                   truth[info['sequence']]['views'][info['camera']][0], atol=0.01)
        assert_dots(info)
        assert_projects(info, 0.01)
    # the right camera is 12 cm to the right: the hand appears further to the left
    shift = data[0]['keypoints_cam'] - data[1]['keypoints_cam']
    np.testing.assert_allclose(shift[0], np.tile([120.054, 0, 0], (21, 1)), atol=1e-3)


def test_stb_infrared_labels_are_in_the_depth_frame():
    # the data set's own script: R \\ (depth - t), with Rodrigues' R
    from udapose.datasets.public.stb import camera_frame
    depth = np.array([30., -20, 500])
    turn = cv2.Rodrigues(np.array([0.00531, -0.01196, 0.00301]))[0]
    expected = np.linalg.solve(turn, depth - (-24.0381, -0.4563, -1.2326))
    np.testing.assert_allclose(camera_frame(depth, 'SK_color'), expected, atol=1e-3)


def test_stb_test_set_is_b1(stb_root):
    root, _ = stb_root
    tests, train = (infos(build('STBDataset', root, split=s)) for s in ('test', 'train'))
    assert [t['sequence'] for t in tests] == ['B1Counting', 'B1Random']
    assert len(train) == 10 and not any(t['sequence'].startswith('B1') for t in train)


def test_stb_bad_input_is_named(stb_root):
    root, _ = stb_root
    path = root / 'labels/B1Random_BB.mat'
    values = loadmat(path)['handPara']
    savemat(path, dict(handPara=values / 1000))
    with pytest.raises(ValueError, match='another unit'):
        build('STBDataset', root, split='test')
    savemat(path, dict(handPara=values.transpose(1, 0, 2)))
    with pytest.raises(ValueError, match=r'should be \(3, 21, frames\)'):
        build('STBDataset', root, split='test')
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=r'B1Random_BB\.mat is damaged'):
        build('STBDataset', root, split='test')
    savemat(path, dict(handPara=values))
    extra = root / 'images/B1Random/BB_left_1.png'
    extra.write_bytes(b'')
    with pytest.raises(ValueError, match='labels of 1 frames'):
        build('STBDataset', root, split='test')
    extra.unlink()
    (root / 'images/B1Random/BB_left_0.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'BB_left_0\.png'):
        build('STBDataset', root, split='test')
    for wrong in (dict(cameras='SK_depth'), dict(wrist='middle')):
        with pytest.raises(ValueError, match='STBDataset: (cameras|wrist)='):
            build('STBDataset', root, **wrong)


def test_ganerated_is_a_left_hand_whose_crop_has_its_own_camera(gan_root):
    root, truth = gan_root
    data = infos(build('GANeratedHandsDataset', root, pipeline=[dict(type='LoadPoseImage')]))
    assert len(data) == 6
    for info in data:
        path = Path(info['img_path'])
        own = truth[f'{path.parent.parent.name}/{path.parent.name}/{path.name[:4]}']
        np.testing.assert_allclose(info['keypoints'][0], own['points'], atol=1e-3)
        np.testing.assert_allclose(info['keypoints_cam'][0], own['cam'], atol=1e-3)
        assert_projects(info, 0.1)
        assert_dots(info)
        assert info['recorded_hand'] == 'left' and not info.get('mirror_image')
    right = infos(build('GANeratedHandsDataset', root, hand='right',
                        pipeline=[dict(type='LoadPoseImage')]))
    np.testing.assert_allclose(right[0]['keypoints'][..., 0], 255 - data[0]['keypoints'][..., 0],
                               atol=1e-3)
    assert_projects(right[0], 0.1)
    assert_dots(right[0])


def test_ganerated_holds_out_partitions_and_packed_labels_are_the_same(gan_root, monkeypatch):
    root, _ = gan_root
    plain = {s: infos(build('GANeratedHandsDataset', root, split=s)) for s in ('train', 'test')}
    for split, part in (('train', '0001'), ('test', '0002')):
        assert {Path(d['img_path']).parent.name for d in plain[split]} == {part}
    monkeypatch.setattr(sys, 'path', [str(CONVERTERS), *sys.path])
    from pack_ganerated import main
    main([str(root)])
    for kind in ('noObject', 'withObject'):  # the packed labels are read, not these
        (root / 'data' / kind / '0001/0001_joint2D.txt').unlink()
    for split, expected in plain.items():
        packed = infos(build('GANeratedHandsDataset', root, split=split))
        assert [p['img_path'] for p in packed] == [e['img_path'] for e in expected]
        for a, b in zip(packed, expected):
            for key in ('keypoints', 'keypoints_cam', 'intrinsics', 'bbox'):
                np.testing.assert_array_equal(a[key], b[key])
    only = build('GANeratedHandsDataset', root, objects='noObject')
    assert len(only) == 3
    (root / 'udapose_labels.npz').write_bytes(b'PK')
    with pytest.raises(ValueError, match=r'udapose_labels\.npz is damaged'):
        build('GANeratedHandsDataset', root)
    with pytest.raises(SystemExit, match='error: .*differ in frame 0001'):
        main([str(root)])


def test_ganerated_bad_input_is_named(gan_root):
    root, _ = gan_root
    folder = root / 'data/noObject/0001'
    path = folder / '0002_joint_pos_global.txt'
    text = path.read_text()
    path.write_text(text.rsplit(',', 1)[0])
    with pytest.raises(ValueError, match=r'0002_joint_pos_global\.txt should hold 63 numbers'):
        build('GANeratedHandsDataset', root)
    path.unlink()
    with pytest.raises(ValueError, match=r'3 images, but 2 files .*frame 0002'):
        build('GANeratedHandsDataset', root)
    path.write_text(text)
    for frame in folder.glob('*_crop_params.txt'):
        corner_u, corner_v, scale = map(float, frame.read_text().split(','))
        frame.write_text(f'{corner_u},{corner_v},{1 / scale}')  # the other reading of the scale
    with pytest.raises(ValueError, match='do not project'):
        build('GANeratedHandsDataset', root)
    with pytest.raises(ValueError, match="protocol='published'"):
        build('GANeratedHandsDataset', root, protocol='published')


@pytest.mark.parametrize('hand', ['left', 'right', 'as_is'])
def test_panoptic_centimetres_world_and_distortion(panoptic_root, hand):
    root, truth = panoptic_root
    data = infos(build('PanopticHandsDataset', root, split='test', step=1, hand=hand,
                       pipeline=[dict(type='LoadPoseImage')]))
    assert len(data) == 8
    plain = []
    for info in data:
        frame = Path(info['img_path']).stem[-8:]
        own = truth[info['sequence'], info['camera'], frame, info['recorded_hand']]
        points, cam = own['points'], own['cam']
        plain.append(np.linalg.norm(project(cam, panoptic_hands.K) - points, axis=-1).max())
        assert bool(info.get('mirror_image')) == (hand not in ('as_is', info['recorded_hand']))
        if info.get('mirror_image'):
            points, cam = points * (-1, 1) + (1919, 0), cam * (-1, 1, 1)
        np.testing.assert_allclose(info['keypoints'][0], points, atol=0.01)  # OpenCV's
        np.testing.assert_allclose(info['keypoints_cam'][0], cam, atol=0.01)
        assert_projects(info, 1)
        assert_dots(info)
    assert max(plain) > 5  # the lens matters: its K alone is no camera for these hands


def test_panoptic_splits_steps_and_cameras(panoptic_root):
    root, _ = panoptic_root
    assert {i['sequence'] for i in infos(build('PanopticHandsDataset', root))} == {'171026_pose1'}
    assert len(build('PanopticHandsDataset', root, step=2)) == 4  # of two frames the first
    assert len(build('PanopticHandsDataset', root, step=1)) == 8
    one = build('PanopticHandsDataset', root, step=1, cameras=['00_01'])
    assert {i['camera'] for i in infos(one)} == {'00_01'} and len(one) == 4
    other = build('PanopticHandsDataset', root, sequences=['171204_pose3'])
    assert infos(other)[0]['sequence'] == '171204_pose3'


def test_panoptic_hands_are_left_out_with_a_count(panoptic_root):
    root, _ = panoptic_root
    path = root / '171204_pose3/hdHand3d/handRecon3D_hd00000100.json'
    content = json.loads(path.read_text())
    person = content['people'][0]
    person['left_hand']['validity'][0] = False  # the wrist
    person['right_hand']['averageScore'][8] = 0.1
    person['right_hand']['landmarks'][3 * 8:3 * 9] = [0, 0, 9999]
    content['people'].append(dict(id=1, left_hand=dict(
        person['right_hand'], landmarks=[100 * v for v in person['left_hand']['landmarks']])))
    path.write_text(json.dumps(content))
    data = build('PanopticHandsDataset', root, split='test', step=1, min_score=0.5)
    assert len(data) == 6
    assert data.report['hands outside of a view or with an unlabelled wrist, left out'] == 4
    right = next(i for i in infos(data) if i['recorded_hand'] == 'right')
    assert right['keypoints_visible'][0].tolist().count(0) == 1
    assert right['keypoints_visible'][0, 8] == 0
    assert_projects(right, 1)
    sides = sorted(i['bbox'][0, 2] - i['bbox'][0, 0] for i in infos(data))
    large = build('PanopticHandsDataset', root, split='test', step=1, min_score=0.5,
                  min_side=int(sides[-1]))
    assert [i['bbox'][0, 2] - i['bbox'][0, 0] for i in infos(large)] == sides[-1:]
    assert large.report['hands too small in a view, left out'] == 5


def test_panoptic_hands_that_the_lens_bends_too_much_are_left_out(panoptic_root):
    root, _ = panoptic_root
    calibration = root / '171204_pose3/calibration_171204_pose3.json'
    content = json.loads(calibration.read_text())
    for camera in content['cameras']:
        camera['t'][2] = [150.]  # near, so that a hand covers much of the lens
    calibration.write_text(json.dumps(content))
    data = build('PanopticHandsDataset', root, split='test', step=1)
    count = data.report['hands that the lens bends too much for a pinhole camera, left out']
    assert 0 < count == 8 - len(data)
    for info in infos(data):
        assert_projects(info, 1)


def test_panoptic_bad_input_is_named(panoptic_root):
    root, _ = panoptic_root
    with pytest.raises(FileNotFoundError, match=r"no images of \['00_07'\]"):
        build('PanopticHandsDataset', root, cameras=['00_07'])
    with pytest.raises(FileNotFoundError, match='calibration_171026_pose9'):
        build('PanopticHandsDataset', root, sequences=['171026_pose9'])
    path = root / '171026_pose1/hdHand3d/handRecon3D_hd00000100.json'
    text = path.read_text()
    path.write_text(text[:-30])
    with pytest.raises(ValueError, match=r'hd00000100\.json is damaged'):
        build('PanopticHandsDataset', root)
    path.write_text(text)
    calibration = root / '171026_pose1/calibration_171026_pose1.json'
    content = json.loads(calibration.read_text())
    for camera in content['cameras']:
        camera['t'] = [[100 * v[0]] for v in camera['t']]
    calibration.write_text(json.dumps(content))
    with pytest.raises(ValueError, match='no instance remains'):
        build('PanopticHandsDataset', root)
    os.rename(root / '171026_pose1', root / 'elsewhere')
    with pytest.raises(FileNotFoundError, match='calibration_elsewhere'):
        build('PanopticHandsDataset', root)


def test_the_lens_is_opencvs_and_its_local_camera_agrees_to_first_order():
    rng, lens = np.random.default_rng(0), panoptic_hands.DISTORTION
    rays = rng.uniform(-0.6, 0.6, (50, 2))
    expected = cv2.projectPoints(np.c_[rays, np.ones(50)], np.zeros(3), np.zeros(3),
                                 panoptic_hands.K, lens)[0][:, 0]
    bent = distort(rays, lens) @ panoptic_hands.K[:2, :2].T + panoptic_hands.K[:2, 2]
    np.testing.assert_allclose(bent, expected, atol=1e-6)
    cameras = local_intrinsics(panoptic_hands.K, lens, rays)
    errors = []
    for far in (0.01, 0.02):  # twice as far, four times the error
        near = rays + far / np.sqrt(2)
        truth = distort(near, lens) @ panoptic_hands.K[:2, :2].T + panoptic_hands.K[:2, 2]
        got = project(np.c_[near, np.ones(50)][:, None], cameras)[:, 0]
        errors.append(np.linalg.norm(got - truth, axis=-1))
    assert np.median(errors[0]) < 0.2
    np.testing.assert_allclose(np.median(errors[1] / errors[0]), 4, rtol=0.1)


def test_points_beyond_the_fold_of_the_lens_are_not_seen():
    lens = np.array([-0.3, 0., 0, 0, 0])
    limit = largest_radius(lens)  # r - 0.3 r^3 grows up to 1 / sqrt(0.9)
    assert abs(limit - 1 / np.sqrt(0.9)) < 0.003
    inside, beyond = distort(np.array([[0.5, 0], [1.5, 0]]), lens)[:, 0]
    assert abs(beyond - 0.4875) < 1e-6 and abs(inside - 0.4625) < 1e-6  # it would seem visible
    assert largest_radius(np.zeros(5)) == 2
