"""STB and GANerated hands."""
from pathlib import Path

import cv2
import numpy as np
import pytest
from hand_checks import assert_dots, assert_projects, build, infos
from mini import ganerated, stb
from scipy.io import loadmat, savemat

from udapose.cli import main


@pytest.fixture
def stb_root(tmp_path):
    return tmp_path, stb.write(tmp_path)


@pytest.fixture
def gan_root(tmp_path):
    return tmp_path, ganerated.write(tmp_path)


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
    assert [d['view'] for d in data] == ['BB_left', 'BB_right', 'SK_color'] * 2
    for info in data:
        np.testing.assert_allclose(info['keypoints'][0],
                                   truth[info['sequence']]['views'][info['view']][0], atol=0.01)
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
    with pytest.raises(ValueError, match=r'B1Random_BB\.mat cannot be read.*damaged'):
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
    assert main(['convert', 'ganerated', str(root)]) == 0
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
        main(['convert', 'ganerated', str(root)])


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
