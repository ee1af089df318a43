"""Reader of 3DPW, on miniatures in the original format."""
import pickle

import numpy as np
import pytest
from body_checks import NAMES, build, edit, reprojection
from mini import three_dpw


def test_3dpw_python_2_pickles_are_read(minis, tmp_path):
    root, _ = minis['ThreeDPWDataset']
    file = root / 'sequenceFiles/test/mini_test_00.pkl'
    with pytest.raises(UnicodeDecodeError), open(file, 'rb') as opened:  # it really is one
        pickle.load(opened)
    assert len(build('ThreeDPWDataset', root, split='test')) == 11


def test_3dpw_people_frames_and_world_metres(minis):
    root, truth = minis['ThreeDPWDataset']
    for split in ('train', 'val', 'test'):
        data = build('ThreeDPWDataset', root, split=split)
        true = truth[split]
        assert true['valid'].sum() == len(data) == 11  # one has no valid camera
        assert (1, 5) not in {(info['person'], info['frame']) for info in data.data_list}
        for info in data.data_list:
            person, frame = info['person'], info['frame']
            # img_frame_ids are twice that: they belong to the 60 Hz poses
            assert info['img_path'].endswith(f'mini_{split}_00/image_{frame:05d}.jpg')
            cam = true['cam'][person, frame].copy()
            got = info['keypoints_cam'][0]
            keep = [NAMES.index(n) for n in ('root', 'left_knee', 'right_wrist', 'left_shoulder')]
            np.testing.assert_allclose(got[keep], cam[keep], rtol=1e-4, atol=0.05)
            # SMPL's head joint is at the base of the skull: Human3.6M's neck base; no top
            np.testing.assert_allclose(got[9], cam[9], rtol=1e-4, atol=0.05)
            pixels = _smpl_pixels(cam)
            low, high = pixels.min(0), pixels.max(0)
            side = 1.2 * (high - low).max()
            np.testing.assert_allclose(info['bbox'][0, :2], (low + high) / 2 - side / 2, rtol=1e-3,
                                       atol=0.1)
            np.testing.assert_allclose(info['bbox'][0, 2:] - info['bbox'][0, :2], side, rtol=1e-4)
            assert info['image_size'] == (three_dpw.WIDTH, three_dpw.HEIGHT)


def _smpl_pixels(cam):
    points = cam @ three_dpw.INTRINSICS.T
    return points[:, :2] / points[:, 2:]


def test_3dpw_odd_sequences(minis, tmp_path):
    root, _ = minis['ThreeDPWDataset']
    file = 'sequenceFiles/test/mini_test_00.pkl'

    def make(tag, **changes):
        def change(old, new):
            with open(old, 'rb') as opened:
                content = pickle.load(opened, encoding='latin1')
            three_dpw.dump({k: changes[k](v) if k in changes else v for k, v in content.items()
                            if changes.get(k, 0) is not None}, new)
        return edit(tmp_path / tag, root, file, change)

    def fails(match, tag, **changes):
        with pytest.raises(ValueError, match=match):
            build('ThreeDPWDataset', make(tag, **changes), split='test')
    fails(r"has no \['cam_poses'\]", 'a', cam_poses=None)
    fails('do not agree with 6 cam_poses', 'b', jointPositions=lambda v: [v[0], v[1][:-1]])
    fails('do not agree', 'b2', poses2d=lambda v: [v[0][:-1], v[1]])
    fails('seem to be in mm', 'c', jointPositions=lambda v: [x * 1000 for x in v])
    fails('no rigid motions', 'd', cam_poses=lambda v: v * 2)

    def undetected(poses):
        poses[0][2, 2] = 0
        return poses
    data = build('ThreeDPWDataset', make('f', poses2d=undetected), split='test')
    assert len(data) == 11
    assert [n for text, n in data.report.items() if 'without detected 2D' in text] == [1]
    assert reprojection(data[2]) < 0.1 and np.ptp(data[2]['bbox'][0, ::2]) > 100
    assert data.report['sequence files in place of the published 24'] == 1

    def behind(poses):
        poses[1][2, 3] = -100  # metres along the camera's axis, in one frame of both people
        return poses
    data = build('ThreeDPWDataset', make('g', cam_poses=behind), split='test')
    assert len(data) == 9 and data.report['joints behind the camera, now unlabelled'] == 48
    cut = edit(tmp_path / 'h', root, file,
               lambda old, new: new.write_bytes(old.read_bytes()[:1000]))
    with pytest.raises(ValueError, match='damaged or half copied'):
        build('ThreeDPWDataset', cut, split='test')
