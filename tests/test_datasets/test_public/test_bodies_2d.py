"""SURREAL and LSP as the published 2D benchmarks of bodies use them."""
import json
import os
import random
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from mini import human36m_uda, lsp, surreal_uda
from scipy.io import loadmat, savemat

from udapose.datasets.public import Human36mUDADataset, LSPDataset, SurrealUDADataset
from udapose.datasets.public.lsp import read_lsp_joints
from udapose.joint_sets import JOINT_SETS

NAMES = JOINT_SETS['body16'].names
LSPET = Path(os.environ.get('UDAPOSE_TEST_DATA', '/nonexistent')) / 'lspet'


@pytest.fixture(autouse=True)
def no_garbage_collection(monkeypatch):
    """MMEngine collects garbage after reading a data set, half a second each in this process."""
    monkeypatch.setattr('mmengine.dataset.base_dataset.gc.collect', lambda: None)


@pytest.fixture(scope='module')
def surreal(tmp_path_factory):
    root = tmp_path_factory.mktemp('surreal')
    return root, surreal_uda.write(root)


def items(data):
    return [data.get_data_info(i) for i in range(len(data))]


def relative(root, info):
    return os.path.relpath(info['img_path'], root)


def dot_distance(image, point, colour_channel):
    """Pixels from ``point`` to the nearest pixel of a dot."""
    others = [c for c in range(3) if c != colour_channel]
    dots = np.argwhere((image[..., colour_channel] > 190) & (image[..., others].max(-1) < 150))
    return np.abs(dots[:, ::-1] - point).max(1).min()


# ------------------------------------------------------------------------------------- SURREAL

def test_surreal_published_split_drops_the_first_of_the_shuffle(surreal):
    root, truth = surreal
    paths = {}
    for split in ('train', 'test'):
        order = [path for path, _ in truth[split]]
        random.seed(42)
        random.shuffle(order)
        cut = min(int(len(order) * 0.2), 3200)
        expected = order[:cut] if split == 'test' else order[cut:]
        data = SurrealUDADataset(data_root=str(root), split=split)
        paths[split] = [relative(root, info) for info in items(data)]
        assert paths[split] == expected and len(expected) == (3 if split == 'test' else 15)
        clean = SurrealUDADataset(data_root=str(root), split=split, protocol='clean')
        assert [relative(root, i) for i in items(clean)] == [path for path, _ in truth[split]]
    assert len(SurrealUDADataset(data_root=str(root), split='val')) == 18


def test_surreal_left_and_right_are_smpls_exchanged_and_collars_are_shoulders(surreal):
    root, truth = surreal
    data = SurrealUDADataset(data_root=str(root), split='test')
    known = dict(truth['test'])
    for info in items(data):
        uv = known[relative(root, info)]
        for name, smpl in surreal_uda.SMPL_OF.items():
            np.testing.assert_allclose(info['keypoints'][0, NAMES.index(name)], uv[smpl],
                                       atol=1e-3)
        assert (info['keypoints_visible'] == 1).all()
    # SMPL's 16 and 17 (leftArm, rightArm) would be the anatomical shoulders: not taken
    shoulder = surreal_uda.SMPL_OF['right_shoulder'], surreal_uda.SMPL_OF['left_shoulder']
    assert shoulder == (13, 14)


def test_surreal_dots_lie_at_the_keypoints(surreal):
    data = SurrealUDADataset(data_root=str(surreal[0]), split='train',
                             pipeline=[dict(type='LoadPoseImage')])
    for info in (data[i] for i in range(4)):
        for name, channel in (('right_ankle', 2), ('left_wrist', 1), ('right_elbow', 2)):
            point = info['keypoints'][0, NAMES.index(name)]
            assert dot_distance(info['img'], point, channel) <= 2
        side = info['img'].shape[0]
        np.testing.assert_array_equal(info['bbox'], [[0, 0, side, side]])


def copied(surreal, tmp_path):
    return Path(shutil.copytree(surreal[0], tmp_path / 'copy'))


def test_surreal_errors_name_the_culprit(surreal, tmp_path):
    root = copied(surreal, tmp_path)
    with pytest.raises(FileNotFoundError, match=r'(?s)does not exist.*run0\.json'):
        SurrealUDADataset(data_root=str(root / 'train'))
    (root / 'val/run1/val1_02.jpg').unlink()
    with pytest.raises(FileNotFoundError, match=r'1 of the annotated images.*val1_02\.jpg'):
        SurrealUDADataset(data_root=str(root), split='val')
    assert len(SurrealUDADataset(data_root=str(root), split='val', on_missing='skip')) == 17
    (root / 'val/run1/val1_03.jpg').write_bytes(b'')
    with pytest.raises(OSError, match=r'1 images cannot be read: .*val1_03\.jpg'):
        SurrealUDADataset(data_root=str(root), split='val')
    skipped = SurrealUDADataset(data_root=str(root), split='val', on_missing='skip')
    assert len(skipped) == 16
    assert skipped.report == {'missing images, left out': 1, 'unreadable images, left out': 1}
    cv2.imwrite(str(root / 'test/run2/test2_00.jpg'), np.zeros((60, 80, 3), np.uint8))
    with pytest.raises(ValueError, match=r'1 images are not square.*80x60'):
        SurrealUDADataset(data_root=str(root), split='test', protocol='clean')


@pytest.mark.parametrize('change,message', [
    (lambda text: text[:len(text) // 2], r'run2\.json is no JSON file.*truncated'),
    (lambda text: text.replace('keypoint2d', 'other'), r"KeyError: 'keypoint2d'"),
    (lambda text: json.dumps([e | dict(keypoint2d=e['keypoint2d'][:17])
                              for e in json.loads(text)]), r'shape \(17, 2\), not the 24 x 2'),
    (lambda text: json.dumps([e | dict(keypoint2d=e['keypoint2d'][:n + 1])
                              for n, e in enumerate(json.loads(text))]), 'not a list of')])
def test_surreal_strange_annotations(surreal, tmp_path, change, message):
    path = copied(surreal, tmp_path) / 'train/run2.json'
    path.write_text(change(path.read_text()))
    with pytest.raises(ValueError, match=message):
        SurrealUDADataset(data_root=str(path.parent.parent))


def test_surreal_third_archive_in_the_wrong_folder(surreal, tmp_path):
    root = copied(surreal, tmp_path)
    (root / 'train/run2.json').unlink()
    with pytest.raises(FileNotFoundError, match=r'(?s)run2\.json does not exist.*not into run1'):
        SurrealUDADataset(data_root=str(root))
    assert len(SurrealUDADataset(data_root=str(root), runs=(0, 1), protocol='clean')) == 12
    with pytest.raises(ValueError, match=r'runs=\(3,\)'):
        SurrealUDADataset(data_root=str(root), runs=(3, ))


# ----------------------------------------------------------------------------------------- LSP

@pytest.mark.parametrize('extended,images', [(False, 'images'), (False, 'lsp/images'),
                                             (True, 'images'), (True, 'lsp/images')])
def test_lsp_and_lsp_extended_have_opposite_flags(tmp_path, extended, images):
    truth = lsp.write(tmp_path, extended=extended, images=images)
    data = LSPDataset(data_root=str(tmp_path), pipeline=[dict(type='LoadPoseImage')])
    order = ['right_ankle', 'right_knee', 'right_hip', 'left_hip', 'left_knee', 'left_ankle',
             'right_wrist', 'right_elbow', 'right_shoulder', 'left_shoulder', 'left_elbow',
             'left_wrist', 'upper_neck', 'head_top']
    assert len(data) == 6 and not truth['visible'].all()
    for i, info in enumerate(data):
        seen = [info['keypoints_visible'][0, NAMES.index(name)] > 0 for name in order]
        np.testing.assert_array_equal(seen, truth['visible'][i])
        points = np.array([info['keypoints'][0, NAMES.index(name)] for name in order])
        np.testing.assert_allclose(points, truth['points'][i], atol=1e-3)
        np.testing.assert_array_equal(info['bbox'][0], [0, 0, *truth['sizes'][i]])
        for j, channel in ((0, 2), (5, 1), (9, 1)):
            if seen[j]:
                assert dot_distance(info['img'], points[j], channel) <= 2


def test_lsp_pelvis_and_thorax_are_never_labelled(tmp_path):
    lsp.write(tmp_path)
    for info in items(LSPDataset(data_root=str(tmp_path))):
        for name in ('pelvis', 'thorax'):
            assert info['keypoints_visible'][0, NAMES.index(name)] == 0


def test_lsp_published_trains_on_the_test_images_and_clean_does_not(tmp_path):
    names = lsp.write(tmp_path)['names']
    found = {(protocol, split): [os.path.basename(i['img_path']) for i in items(
        LSPDataset(data_root=str(tmp_path), split=split, protocol=protocol))]
        for protocol in ('published', 'clean') for split in ('train', 'test')}
    assert found['published', 'train'] == found['published', 'test'] == names
    assert found['clean', 'train'] == names[:3] and found['clean', 'test'] == names[3:]


def test_lsp_extended_has_no_official_split(tmp_path):
    lsp.write(tmp_path, extended=True)
    with pytest.raises(ValueError, match="LSP-extended has not: use protocol='published'"):
        LSPDataset(data_root=str(tmp_path), protocol='clean')


def test_lsp_unlabelled_joints_are_counted(tmp_path):
    lsp.write(tmp_path)
    joints = loadmat(tmp_path / 'joints.mat')['joints']
    joints[2] = 0
    joints[:2, 4, 1] = 0
    joints[0, 6, 2] = np.nan
    points, visible, extended = read_lsp_joints(joints)
    assert visible.sum() == 6 * 14 - 2 and not visible[1, 4] and not visible[2, 6] and not extended
    savemat(tmp_path / 'joints.mat', dict(joints=joints))
    data = LSPDataset(data_root=str(tmp_path))
    assert data.report['joints at (0, 0), unlabelled'] == 1
    info = data.get_data_info(1)
    assert info['keypoints_visible'][0, 4] == 0 and info['num_keypoints'] == 13
    assert np.isfinite(data.get_data_info(2)['keypoints']).all()


def strange(root, change):
    joints = loadmat(root / 'joints.mat')['joints']
    savemat(root / 'joints.mat', change(joints))


@pytest.mark.parametrize('change,message', [
    (lambda j: dict(joints=j[:2]), r'shape \(2, 14, 6\): expected 3 x 14 x N'),
    (lambda j: dict(joints=j + 5), r'flags hold .*: expected 0 and 1'),
    (lambda j: dict(other=j), "joints.mat has no variable 'joints'"),
    (lambda j: dict(joints=j[..., :4]), '6 images .* 4 poses.*mixed'),
    (lambda j: dict(joints=np.concatenate([j, j], -1)), '6 of the annotated images do not exist'),
    # the poses of LSP-extended with the images of LSP
    (lambda j: dict(joints=j.transpose(1, 0, 2)), r'do not exist.*im00001\.jpg')])
def test_lsp_errors_name_the_culprit(tmp_path, change, message):
    lsp.write(tmp_path)
    strange(tmp_path, change)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        LSPDataset(data_root=str(tmp_path))


def test_lsp_damaged_mat_file(tmp_path):
    lsp.write(tmp_path)
    (tmp_path / 'joints.mat').write_bytes(b'no')
    with pytest.raises(ValueError, match='joints.mat cannot be read as a MATLAB file'):
        LSPDataset(data_root=str(tmp_path))


@pytest.mark.skipif(not LSPET.exists(), reason='needs UDAPOSE_TEST_DATA')
def test_real_lsp_extended_photographs():
    data = LSPDataset(data_root=str(LSPET), split='test')
    raw = loadmat(LSPET / 'joints.mat')['joints']
    assert raw.shape[:2] == (14, 3) and len(data) == raw.shape[2]
    found = items(data)
    flags = np.array([i['keypoints_visible'][0] for i in found]) > 0
    # the joints that are not visible have negative places there: with LSP's flags, they would be
    # the labelled ones
    stored = raw[:, :2].transpose(2, 0, 1)
    lacking = ~flags[:, [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 8, 9]]
    assert (stored[lacking] <= 0).any(-1).all() and lacking.sum() == (raw[:, 2] == 0).sum() > 300
    assert not flags[:, 6:8].any()
    inside = [((i['keypoints'][0] > -.5) & (i['keypoints'][0] < np.array(i['image_size'])))[f].all()
              for i, f in zip(found, flags)]
    assert np.mean(inside) > 0.95


# ------------------------------------------------------------------------------------ pipelines

def pipeline(branch):
    load = [dict(type='LoadPoseImage'), dict(type='GetBBoxCenterScale', padding=1.0),
            dict(type='RandomSquareCrop')]
    view = [dict(type='RecordedTopdownAffine', input_size=(64, 64), shear=30)]
    if branch == 'target':
        return [*load, dict(type='ForkViews', teacher=view, student=view)]
    codec = dict(type='MSRAHeatmap', input_size=(64, 64), heatmap_size=(16, 16), sigma=1.)
    return [*load, *view, dict(type='GenerateTarget', encoder=codec), dict(type='PackBranches')]


@pytest.mark.parametrize('reader,mini', [(SurrealUDADataset, surreal_uda), (LSPDataset, lsp),
                                         (Human36mUDADataset, human36m_uda)])
def test_training_pipelines_run_with_and_without_labels(tmp_path, reader, mini):
    mini.write(tmp_path)
    labelled = reader(data_root=str(tmp_path), pipeline=pipeline('source'))[0]
    sample = labelled['data_samples']['source']
    assert labelled['inputs']['source'].shape == (3, 64, 64)
    assert sample.gt_fields.heatmaps.shape == (16, 16, 16)
    bare = reader(data_root=str(tmp_path), labels=False, pipeline=pipeline('target'))[0]
    for branch in ('target_teacher', 'target_student'):
        view = bare['data_samples'][branch]
        assert not any('keypoints' in key for key in view.gt_instances.keys())


def test_whole_lsp_images_are_letterboxed_as_published(tmp_path):
    truth = lsp.write(tmp_path)
    data = LSPDataset(data_root=str(tmp_path), pipeline=[
        dict(type='LoadPoseImage'), dict(type='GetBBoxCenterScale', padding=1.0),
        dict(type='RecordedTopdownAffine', input_size=(256, 256))])
    for i, info in enumerate(data):
        width, height = truth['sizes'][i]
        factor = 256 / max(width, height)
        expected = truth['points'][i] * factor + (256 - np.array([width, height]) * factor) / 2
        order = [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 8, 9]
        np.testing.assert_allclose(info['transformed_keypoints'][0, order], expected, atol=.01)
        middle = info['img'][[0, -1]] if width > height else info['img'][:, [0, -1]]
        assert not middle.any()
