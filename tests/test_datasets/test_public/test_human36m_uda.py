"""Human3.6M as the published 2D benchmarks of bodies use it."""
import json
import os
import random
from pathlib import Path

import numpy as np
import pytest
from mini import human36m_uda

from udapose.codecs.camera_geometry import project
from udapose.datasets.public import Human36mUDADataset
from udapose.joint_sets import JOINT_SETS

NAMES = JOINT_SETS['body16'].names


@pytest.fixture(autouse=True)
def no_garbage_collection(monkeypatch):
    """MMEngine collects garbage after reading a data set, half a second each in this process."""
    monkeypatch.setattr('mmengine.dataset.base_dataset.gc.collect', lambda: None)


@pytest.fixture(scope='module')
def h36m(tmp_path_factory):
    root = tmp_path_factory.mktemp('h36m')
    return root, human36m_uda.write(root)


def items(data):
    return [data.get_data_info(i) for i in range(len(data))]


def test_h36m_takes_every_fifth_entry_and_16_joints(h36m):
    root, truth = h36m
    data = Human36mUDADataset(data_root=str(root), split='train')
    assert len(data) == 5 * 6
    for info in items(data):
        known = truth[info['subject']]
        i = list(known['names']).index(os.path.relpath(info['img_path'], root / 'images'))
        np.testing.assert_allclose(info['keypoints'][0], known['pixels'][i], atol=1e-3)
        np.testing.assert_allclose(info['keypoints_cam'][0], known['camera'][i], atol=.01)
        np.testing.assert_allclose(info['intrinsics'], known['K'][i], atol=1e-4)
        assert info['root_index'] == NAMES.index('pelvis')
    assert [i['subject'] for i in items(data)] == sorted([1, 5, 6, 7, 8] * 6)


def test_h36m_3d_projects_onto_the_keypoints_in_millimetres(h36m):
    for info in items(Human36mUDADataset(data_root=str(h36m[0]), split='all')):
        np.testing.assert_allclose(project(info['keypoints_cam'], info['intrinsics']),
                                   info['keypoints'], atol=1e-3)
        assert 4000 < info['keypoints_cam'][..., 2].mean() < 6000


def test_h36m_thorax_is_between_the_shoulders(h36m):
    info = Human36mUDADataset(data_root=str(h36m[0]), split='train').get_data_info(3)
    np.testing.assert_allclose(info['keypoints_cam'][0, 7],
                               info['keypoints_cam'][0, 12:14].mean(0), atol=1e-2)


def test_h36m_box_is_the_published_square(h36m):
    for info in items(Human36mUDADataset(data_root=str(h36m[0]), split='train')):
        points = info['keypoints'][0]
        side = min(round(1.5 * np.ptp(points, 0).max()), 100)
        x1, y1, x2, y2 = info['bbox'][0]
        assert x2 - x1 == y2 - y1 == side and x1 >= 0 and y1 >= 0 and x2 <= 100 and y2 <= 102
        for low, high, extent in ((x1, x2, 0), (y1, y2, 1)):
            if low > 0 and high < (100, 102)[extent]:
                middle = (points[:, extent].min() + points[:, extent].max()) / 2
                assert abs((low + high) / 2 - middle) <= 0.5


def test_h36m_test_is_drawn_with_replacement_in_published_and_without_in_clean(h36m):
    root, truth = h36m
    pool = [*truth[9]['names'], *truth[11]['names']]
    random.seed(42)
    expected = random.choices(pool, k=20)
    data = Human36mUDADataset(data_root=str(root), split='test', num_test=20)
    found = [os.path.relpath(i['img_path'], root / 'images') for i in items(data)]
    assert found == expected and len(set(found)) < len(found)
    assert [i['id'] for i in items(data)] == list(range(20))
    clean = Human36mUDADataset(data_root=str(root), split='test', protocol='clean', num_test=10)
    names = [os.path.relpath(i['img_path'], root / 'images') for i in items(clean)]
    assert len(names) == len(set(names)) == 10 and set(names) <= set(pool)
    default = Human36mUDADataset(data_root=str(root), split='test')
    assert len(default) == 3200
    assert len(Human36mUDADataset(data_root=str(root), split='test', protocol='clean')) == 12


@pytest.mark.parametrize('layout', ['images', 'images/images'])
def test_h36m_both_image_folders_and_sizes_from_the_headers(tmp_path, layout):
    human36m_uda.write(tmp_path, num=2, images=layout, with_sizes=False)
    data = Human36mUDADataset(data_root=str(tmp_path), split='train')
    assert data.get_data_info(0)['image_size'] == (100, 102)
    assert Path(data.get_data_info(0)['img_path']).exists()


def test_h36m_errors_name_the_culprit(tmp_path):
    human36m_uda.write(tmp_path, num=2)
    folder = tmp_path / 'annotations'
    poses = json.loads((folder / 'Human36M_subject9_joint_3d.json').read_text())
    del poses['2']
    (folder / 'Human36M_subject9_joint_3d.json').write_text(json.dumps(poses))
    with pytest.raises(ValueError, match=r'subject9_.*no pose.*different versions'):
        Human36mUDADataset(data_root=str(tmp_path), split='test')
    (folder / 'Human36M_subject5_data.json').write_text('{"images": [')
    with pytest.raises(ValueError, match='subject5_data.json is no JSON file'):
        Human36mUDADataset(data_root=str(tmp_path))
    cameras = json.loads((folder / 'Human36M_subject1_camera.json').read_text())
    cameras['1']['t'][2] = -5000
    (folder / 'Human36M_subject1_camera.json').write_text(json.dumps(cameras))
    with pytest.raises(ValueError, match='subject1_.*poses lie behind their camera'):
        Human36mUDADataset(data_root=str(tmp_path))
    (folder / 'Human36M_subject1_camera.json').unlink()
    with pytest.raises(FileNotFoundError, match=r'(?s)subject1_camera\.json does not exist.*crop'):
        Human36mUDADataset(data_root=str(tmp_path))
    with pytest.raises(ValueError, match="source='crop'"):
        Human36mUDADataset(data_root=str(tmp_path), source='crop')
