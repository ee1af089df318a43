"""Raw SURREAL to the processed layout, and the crops of Human3.6M."""
import json

import cv2
import numpy as np
import pytest
from mini import human36m_uda, surreal_uda
from scipy.io import loadmat, savemat

from udapose.cli import main
from udapose.cli.converters import surreal
from udapose.codecs.camera_geometry import project
from udapose.datasets.public import Human36mUDADataset, SurrealUDADataset
from udapose.joint_sets import JOINT_SETS

NAMES = JOINT_SETS['body16'].names


@pytest.fixture(autouse=True)
def no_garbage_collection(monkeypatch):
    """MMEngine collects garbage after reading a data set, half a second each in this process."""
    monkeypatch.setattr('mmengine.dataset.base_dataset.gc.collect', lambda: None)


def test_surreals_camera_gives_the_pixels_that_its_authors_name(tmp_path):
    """The example in the authors' own script on projection (gulvarol/surreal, misc/3Dto2D)."""
    save = dict(joints3D=np.tile([[-0.8645], [-1.0915], [-1.0260]], (1, 24)),
                joints2D=np.tile([[89.], [112.]], (1, 24)),
                camLoc=np.array([[6.7456], [-0.9839], [-1.9293]]))
    savemat(tmp_path / 'x_info.mat', save)
    camera, pixels = surreal.read_info(tmp_path / 'x_info.mat')
    np.testing.assert_array_equal(np.round(pixels[0, 5]), [89, 112])
    np.testing.assert_allclose(camera[0, 0], [-0.9033, -0.1076, 7.6101], atol=1e-6)
    save['joints2D'] = save['joints2D'] + [[0.], [2]]
    savemat(tmp_path / 'x_info.mat', save)
    with pytest.raises(ValueError, match=r'x_info.mat: joints3D project up to 2\.5 pixels off'):
        surreal.read_info(tmp_path / 'x_info.mat')


@pytest.fixture
def raw(tmp_path):
    return tmp_path / 'raw', tmp_path / 'out', surreal_uda.write_raw(tmp_path / 'raw')


def test_a_clip_of_one_frame_lacks_the_last_axis(raw):
    src, _, truth = raw
    path = src / 'train/run0/01_01/01_01_c0001_info.mat'
    assert loadmat(path)['joints2D'].shape == (2, 24)
    camera, pixels = surreal.read_info(path)
    np.testing.assert_allclose(camera, truth['01_01_c0001']['camera'], atol=1e-9)
    np.testing.assert_allclose(pixels, truth['01_01_c0001']['pixels'], atol=1e-9)


def test_raw_surreal_becomes_a_readable_data_set(raw):
    src, out, truth = raw
    assert surreal.convert(src, out, ['train'], every=2) == (4, 0, [])
    entries = json.loads((out / 'train/run0.json').read_text())
    assert [e['name'] for e in entries] == [
        '01_00/01_00_c0001_0000.jpg', '01_00/01_00_c0001_0002.jpg', '01_00/01_00_c0001_0004.jpg',
        '01_01/01_01_c0001_0000.jpg']
    for entry, (clip, frame) in zip(entries, [(0, 0), (0, 2), (0, 4), (1, 0)]):
        known = truth[f'01_0{clip}_c0001']
        points, joints = np.array(entry['keypoint2d']), np.array(entry['keypoint3d'])
        np.testing.assert_allclose(joints, known['camera'][frame], atol=1e-5)
        # the shift of the crop is in the principal point, too
        matrix = np.array(entry['intrinsic_matrix'])
        np.testing.assert_allclose(project(joints, matrix), points, atol=1e-2)
        image = cv2.imread(str(out / 'train/run0' / entry['name']))
        side = round(1.5 * np.ptp(known['pixels'][frame], 0).max())
        assert image.shape[:2] == (min(side, 240), ) * 2
        shift = known['pixels'][frame] - points
        np.testing.assert_allclose(shift, np.round(shift), atol=1e-3)
    data = SurrealUDADataset(data_root=str(out), protocol='clean', runs=(0, ),
                             pipeline=[dict(type='LoadPoseImage')])
    for info in data:
        for name, channel in (('right_ankle', 2), ('left_wrist', 1)):
            x, y = np.round(info['keypoints'][0, NAMES.index(name)]).astype(int)
            colour = info['img'][y, x].astype(int)
            assert colour.argmax() == channel and colour.max() > 150
    assert len(data) == 4


def test_surreal_conversion_resumes_and_refuses_other_settings(raw, monkeypatch):
    src, out, _ = raw
    surreal.convert(src, out, ['train'])
    (out / 'train/run0_parts/01_01_01_01_c0001.json').unlink()
    before = (out / 'train/run0/01_00/01_00_c0001_0000.jpg').stat().st_mtime_ns
    read = []
    monkeypatch.setattr(surreal, 'read_info',
                        lambda path, old=surreal.read_info: read.append(path.name) or old(path))
    assert surreal.convert(src, out, ['train']) == (2, 0, [])
    assert read == ['01_01_c0001_info.mat']
    assert (out / 'train/run0/01_00/01_00_c0001_0000.jpg').stat().st_mtime_ns == before
    with pytest.raises(ValueError, match=r'was begun with \{"every": 10'):
        surreal.convert(src, out, ['train'], every=3)


def test_half_clips_are_reported_and_others_still_converted(raw):
    src, out, _ = raw
    (src / 'train/run0/01_01/01_01_c0001.mp4').unlink()
    crops, _, wrong = surreal.convert(src, out, ['train'])
    assert crops == 1 and len(wrong) == 1 and 'has 0 readable frames, its _info.mat 1' in wrong[0]
    assert not (out / 'train/run0.json').exists()
    (src / 'train/run0/01_00/01_00_c0001_info.mat').rename(src / 'gone.mat')
    _, _, wrong = surreal.convert(src, src / 'again', ['train'])
    assert any('01_00_c0001_info.mat lacks joints2D' in problem for problem in wrong)
    with pytest.raises(ValueError, match='no videos .*SURREAL/data/cmu'):
        surreal.convert(src / 'train', out, ['train'])


def test_people_outside_of_the_image_are_left_out_and_counted(raw):
    src, out, _ = raw
    path = src / 'train/run0/01_01/01_01_c0001_info.mat'
    content = loadmat(path)
    content['joints3D'][1] += 5  # far below the image
    world, location = content['joints3D'].T, content['camLoc'][:, 0]
    content['joints2D'] = project((world - location) @ surreal.ROTATION.T, surreal.INTRINSICS).T
    savemat(path, {k: content[k] for k in ('joints2D', 'joints3D', 'camLoc')})
    assert surreal.convert(src, out, ['train']) == (1, 1, [])


def test_the_command_line_of_the_surreal_converter(raw, monkeypatch, capsys):
    src, out, _ = raw

    def run(*args):
        return (main(['convert', 'surreal', str(src), '--out', str(out), *args]),
                capsys.readouterr())

    status, printed = run('--workers', '2', '--splits', 'train')
    assert status == 0 and '2 crops; 0 frames newly left out' in printed.out
    status, printed = run('--every', '0')
    assert status == 1 and printed.err.startswith('error: --every and --workers must be')
    (src / 'train/run0/01_02').mkdir()
    (src / 'train/run0/01_02/01_02_c0001.mp4').write_bytes(b'')
    status, printed = run()
    assert status == 1 and '1 clips could not be converted' in printed.err
    assert '01_02_c0001_info.mat lacks' in printed.err


@pytest.fixture
def h36m(tmp_path):
    return tmp_path, human36m_uda.write(tmp_path, num=2)


def test_h36m_crops_are_the_published_ones_and_read_by_the_data_set(h36m, monkeypatch, capsys):
    root, _ = h36m
    command = ['convert', 'human36m', str(root), '--subjects', '9', '11']
    assert main(command) == 0
    assert '4 crops written, 0 kept' in capsys.readouterr().out
    full = Human36mUDADataset(data_root=str(root), split='test', num_test=8, source='images')
    crops = Human36mUDADataset(data_root=str(root), split='test', num_test=8,
                               pipeline=[dict(type='LoadPoseImage')])
    for before, after in zip(full, crops):
        x1, y1, x2, _ = before['bbox'][0]
        np.testing.assert_allclose(
            after['keypoints'][0], (before['keypoints'][0] - (x1, y1)) * 512 / (x2 - x1), atol=.01)
        np.testing.assert_array_equal(after['bbox'], [[0, 0, 512, 512]])
        assert after['img'].shape == (512, 512, 3) and 'keypoints_cam' not in after
        assert before['img_path'].replace('/images/', '/crop_images/') == after['img_path']
        x, y = after['keypoints'][0, NAMES.index('right_ankle')].astype(int)
        assert after['img'][y, x].argmax() == 2 and after['img'][y, x, 2] > 150
    entry = json.loads((root / 'annotations/keypoints2d_9.json').read_text())[1]
    np.testing.assert_allclose(project(np.array(entry['keypoint3d']),
                                       np.array(entry['intrinsic_matrix'])),
                               entry['keypoint2d'], atol=0.05)
    np.testing.assert_allclose(entry['keypoint3d'], h36m[1][9]['camera'][1], atol=.01)
    assert main(command) == 0
    assert '0 crops written, 4 kept' in capsys.readouterr().out
    # of the training subjects there are no crops, so the images are read
    assert 'keypoints_cam' in Human36mUDADataset(data_root=str(root)).get_data_info(0)
    with pytest.raises(FileNotFoundError, match='keypoints2d_1.json does not exist'):
        Human36mUDADataset(data_root=str(root), source='crops')


def test_h36m_crop_errors(h36m, monkeypatch, capsys):
    root, truth = h36m
    (root / 'images' / truth[9]['names'][0]).write_bytes(b'broken')
    assert main(['convert', 'human36m', str(root), '--subjects', '9']) == 1
    assert capsys.readouterr().err.endswith('is no readable image\n')
    (root / 'annotations/keypoints2d_1.json').write_text('[{"name": "x"}]')
    with pytest.raises(ValueError, match=r"keypoints2d_1\.json is not a list of .*KeyError"):
        Human36mUDADataset(data_root=str(root), source='crops')
