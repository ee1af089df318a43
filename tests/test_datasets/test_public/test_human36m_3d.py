"""Reader of Human3.6M in 3D, on miniatures in the original format and on real samples."""
import pickle

import numpy as np
import pytest
from body_checks import SAMPLES, build, edit, edit_npz, reprojection
from mini import human36m_3d


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
