"""Readers of people in 3D, on miniatures in the original formats and on real samples."""
import json
import os
import pickle
import random
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from mini import human36m_3d, mpi_inf_3dhp, surreal_3d, three_dpw
from mmpose.registry import DATASETS

from udapose.codecs.camera_geometry import project
from udapose.evaluation.pose3d import project as project_triangular
from udapose.joint_sets import JOINT_SETS

SAMPLES = Path(os.environ.get('UDAPOSE_TEST_DATA', '/nonexistent')) / 'mmpose_samples'
NAMES = JOINT_SETS['body17'].names
READERS = dict(Human36m3DDataset=human36m_3d, MPIINF3DHPDataset=mpi_inf_3dhp,
               ThreeDPWDataset=three_dpw, Surreal3DDataset=surreal_3d)
# 3DPW and SURREAL have no top of the head
LABELLED = dict(Human36m3DDataset=17, MPIINF3DHPDataset=17, ThreeDPWDataset=16,
                Surreal3DDataset=16)


@pytest.fixture(scope='module')
def minis(tmp_path_factory):
    root = tmp_path_factory.mktemp('bodies')
    return {name: (root / name, module.write(root / name, num=10, seed=1))
            for name, module in READERS.items()}


def build(name, root, **kwargs):
    # not serialised: items are read from data_list, as each data[i] copies the whole metainfo
    return DATASETS.build(dict(type=name, data_root=str(root), serialize_data=False, **kwargs))


def paths(data):
    return [info['img_path'] for info in data.data_list]


def reprojection(info):
    seen = info['keypoints_visible'][0] > 0
    cam, matrix = info['keypoints_cam'][0, seen].astype(float), info['intrinsics'].astype(float)
    points = project(cam, matrix)
    np.testing.assert_allclose(project_triangular(cam, matrix), points, atol=1e-6)
    return np.linalg.norm(points - info['keypoints'][0, seen], axis=-1).max()


def edit(root, source, relative, change):
    """Copy a mini data set by links and replace one of its files by ``change(old file)``."""
    for path in source.rglob('*'):
        if path.is_file():
            target = root / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(path)
    path = root / relative
    path.unlink()
    change(source / relative, path)
    return root


def edit_npz(root, source, relative, **changes):
    def change(old, new):
        data = dict(np.load(old))
        np.savez(new, **{k: changes[k](v) if k in changes else v for k, v in data.items()
                         if changes.get(k, 0) is not None})
    return edit(root, source, relative, change)


@pytest.mark.parametrize('name', READERS)
def test_items_are_complete_project_onto_their_pixels_and_show_people_upright(name, minis):
    root, _ = minis[name]
    for split in DATASETS.get(name).SPLITS:
        data = build(name, root, split=split)
        assert len(data) > 1
        for info in data.data_list:
            assert info['keypoints'].shape == (1, 17, 2)
            assert info['keypoints_cam'].shape == (1, 17, 3)
            assert info['keypoints_cam'].dtype == info['intrinsics'].dtype == np.float32
            assert info['root_index'] == 0 and NAMES[0] == 'root'
            seen = info['keypoints_visible'][0] > 0
            assert seen.sum() == LABELLED[name]
            assert [n for n, s in zip(NAMES, seen) if not s] == ['head'] * (17 - seen.sum())
            assert reprojection(info) < 1
            # millimetres: hip to knee of an adult
            joints = dict(zip(NAMES, info['keypoints_cam'][0]))
            assert 300 < np.linalg.norm(joints['left_hip'] - joints['left_knee']) < 600
            # facing the camera: the right side is at smaller x; feet are below the neck
            for part in ('hip', 'shoulder', 'wrist', 'foot', 'knee', 'elbow'):
                assert joints[f'right_{part}'][0] < joints[f'left_{part}'][0]
            assert joints['left_foot'][1] > joints['thorax'][1]
            if info['id'] < 2 and name != 'Surreal3DDataset':  # whose dots are small for a jpg
                image = cv2.imread(info['img_path'])
                for x, y in info['keypoints'][0, [1, 2, 3, 5, 12, 15]]:  # a red dot
                    dot = image[int(round(y)), int(round(x))]
                    assert dot[2] > 150 and dot[0] < 120
            box, points = info['bbox'][0], info['keypoints'][0][seen]
            if name != 'Surreal3DDataset':  # whole crops
                assert (points >= box[:2] - 1).all() and (points <= box[2:] + 1).all()
        bare = build(name, root, split=split, labels=False)
        assert len(bare) == len(data) and not {'keypoints', 'keypoints_cam'} & set(bare[0])


@pytest.mark.parametrize('name', READERS)
def test_a_wrong_root_and_a_half_extracted_archive_are_told(name, minis, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'(?s)Point data_root.*data_root/'):
        build(name, tmp_path / 'elsewhere')
    (tmp_path / 'empty').mkdir()
    with pytest.raises(FileNotFoundError, match='data_root/'):
        build(name, tmp_path / 'empty')
    root, _ = minis[name]
    whole = build(name, root, split='test')
    gone = Path(whole[0]['img_path'])
    others = sum(info['img_path'] == str(gone) for info in whole.data_list)
    edit(tmp_path / 'half', root, gone.relative_to(root), lambda old, new: None)
    with pytest.raises(FileNotFoundError, match='1 of the annotated images do not exist'):
        build(name, tmp_path / 'half', split='test')
    kept = build(name, tmp_path / 'half', split='test', on_missing='skip')
    assert len(kept) == len(whole) - others


# ---- Human3.6M

def test_h36m_metres_become_millimetres_and_splits_are_subjects(minis):
    root, truth = minis['Human36m3DDataset']
    for split, subjects in dict(train={'S1', 'S5', 'S6', 'S7', 'S8'}, test={'S9', 'S11'}).items():
        data = build('Human36m3DDataset', root, split=split)
        cam = np.stack([info['keypoints_cam'][0] for info in data.data_list])
        np.testing.assert_allclose(cam, truth[split]['cam'], rtol=1e-4)
        pixels = np.stack([info['keypoints'][0] for info in data.data_list])
        np.testing.assert_allclose(pixels, truth[split]['pixels'], rtol=1e-4)
        assert {info['subject'] for info in data.data_list} == subjects
    one = build('Human36m3DDataset', root, split='train', cameras=['60457274'])
    assert {info['camera'] for info in one.data_list} == {'60457274'} and len(one) == 5


def test_h36m_the_local_pinhole_follows_the_lens(minis):
    root, _ = minis['Human36m3DDataset']
    local, plain = (build('Human36m3DDataset', root, lens=lens) for lens in ('local', 'ignore'))
    errors = [[reprojection(info) for info in data.data_list] for data in (local, plain)]
    assert max(errors[0]) < 1 < 1.5 < max(errors[1])
    np.testing.assert_allclose(plain[0]['intrinsics'][:2, 2], human36m_3d.CENTRE[:, 0], rtol=1e-5)
    with pytest.raises(ValueError, match="lens='fish'"):
        build('Human36m3DDataset', root, lens='fish')


def test_local_pinholes_are_the_least_squares_of_a_slow_reference():
    from udapose.datasets.public.body_cameras import local_pinholes, pinhole_matrix
    from udapose.datasets.public.lens import distort
    rng = np.random.default_rng(0)
    rays = rng.uniform(-0.3, 0.3, (3, 17, 2))
    visible = (rng.random((3, 17)) > 0.3).astype(float)
    matrix = pinhole_matrix((1100, 1200), (500, 510))
    k, p = (-0.2, 0.3, -0.01), (0.002, -0.001)
    fitted = local_pinholes(rays, visible, matrix, k, p)
    for i in range(3):
        seen = rays[i][visible[i] > 0]
        grid = np.array([(x, y) for x in np.linspace(seen[:, 0].min(), seen[:, 0].max(), 5)
                         for y in np.linspace(seen[:, 1].min(), seen[:, 1].max(), 5)])
        bent = distort(grid, (*k[:2], *p, k[2])) * (1100, 1200) + (500, 510)
        ones = np.ones((25, 1))
        first = np.linalg.lstsq(np.hstack([grid, ones]), bent[:, 0], rcond=None)[0]
        second = np.linalg.lstsq(np.hstack([grid[:, 1:], ones]), bent[:, 1], rcond=None)[0]
        np.testing.assert_allclose(fitted[i], [first, (0, *second), (0, 0, 1)], rtol=1e-6,
                                   atol=1e-6)


def test_h36m_other_splits_units_cameras_and_lengths_are_told(minis, tmp_path):
    root, _ = minis['Human36m3DDataset']
    file = 'annotation_body3d/fps10/h36m_train.npz'

    def fails(match, tag, **changes):
        with pytest.raises(ValueError, match=match):
            build('Human36m3DDataset', edit_npz(tmp_path / tag, root, file, **changes))
    fails(r"holds \['S11', 'S9'\]", 'split', imgname=lambda v: np.array(
        [n.replace('S1', 'S9').replace('S5', 'S11') for n in v]))
    fails('S seems to be in mm, but MMPose stores metres', 'mm',
          S=lambda v: v * (1000, 1000, 1000, 1))
    fails('different lengths', 'lengths', scale=lambda v: v[:-1])
    fails(r"has no \['part'\]", 'keys', part=None)
    fails('do not project.*cameras.pkl is not the one', 'other', S=lambda v: v[::-1])
    fails('no person in metres', 'normalised', S=lambda v: v * 0.01)
    with pytest.raises(ValueError, match='cannot be read.*write it again'):
        build('Human36m3DDataset', edit(
            tmp_path / 'cut', root, file,
            lambda old, new: new.write_bytes(old.read_bytes()[:500])))
    for tag, content, match in (('none', {}, 'has no camera'), ('cut2', None, 'damaged')):
        with pytest.raises(ValueError, match=match):
            build('Human36m3DDataset', edit(
                tmp_path / tag, root, 'annotation_body3d/cameras.pkl',
                lambda old, new, content=content: new.write_bytes(
                    old.read_bytes()[:99] if content is None else pickle.dumps(content))))
    with pytest.raises(FileNotFoundError, match='fps50'):
        build('Human36m3DDataset', root, fps=50)


def test_h36m_single_wrong_instances_are_left_out_and_counted(minis, tmp_path):
    root, _ = minis['Human36m3DDataset']

    def shift(part):
        part[3, :, 0] += 40
        return part
    data = build('Human36m3DDataset', edit_npz(
        tmp_path / 'x', root, 'annotation_body3d/fps10/h36m_train.npz', part=shift))
    assert len(data) == 9
    assert data.report['instances whose 3D joints do not project onto their 2D joints, left out'] \
        == 1


@pytest.mark.skipif(not (SAMPLES / 'h36m').exists(), reason='needs UDAPOSE_TEST_DATA')
def test_h36m_real_sample():
    options = dict(ann_file='test_h36m_body3d.npz', camera_file='cameras.pkl', image_dir='')
    data = build('Human36m3DDataset', SAMPLES / 'h36m', **options)
    assert [info['subject'] for info in data.data_list] == ['S1', 'S5', 'S7', 'S8']
    assert max(reprojection(info) for info in data.data_list) < 0.95
    plain = build('Human36m3DDataset', SAMPLES / 'h36m', lens='ignore', **options)
    assert 3 < max(reprojection(info) for info in plain.data_list) < 3.5
    assert 5000 < data[0]['keypoints_cam'][0, 0, 2] < 5500  # mm


# ---- MPI-INF-3DHP

def test_3dhp_order_is_that_of_body17_and_cut_off_height_is_2048(minis):
    root, truth = minis['MPIINF3DHPDataset']
    for split in ('train', 'test'):
        data = build('MPIINF3DHPDataset', root, split=split)
        cam = np.stack([info['keypoints_cam'][0] for info in data.data_list])
        np.testing.assert_allclose(cam, truth[split]['cam'], rtol=1e-4)
        assert {tuple(info['image_size']) for info in data.data_list} == {(2048, 2048)}
    assert {info['sequence'] for info in data.data_list} == {'TS1', 'TS2'}


def test_3dhp_joints_outside_of_the_image_count(minis, tmp_path):
    root, _ = minis['MPIINF3DHPDataset']

    def hide(values):
        values[0, 4, -1] = 0  # as the converter flags joints outside of the image
        return values
    data = build('MPIINF3DHPDataset', edit_npz(
        tmp_path / 'x', root, 'annotations/mpi_inf_3dhp_test_valid.npz', part=hide, S=hide),
        split='test')
    assert (data[0]['keypoints_visible'] == 1).all()


def test_3dhp_universal_poses_of_the_raw_test_files(minis, tmp_path):
    h5py = pytest.importorskip('h5py')
    root, truth = minis['MPIINF3DHPDataset']
    data = build('MPIINF3DHPDataset', root, split='test', pose3d='univ_annot3')
    cam = np.stack([info['keypoints_cam'][0] for info in data.data_list])
    np.testing.assert_allclose(cam, truth['test']['cam'] * mpi_inf_3dhp.UNIVERSAL, rtol=1e-4)
    assert max(reprojection(info) for info in data.data_list) < 0.1
    with pytest.raises(ValueError, match="pose3d='univ_annot3' is not"):
        build('MPIINF3DHPDataset', root, split='train', pose3d='univ_annot3')

    def raw(tag, **changes):
        def change(old, new):
            with h5py.File(old) as a, h5py.File(new, 'w') as b:
                for key in a:
                    b[key] = changes[key](np.array(a[key])) if key in changes else np.array(a[key])
        return edit(tmp_path / tag, root, 'test/TS1/annot_data.mat', change)
    for tag, changes, match in (
            ('valid', dict(valid_frame=lambda v: 1 - v), r'5 frames .* are not valid, such as TS1'),
            ('short', dict(univ_annot3=lambda v: v[:3], valid_frame=lambda v: v[:3]),
             'has 3 poses and 3 flags.*different versions')):
        with pytest.raises(ValueError, match=match):
            build('MPIINF3DHPDataset', raw(tag, **changes), split='test', pose3d='univ_annot3')
    moved = build('MPIINF3DHPDataset', raw('moved', univ_annot3=lambda v: v + 300), split='test',
                  pose3d='univ_annot3')
    assert [n for text, n in moved.report.items() if 'univ_annot3 does not project' in text] == [5]
    assert max(reprojection(info) for info in moved.data_list) < 0.1
    without = edit(tmp_path / 'without', root, 'test/TS2/annot_data.mat', lambda old, new: None)
    with pytest.raises(FileNotFoundError, match='TS2'):
        build('MPIINF3DHPDataset', without, split='test', pose3d='univ_annot3')


def test_3dhp_the_other_splits_file_and_other_cameras_are_told(minis, tmp_path):
    root, _ = minis['MPIINF3DHPDataset']
    with pytest.raises(ValueError, match="10 images, such as 'TS1_000001.jpg', are not of the"):
        build('MPIINF3DHPDataset', root, ann_file='annotations/mpi_inf_3dhp_test_valid.npz')
    with pytest.raises(ValueError, match='has no camera'):
        build('MPIINF3DHPDataset', root, camera_file='annotations/cameras_test.pkl')

    def other(old, new):
        cameras = pickle.loads(old.read_bytes())
        new.write_bytes(pickle.dumps({k: dict(v, f=v['f'] * 1.2) for k, v in cameras.items()}))
    with pytest.raises(ValueError, match='10 of 10 people do not project'):
        build('MPIINF3DHPDataset',
              edit(tmp_path / 'x', root, 'annotations/cameras_train.pkl', other))


@pytest.mark.skipif(not (SAMPLES / 'mpi_inf_3dhp').exists(), reason='needs UDAPOSE_TEST_DATA')
@pytest.mark.parametrize('split', ['train', 'test'])
def test_3dhp_real_sample(split):
    data = build('MPIINF3DHPDataset', SAMPLES / 'mpi_inf_3dhp', split=split, image_dir='',
                 ann_file=f'test_3dhp_{split}.npz', camera_file=f'cameras_{split}.pkl')
    labelled = np.load(SAMPLES / f'mpi_inf_3dhp/test_3dhp_{split}.npz')['part'][..., :2]
    native = {n: i for i, n in enumerate(mpi_inf_3dhp.ORDER)}
    assert len(data) == 2
    for info, pixels in zip(data.data_list, labelled):
        assert reprojection(info) < 0.1
        assert tuple(info['image_size']) == cv2.imread(info['img_path']).shape[1::-1]
        far = {n for j, n in enumerate(NAMES)
               if np.linalg.norm(info['keypoints'][0, j] - pixels[native[n]]) > 0.2}
        assert far <= {'left_hip', 'right_hip', 'spine'}  # published 2D labels disagree there
        difference = info['keypoints'][0] - pixels[[native[n] for n in NAMES]]
        assert np.linalg.norm(difference, axis=-1).max() < 2.2


# ---- 3DPW

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


# ---- SURREAL

def test_surreal_left_is_right_and_shoulders_are_no_collars(minis):
    root, truth = minis['Surreal3DDataset']
    data = build('Surreal3DDataset', root, split='test', protocol='clean')
    for info in data.data_list:
        cam = truth['test'][Path(info['img_path']).name]['cam']
        keep = [j for j, n in enumerate(NAMES) if n not in ('head', 'spine')]
        np.testing.assert_allclose(info['keypoints_cam'][0, keep], cam[keep], rtol=1e-4, atol=0.05)


def test_surreal_published_split_and_all_images(minis):
    root, _ = minis['Surreal3DDataset']
    for split in ('train', 'test'):
        names = [f'{run}/{entry["name"]}' for run in ('run0', 'run1', 'run2')
                 for entry in json.loads((root / split / f'{run}.json').read_text())]
        every = build('Surreal3DDataset', root, split=split, protocol='clean')
        assert paths(every) == [f'{root}/{split}/{n}' for n in names]
        random.Random(42).shuffle(names)
        expected = names[:6] if split == 'test' else names[6:]  # 20 % of 30
        data = build('Surreal3DDataset', root, split=split)
        assert paths(data) == [f'{root}/{split}/{n}' for n in expected]
        size = cv2.imread(data[0]['img_path']).shape[0]
        np.testing.assert_array_equal(data[0]['bbox'], [[0, 0, size, size]])


def test_surreal_units_crops_and_damage(minis, tmp_path):
    root, truth = minis['Surreal3DDataset']
    plain = build('Surreal3DDataset', root, split='test', protocol='clean')

    def make(tag, change):
        def rewrite(old, new):
            new.write_text(json.dumps([change(entry) for entry in json.loads(old.read_text())]))
        out = tmp_path / tag
        edit(out, root, 'test/run0.json', rewrite)
        for run in ('run1', 'run2'):
            (out / f'test/{run}.json').unlink()
            rewrite(root / f'test/{run}.json', out / f'test/{run}.json')
        return dict(root=out, split='test', protocol='clean')

    def times_1000(entry):
        return dict(entry, keypoint3d=(1000 * np.array(entry['keypoint3d'])).tolist())
    data = build('Surreal3DDataset', **make('mm', times_1000))
    np.testing.assert_allclose(data[4]['keypoints_cam'], plain[4]['keypoints_cam'], rtol=1e-5)

    whole = [[600., 0, 160], [0, 600, 120], [0, 0, 1]]
    data = build('Surreal3DDataset', **make('crop', lambda e: dict(e, intrinsic_matrix=whole)))
    assert [n for text, n in data.report.items() if 'corrected' in text] == [30]
    for one, two in zip(data.data_list, plain.data_list):
        np.testing.assert_allclose(one['intrinsics'], two['intrinsics'], rtol=1e-3, atol=0.1)

    def old_centre(entry):  # x and y re-derived from cropped pixels with the old matrix
        points = np.array(entry['keypoint3d'])
        points[:, :2] = (np.array(entry['keypoint2d']) - (160, 120)) / 600 * points[:, 2:]
        return dict(entry, keypoint3d=points.tolist(), intrinsic_matrix=whole)
    data = build('Surreal3DDataset', **make('old', old_centre))
    assert [n for text, n in data.report.items() if 'not those of the true camera' in text] == [30]

    for tag, change, match in (
            ('no3d', lambda e: {k: v for k, v in e.items() if k != 'keypoint3d'}, "has no"),
            ('shape', lambda e: dict(e, keypoint3d=e['keypoint3d'][:17]), 'is not \\(24, 3\\)'),
            ('mixed', lambda e: dict(e, keypoint2d=np.random.default_rng(
                len(str(e))).uniform(0, 150, (24, 2)).tolist()), 'another release')):
        with pytest.raises(ValueError, match=match):
            build('Surreal3DDataset', **make(tag, change))
    half = edit(tmp_path / 'half', root, 'test/run1.json',
                lambda old, new: new.write_text(old.read_text()[:-40]))
    with pytest.raises(ValueError, match=r'run1\.json is no JSON file.*truncated'):
        build('Surreal3DDataset', half, split='test')
    first = Path(plain[0]['img_path']).relative_to(root)
    edit(tmp_path / 'image', root, first, lambda old, new: new.write_bytes(b'jpeg'))
    options = dict(root=tmp_path / 'image', split='test', protocol='clean')
    with pytest.raises(OSError, match='1 images cannot be read'):
        build('Surreal3DDataset', **options)
    assert len(build('Surreal3DDataset', on_missing='skip', **options)) == len(plain) - 1


def test_the_pages_configs_are_those_of_the_readers(repository):
    page = (repository / 'docs/data_bodies_3d.md').read_text()
    configs = [eval(line) for line in re.findall(r'^dict\(type=.*\)$', page, re.MULTILINE)]
    assert {cfg['type'] for cfg in configs} == set(READERS)
    for cfg in configs:
        with pytest.raises(FileNotFoundError, match=cfg['data_root']):  # all arguments are known
            DATASETS.build(dict(cfg, data_root='/nonexistent/' + cfg['data_root']))
