"""The base of the public readers, the joint sets, crops and splits."""
import random

import cv2
import numpy as np
import pytest
from mmengine.logging import MMLogger

from udapose.codecs.camera_geometry import project
from udapose.datasets.public import (
    PublicPoseDataset,
    mirrored,
    split_by_shuffle,
    square_keypoint_box,
)
from udapose.joint_sets import JOINT_SETS, MAPPINGS, map_joints, published_groups

K = np.array([[60., 0, 31], [0, 60, 20], [0, 0, 1]])


def instance(path, points=None, **more):
    points = np.random.default_rng(0).uniform(5, 35, (21, 2)) if points is None else points
    return dict(img_path=str(path), keypoints=points, keypoints_visible=np.ones(len(points)),
                bbox=(0, 0, 40, 40), image_size=(64, 40), **more)


@pytest.fixture
def reader(tmp_path):
    image = np.zeros((40, 64, 3), np.uint8)
    image[:, :10] = 255
    for name in ('a.png', 'b.png'):
        cv2.imwrite(str(tmp_path / name), image)

    class Hands(PublicPoseDataset):
        JOINT_SET = 'hand21'
        METAINFO = JOINT_SETS['hand21'].metainfo('tiny_hands', title='t')
        TREE = 'root/a.png'
        items: list = []

        def load_instances(self):
            self.require('a.png')
            yield from self.items

    def make(items, **kwargs):
        Hands.items = items
        return Hands(data_root=str(tmp_path), **kwargs)
    make.root = tmp_path
    return make


def test_items_have_mmposes_keys_and_no_labels_if_none_are_wanted(reader):
    items = [instance(reader.root / n, species='cat') for n in ('a.png', 'b.png')]
    data = reader(items)
    info = data[1]
    assert info['keypoints'].shape == (1, 21, 2) and info['bbox'].shape == (1, 4)
    assert info['species'] == 'cat' and info['id'] == 1 and info['num_keypoints'] == 21
    assert data.metainfo['num_keypoints'] == 21
    bare = reader(items, labels=False)[0]
    assert not any('keypoints' in key for key in bare if key not in data.metainfo)
    assert bare['bbox'].shape == (1, 4)


def test_images_without_a_mask_are_said(reader, monkeypatch):
    said = []
    monkeypatch.setattr(MMLogger.get_current_instance(), 'warning', said.append)
    items = [instance(reader.root / n) for n in ('a.png', 'b.png')]
    reader(items)  # nobody asks for masks
    assert not said
    reader(items, pipeline=[dict(type='LoadForegroundMask', missing='ignore')])
    assert '2 of 2 images have no foreground mask' in said.pop()


def test_problems_are_counted_and_named(reader):
    nan = np.full((21, 2), 7.)
    nan[3] = np.nan
    gone = instance(reader.root / 'gone.png')
    items = [instance(reader.root / 'a.png', nan), instance(reader.root / 'b.png') |
             dict(bbox=(3, 3, 3, 9)), instance(reader.root / 'a.png', np.full((21, 2), np.nan))]
    data = reader(items)
    assert len(data) == 1 and data[0]['keypoints_visible'][0].tolist().count(0) == 1
    assert sorted(data.report.values()) == [1, 1, 22]
    with pytest.raises(FileNotFoundError, match=r'(?s)1 of the annotated.*gone\.png.*root/a\.png'):
        reader([*items, gone])
    assert len(reader([*items, gone], on_missing='skip')) == 1
    with pytest.raises(ValueError, match='different versions'):
        reader([instance(reader.root / 'a.png', np.full((21, 2), 500.))])
    with pytest.raises(ValueError, match='no instance remains'):
        reader(items[1:])
    with pytest.raises(ValueError, match="split='val'"):
        reader(items, split='val')


def test_a_mirrored_instance_shows_the_same_pixels_and_still_projects(reader):
    cam = np.random.default_rng(1).uniform((-100, -60, 400), (100, 60, 600), (21, 3))
    raw = instance(reader.root / 'a.png', project(cam, K), keypoints_cam=cam, intrinsics=K)
    items = [raw, mirrored(raw, 64)]
    data = reader(items, pipeline=[dict(type='LoadPoseImage')])
    plain, flipped = data[0], data[1]
    np.testing.assert_array_equal(flipped['img'], plain['img'][:, ::-1])
    np.testing.assert_allclose(flipped['keypoints'][..., 0], 63 - plain['keypoints'][..., 0],
                               atol=1e-3)
    np.testing.assert_allclose(project(flipped['keypoints_cam'], flipped['intrinsics']),
                               flipped['keypoints'], atol=1e-3)
    np.testing.assert_array_equal(flipped['bbox'], [[24, 0, 64, 40]])
    twice = mirrored(mirrored(raw, 64), 64)
    np.testing.assert_allclose(twice['keypoints'], raw['keypoints'], atol=1e-4)
    assert not twice['mirror_image']


@pytest.mark.parametrize('name', MAPPINGS)
def test_mappings_are_complete_and_flips_stay_flips(name):
    target, parts = MAPPINGS[name]
    joints = JOINT_SETS[target]
    assert len(parts) == len(joints.names) == len(set(joints.names))
    used = [p for p in parts if isinstance(p, int)]
    assert len(used) == len(set(used))
    points = np.random.default_rng(0).normal(size=(3, 50, 2))
    out, flags = map_joints(name, points)
    for j, part in enumerate(parts):
        expected = 0 * points[:, 0] if part is None else points[:, np.atleast_1d(part)].mean(1)
        np.testing.assert_allclose(out[:, j], expected, atol=1e-6)
        assert (flags[:, j] == (part is not None)).all()


def test_joint_sets_name_sides_consistently():
    for joints in JOINT_SETS.values():
        for left, right in joints.pairs:
            assert joints.names[left].replace('left', 'right') == joints.names[right]
        assert 2 * len(joints.pairs) == sum('left' in n or 'right' in n for n in joints.names)
        flat = [j for members in joints.groups.values() for j in members]
        assert len(flat) == len(set(flat)) and max(flat) < len(joints.names)
    groups, scored = published_groups('body16')
    assert groups['head'] == [9] and len(scored) == 12 and 9 not in scored
    assert len(published_groups('hand21')[1]) == 21


def test_map_joints_refuses_too_few_joints():
    with pytest.raises(ValueError, match='takes points'):
        map_joints('surreal', np.zeros((17, 2)))


def test_square_box_and_split_by_hand():
    points = np.array([[10., 20], [30, 60]])
    np.testing.assert_array_equal(square_keypoint_box(points, (200, 100)), [0, 10, 60, 70])
    # at most the shorter side, inside of the image
    np.testing.assert_array_equal(square_keypoint_box(points, (200, 50)), [0, 0, 50, 50])
    batch = square_keypoint_box(np.stack([points, points + 30]), (200, 200))
    np.testing.assert_array_equal(batch, [[0, 10, 60, 70], [20, 40, 80, 100]])
    items = list(range(50))
    random.seed(42)
    expected = items[:]
    random.shuffle(expected)
    test, rest = split_by_shuffle(items, num_test=8)
    assert (test, rest) == (expected[:8], expected[8:])
    assert len(split_by_shuffle(items)[0]) == 10
