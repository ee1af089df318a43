"""LSP and LSP-extended to COCO: opposite flags, unlabelled joints, clear errors."""
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from udapose.cli.converters import lsp as convert_lsp

ROOT = Path(__file__).resolve().parent.parent


def make(folder, joints, count=2, images='images'):
    (folder / images).mkdir(parents=True)
    for i in range(count):
        cv2.imwrite(str(folder / images / f'im{i + 1:04d}.jpg'),
                    np.full((40 + i, 30, 3), 60 * i, np.uint8))
    if joints is not None:
        savemat(folder / 'joints.mat', dict(joints=joints))
    return folder


def poses(seed=0):
    """(N, 14, 3): positions, and 1 for joints that can be seen."""
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.uniform(1, 29, (2, 14, 2)), rng.integers(0, 2, (2, 14, 1))], -1)


def as_lsp(pose):
    pose = pose.copy()
    pose[..., 2] = 1 - pose[..., 2]
    return pose.transpose(2, 1, 0)


def as_lspet(pose):
    return pose.transpose(1, 2, 0)


def test_the_layouts_have_opposite_flags():
    pose = poses()
    seen = pose[..., 2] == 1
    assert seen.any() and not seen.all()
    lsp, lspet = convert_lsp.read_joints(as_lsp(pose)), convert_lsp.read_joints(as_lspet(pose))
    np.testing.assert_array_equal(lsp[..., 2], np.where(seen, 2, 1))
    np.testing.assert_array_equal(lsp[..., :2], pose[..., :2])  # occluded ones have a position
    np.testing.assert_array_equal(lspet[seen], lsp[seen])
    assert not lspet[~seen].any()


@pytest.mark.parametrize('layout', [as_lsp, as_lspet])
@pytest.mark.parametrize('x,y,unlabelled', [(0, 0, True), (np.nan, 4, True), (4, np.inf, True),
                                            (0, 4, False)])
def test_joints_without_a_position_are_unlabelled(layout, x, y, unlabelled):
    pose = poses()
    pose[..., 2] = 1
    pose[1, 3, :2] = x, y
    out = convert_lsp.read_joints(layout(pose))
    expected = np.full((2, 14), 2)
    if unlabelled:
        expected[1, 3] = 0
        assert not out[1, 3].any()
    np.testing.assert_array_equal(out[..., 2], expected)
    assert np.isfinite(out).all()


@pytest.mark.parametrize('images', ['images', 'lsp/images'])
def test_mmpose_reads_the_result(tmp_path, images):
    from mmpose.datasets import CocoDataset
    pose = poses()
    pose[1, :, 2] = 0  # the second photograph has no labelled joint
    src, out = make(tmp_path / 'src', as_lspet(pose), images=images), tmp_path / 'out'
    for _ in range(2):  # again into the same folder
        assert convert_lsp.convert(src, out) == (1, 2)
    data = CocoDataset(
        ann_file='annotations/test.json', data_root=f'{out}/', data_prefix=dict(img='images/'),
        test_mode=True, pipeline=[], metainfo=dict(
            from_file=str(ROOT / 'configs/_base_/datasets/metainfo/lsp14.py')))
    assert len(data) == 1
    info = data[0]
    seen = pose[0, :, 2] == 1
    np.testing.assert_array_equal(info['keypoints_visible'][0] > 0, seen)
    np.testing.assert_allclose(info['keypoints'][0][seen], pose[0][seen, :2], atol=1e-3)
    assert cv2.imread(info['img_path']).shape == (40, 30, 3)
    names = json.loads((out / 'annotations/test.json').read_text())['categories'][0]['keypoints']
    assert names == [data.metainfo['keypoint_id2name'][i] for i in range(14)]


def test_links_of_moved_images_are_renewed(tmp_path):
    src, out = make(tmp_path / 'src', as_lsp(poses())), tmp_path / 'out'
    convert_lsp.convert(src, out)
    src.rename(tmp_path / 'moved')
    convert_lsp.convert(tmp_path / 'moved', out)
    assert cv2.imread(str(out / 'images/im0002.jpg')).shape == (41, 30, 3)


def test_converting_in_place_keeps_the_images(tmp_path):
    src = make(tmp_path, as_lsp(poses()))
    before = (src / 'images/im0001.jpg').read_bytes()
    convert_lsp.convert(src, src)
    assert not (src / 'images/im0001.jpg').is_symlink()
    assert (src / 'images/im0001.jpg').read_bytes() == before


def strange_flag():
    pose = poses()
    pose[0, 0, 2] = 3
    return as_lspet(pose)


@pytest.mark.parametrize('joints,count,message', [
    (None, 2, 'joints.mat does not exist'),
    (np.zeros((2, 14, 3)), 2, r'joints.mat: .*shape \(2, 14, 3\): expected 3 x 14 x N'),
    (as_lsp(poses()), 3, '3 images in .*images, but 2 poses'),
    (strange_flag(), 2, r'flags hold \[.*3.*\]: expected 0 and 1')])
def test_clear_errors(tmp_path, joints, count, message):
    src = make(tmp_path / 'src', joints, count)
    with pytest.raises(ValueError, match=message):
        convert_lsp.convert(src, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_damaged_files_are_named(tmp_path):
    src = make(tmp_path / 'src', as_lsp(poses()))
    (src / 'images/im0002.jpg').write_bytes(b'no image')
    with pytest.raises(ValueError, match='im0002.jpg is not a readable image'):
        convert_lsp.convert(src, tmp_path / 'out')
    savemat(src / 'joints.mat', dict(other=np.zeros(3)))
    with pytest.raises(ValueError, match='joints.mat holds no array "joints"'):
        convert_lsp.convert(src, tmp_path / 'out')
    (src / 'joints.mat').write_bytes(b'not a mat file')
    with pytest.raises(ValueError, match='joints.mat is not a readable MATLAB file'):
        convert_lsp.convert(src, tmp_path / 'out')


def test_the_command_line_ends_with_one_line(tmp_path):
    done = subprocess.run([sys.executable, 'tools/convert_lsp.py', str(tmp_path / 'nowhere'),
                           '--out', str(tmp_path / 'out')], cwd=ROOT, capture_output=True,
                          text=True)
    assert done.returncode == 1
    assert done.stderr.count('\n') == 1 and done.stderr.startswith('error: ')
