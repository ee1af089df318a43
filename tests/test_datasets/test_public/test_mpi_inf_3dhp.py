"""Reader of MPI-INF-3DHP, on miniatures in the original format and on real samples."""
import pickle

import cv2
import numpy as np
import pytest
from body_checks import NAMES, SAMPLES, build, edit, edit_npz, reprojection
from mini import mpi_inf_3dhp


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
