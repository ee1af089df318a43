"""Panoptic Studio hands, and the camera that stands for a bent lens."""
import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hand_checks import assert_dots, assert_projects, build, infos
from mini import panoptic_hands

from udapose.codecs.camera_geometry import project
from udapose.datasets.public.lens import distort, largest_radius, local_intrinsics


@pytest.fixture
def panoptic_root(tmp_path):
    return tmp_path, panoptic_hands.write(tmp_path)


@pytest.mark.parametrize('hand', ['left', 'right', 'as_is'])
def test_panoptic_centimetres_world_and_distortion(panoptic_root, hand):
    root, truth = panoptic_root
    data = infos(build('PanopticHandsDataset', root, split='test', step=1, hand=hand,
                       pipeline=[dict(type='LoadPoseImage')]))
    assert len(data) == 8
    plain = []
    for info in data:
        frame = Path(info['img_path']).stem[-8:]
        own = truth[info['sequence'], info['view'], frame, info['recorded_hand']]
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
    assert {i['view'] for i in infos(one)} == {'00_01'} and len(one) == 4
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
    with pytest.raises(ValueError, match=r'hd00000100\.json is no JSON file'):
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
