"""TigDog: nested structs, permuted tigers, ranges, labels, splits by shot, bad archives."""
import shutil

import numpy as np
import pytest
from mini.animal_pictures import dots_found
from mini.tigdog import SHOTS, SIZE, write
from scipy.io import loadmat, savemat

from udapose.datasets import LoadPoseImage, TigDogDataset
from udapose.datasets.public.animals import split_groups
from udapose.datasets.public.tigdog import read_landmarks


@pytest.fixture(scope='module')
def mini(tmp_path_factory):
    root = tmp_path_factory.mktemp('tigdog')
    return root, write(root)


def read(root, **kwargs):
    return TigDogDataset(data_root=str(root), serialize_data=False, **kwargs)


def test_published_split_order_and_tiger_rows_are_permuted(mini):
    root, truth = mini
    for split in ('train', 'test'):
        infos = list(read(root, split=split))
        expected = [(s, i) for s in ('horse', 'tiger') for i in truth[s][split]]
        assert len(infos) == len(expected) > 0
        for info, (species, i) in zip(infos, expected):
            want = truth[species]
            assert info['species'] == species and info['shot_id'] == want['shots'][i]
            assert info['img_path'].endswith(f'{species}/{want["frames"][i]:08d}.jpg')
            positive = want['positive'][i]
            np.testing.assert_array_equal(info['keypoints_visible'][0] > 0, positive)
            np.testing.assert_allclose(info['keypoints'][0][positive], want['points'][i][positive])
            # each joint's own colour: the order is that of the pictures for both species
            assert dots_found(LoadPoseImage()(dict(info))['img'], info['keypoints'][0], positive)


def test_tiger_permutation_by_hand(tmp_path, mini):
    """Rows 9 and 10 of a tiger's file are the elbows 15 and 16 of the horses' order, and so on."""
    root = tmp_path / 'copy'
    shutil.copytree(mini[0], root)
    coord = np.column_stack([np.arange(1, 20), np.full(19, 50.)])
    cells = np.empty((3, 1), object)
    for n in range(3):
        cells[n, 0] = dict(coord=coord, vis=np.ones((19, 1)))
    for species in ('horse', 'tiger'):
        savemat(root / f'behaviorDiscovery2.0/landmarks/{species}/5.mat', dict(landmarks=cells))
    rows = {s: read(root, species=s, split='test')[0]['keypoints'][0, :, 0].astype(int).tolist()
            for s in ('horse', 'tiger')}
    assert rows['horse'] == [*range(1, 19)]
    assert rows['tiger'] == [1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 17, 18, 13, 14, 9, 10, 11, 12]


def test_missing_joints_have_no_positive_coordinates_and_flags_count_in_clean_only(mini):
    root, truth = mini
    infos = {p: {i['img_path']: i for s in ('train', 'test')
                 for i in read(root, protocol=p, split=s)} for p in ('published', 'clean')}
    assert set(infos['clean']) == set(infos['published'])
    for species, want in truth.items():
        for frame, positive, visible in zip(want['frames'], want['positive'], want['visible']):
            name = [p for p in infos['clean'] if p.endswith(f'{species}/{frame:08d}.jpg')]
            assert len(name) == positive.any()
            if name:
                for protocol, flags in (('published', positive), ('clean', visible)):
                    found = infos[protocol][name[0]]['keypoints_visible'][0] > 0
                    np.testing.assert_array_equal(found, flags)
        assert (want['positive'] != want['visible']).any()


def test_the_box_is_the_joints_extent_and_15_pixels_clipped(mini):
    root, truth = mini
    width, height = SIZE
    clipped = 0
    for info in read(root, split='train'):
        points = info['keypoints'][0][info['keypoints_visible'][0] > 0]
        x1, y1 = np.maximum(points.min(0) - 15, 0)
        x2, y2 = np.minimum(points.max(0) + 15, (width, height))
        clipped += x1 == 0 or x2 == width or y1 == 0 or y2 == height
        half = 1.25 * max(x2 - x1, y2 - y1) / 2
        cx, cy = (x1 + x2) / 2, (y1 + y2) / 2
        np.testing.assert_allclose(info['bbox'][0], [cx - half, cy - half, cx + half, cy + half],
                                   atol=1e-4)
    assert clipped


def test_shots_without_landmarks_are_skipped_and_counted_and_shift_the_index_base(mini):
    data = read(mini[0], split='test')
    assert data.report['shots of horses without a landmark file, left out as published'] == 1
    # frames of the skipped shot are no part of the index base
    assert len(mini[1]['horse']['frames']) == 3 * (len(SHOTS) - 1)


def test_clean_splits_by_whole_shots(mini):
    root, _ = mini
    shots = [{(i['species'], i['shot_id']) for i in read(root, protocol='clean', split=s)}
             for s in ('train', 'test')]
    assert shots[0] and shots[1] and not shots[0] & shots[1]
    groups = np.repeat(np.arange(50), 3)
    test = split_groups(groups)
    assert test.sum() == 30 and all(len(set(test[groups == g])) == 1 for g in range(50))
    assert not np.array_equal(test[:30], np.ones(30))
    assert (split_groups(groups) == test).all() and (split_groups(groups, seed=1) != test).any()
    assert split_groups(np.array([3, 3])).sum() == 0 and split_groups(np.array([3, 4])).sum() == 1


def test_leaking_published_split_is_reported(mini, tmp_path):
    shutil.copytree(mini[0], tmp_path / 'copy')
    cached = tmp_path / 'copy/cached_data/real_animal/horse'
    np.save(cached / 'train_idxs_by_video.npy', np.array([0, 3]))
    np.save(cached / 'valid_idxs_by_video.npy', np.array([1, 6]))
    data = read(tmp_path / 'copy', species='horse', split='test')
    assert data.report['shots of the horses in both parts of the published split (kept)'] == 1


def test_structs_may_be_nested_otherwise(tmp_path):
    coord = np.arange(38.).reshape(19, 2)
    inner = np.zeros((1, 1), [('coord', object), ('vis', object)])
    inner[0, 0] = coord, np.ones((19, 1), np.uint8)
    outer = np.zeros((2, 1), [('p', object)])
    outer[0, 0] = outer[1, 0] = (inner, )
    savemat(tmp_path / '1.mat', dict(landmarks=outer))
    values = read_landmarks(str(tmp_path / '1.mat'))
    assert values.shape == (2, 18, 3) and (values[..., 2] == 1).all()
    np.testing.assert_array_equal(values[1, :, :2], coord[:18])


def damage(root, what):
    base = root / 'behaviorDiscovery2.0'
    landmarks, ranges = base / 'landmarks/horse/5.mat', base / 'ranges/horse/ranges.mat'
    rows = loadmat(ranges)['ranges']
    assert rows.dtype == np.uint16
    if what == 'no ranges':
        ranges.unlink()
    elif what == 'no landmarks':
        for path in landmarks.parent.glob('*.mat'):
            path.unlink()
    elif what == 'short landmarks':
        savemat(landmarks, dict(landmarks=loadmat(landmarks)['landmarks'][:1]))
    elif what == 'other landmarks':
        savemat(landmarks, dict(landmarks=np.zeros((3, 1))))
    elif what == 'other name':
        savemat(landmarks, dict(points=np.zeros((3, 1))))
    elif what == 'damaged':
        landmarks.write_bytes(landmarks.read_bytes()[:150])
    elif what == 'backward range':
        savemat(ranges, dict(ranges=rows[:, [0, 2, 1]]))
    elif what == 'flat ranges':
        savemat(ranges, dict(ranges=rows[:, :2]))
    elif what == 'too few frames':
        (landmarks.parent / '11.mat').unlink()
    elif what == 'a frame less':
        next((base / 'horse').glob('*4*.jpg')).unlink()
        for path in (base / 'horse').glob('*.jpg'):
            path.unlink()
    elif what == 'broken image':
        for path in (base / 'horse').glob('*.jpg'):
            path.write_bytes(b'jpeg')


@pytest.mark.parametrize('what,error,message', [
    ('no ranges', FileNotFoundError, 'ranges.mat does not exist.*behaviorDiscovery2.0/ranges'),
    ('no landmarks', FileNotFoundError, 'none of the 4 shots'),
    ('short landmarks', ValueError, '5.mat has landmarks of 1 frames, but .* has 3'),
    ('other landmarks', ValueError, '5.mat does not have, for every frame'),
    ('other name', ValueError, "5.mat has no variable 'landmarks'"),
    ('damaged', ValueError, '5.mat cannot be read'),
    ('backward range', ValueError, 'ends before it begins'),
    ('flat ranges', ValueError, r'shape \(4, 2\)'),
    ('too few frames', ValueError, 'asks for sample 8, but 6 samples exist'),
    ('a frame less', FileNotFoundError, '3 of the annotated images do not exist'),
    ('broken image', OSError, '3 images cannot be read')])
def test_bad_archives_are_named(mini, tmp_path, what, error, message):
    shutil.copytree(mini[0], tmp_path / 'copy')
    damage(tmp_path / 'copy', what)
    with pytest.raises(error, match=f'(?s){message}'):
        read(tmp_path / 'copy', species='horse', split='test')


def test_ranges_may_be_doubles(mini, tmp_path):
    shutil.copytree(mini[0], tmp_path / 'copy')
    path = tmp_path / 'copy/behaviorDiscovery2.0/ranges/horse/ranges.mat'
    savemat(path, dict(ranges=loadmat(path)['ranges'].astype(float)))
    found, expected = ([i['img_path'][-12:] for i in read(root, species='horse')]
                       for root in (tmp_path / 'copy', mini[0]))
    assert found == expected and len(found) > 0


def test_unreadable_images_can_be_left_out(mini, tmp_path):
    shutil.copytree(mini[0], tmp_path / 'copy')
    first = sorted((tmp_path / 'copy/behaviorDiscovery2.0/horse').glob('*.jpg'))[-1]
    first.write_bytes(b'jpeg')
    data = read(tmp_path / 'copy', species='horse', split='test', on_missing='skip')
    assert len(data) == 2 and data.report['unreadable images, left out'] == 1


def test_unlabelled_target_has_boxes_and_no_joints(mini):
    info = read(mini[0], labels=False)[0]
    assert info['bbox'].shape == (1, 4) and 'keypoints' not in info and info['species'] == 'horse'
