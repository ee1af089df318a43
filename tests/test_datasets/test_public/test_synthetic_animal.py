"""SyntheticAnimal: meshes and cleaned json, vertices, split, boxes, bad archives."""
import json
import shutil

import cv2
import numpy as np
import pytest
from mini.animal_pictures import colour, dots_found
from mini.synthetic_animal import VERTICES as published_vertices
from mini.synthetic_animal import write
from mmpose.datasets.transforms import GetBBoxCenterScale
from mmpose.structures.bbox import get_warp_matrix

from udapose.cli import main
from udapose.datasets import (
    LoadPoseImage,
    RecordedTopdownAffine,
    SyntheticAnimal14Dataset,
    SyntheticAnimalDataset,
)
from udapose.datasets.public.animals import hourglass_box
from udapose.datasets.public.synthetic_animal import VERTICES


@pytest.fixture(scope='module')
def mini(tmp_path_factory):
    root = tmp_path_factory.mktemp('synthetic')
    return root, write(root, clean=True)


def read(root, cls=SyntheticAnimalDataset, **kwargs):
    return cls(data_root=str(root), serialize_data=False, **kwargs)


@pytest.mark.parametrize('annotations', ['mesh', 'clean', 'auto'])
@pytest.mark.parametrize('cls', [SyntheticAnimalDataset, SyntheticAnimal14Dataset])
def test_meshes_and_cleaned_json_give_the_same_joints(mini, cls, annotations):
    root, truth = mini
    for split in ('train', 'test'):
        infos = [i for i in read(root, cls, split=split, annotations=annotations)]
        expected = [(s, i) for s in cls.SPECIES for i in truth[s][split]]
        assert len(infos) == len(expected) > 0
        for info, (species, i) in zip(infos, expected):
            assert info['species'] == species and int(info['category_id']) in (3, 4, 6, 7)
            assert info['img_path'].endswith(truth[species]['names'][i])
            np.testing.assert_allclose(info['keypoints'][0], truth[species]['points'][i], atol=1e-3)
            # occluded joints (every second vertex) are kept
            assert (info['keypoints_visible'] == 1).all()
            image = LoadPoseImage()(dict(info))['img']
            assert image.shape == (480, 640, 3) and dots_found(image, info['keypoints'][0],
                                                               np.ones(info['num_keypoints']))
    assert not {i['img_path'] for i in read(root, cls)} & \
        {i['img_path'] for i in read(root, cls, split='test')}


def test_vertices_are_the_published_ones():
    assert VERTICES == published_vertices


def test_the_box_is_that_of_all_vertices_clipped_and_cropped_like_the_hourglass(mini):
    root, truth = mini
    info = read(root, species='tiger')[0]
    extent = truth['tiger']['extent'][truth['tiger']['train'][0]]
    assert extent[0] == -30  # beyond the border, and no joint
    x1, y1, x2, y2 = np.clip(extent, 0, [640, 480, 640, 480])
    scale = 1.25 * max(x2 - x1, y2 - y1) / 200
    side = 200 * scale
    cx, cy = (x1 + x2) / 2, (y1 + y2) / 2
    np.testing.assert_allclose(
        info['bbox'][0], [cx - side / 2, cy - side / 2, cx + side / 2, cy + side / 2], atol=1e-3)
    # the published crop: x' = 256 / side * x + 256 * (1 / 2 - cx / side)
    results = RecordedTopdownAffine(input_size=(256, 256))(
        GetBBoxCenterScale(padding=1.0)(LoadPoseImage()(dict(info))))
    expected = [[256 / side, 0, 256 * (.5 - cx / side)], [0, 256 / side, 256 * (.5 - cy / side)],
                [0, 0, 1]]
    np.testing.assert_allclose(results['input_matrix'], expected, atol=1e-3)
    np.testing.assert_allclose(get_warp_matrix(np.array([cx, cy]), np.array([side, side]), 0,
                                               (256, 256)), expected[:2], atol=1e-3)


def test_hourglass_box_by_hand():
    boxes = np.array([[10, 20, 50, 40], [5, 5, 5, 9], [9, 9, 5, 12]])
    np.testing.assert_allclose(hourglass_box(boxes), [[5, 5, 55, 55], [0] * 4, [0] * 4])


def test_joints_outside_of_the_image_are_unlabelled_as_published(mini, tmp_path):
    root, truth = mini
    shutil.copytree(root, tmp_path / 'copy')
    n = truth['horse']['train'][0]
    path = tmp_path / 'copy/synthetic_animal/horse_combineds5r5_texture' / \
        truth['horse']['names'][n].replace('img.png', 'kpts.npy')
    mesh = np.load(path)
    mesh[VERTICES['animal18']['horse'][2], 0] = 641
    mesh[VERTICES['animal18']['horse'][5], 1] = -1
    np.save(path, mesh)
    data = read(tmp_path / 'copy', species=['horse'], annotations='mesh')
    assert np.flatnonzero(data[0]['keypoints_visible'][0] == 0).tolist() == [2, 5]
    assert data.report['joints outside of their image, unlabelled as published'] == 2


def test_without_index_files_the_split_is_deterministic_and_said_to_be_no_published_one(
        mini, tmp_path, monkeypatch):
    shutil.copytree(mini[0] / 'synthetic_animal', tmp_path / 'data/synthetic_animal')
    warnings = []
    monkeypatch.setattr('mmengine.logging.MMLogger.warning', lambda self, m: warnings.append(m))
    parts = [[i['img_path'] for i in read(tmp_path / 'data', species='horse', split=s)]
             for s in ('train', 'test')]
    assert len(parts[0]) == 5 and len(parts[1]) == 1 and not set(parts[0]) & set(parts[1])
    assert 'NOT comparable' in warnings[0] and 'valid_idxs.npy' in warnings[0]
    assert parts[0] == [i['img_path'] for i in read(tmp_path / 'data', species='horse')]
    # the published code's folder lies beside its data
    shutil.copytree(mini[0] / 'cached_data', tmp_path / 'cached_data')
    assert len(read(tmp_path / 'data', species='horse', split='test')) == 2
    with pytest.raises(FileNotFoundError, match='elsewhere does not exist'):
        read(tmp_path / 'data', cached_data='elsewhere')


def damage(root, what):
    folder = root / 'synthetic_animal/horse_combineds5r5_texture'
    cached = root / 'cached_data/synthetic_animal/horse_combineds5r5_texture'
    if what == 'an image less':
        (folder / 'horse_0001_img.png').unlink()
    elif what == 'no folder':
        shutil.rmtree(folder)
    elif what == 'another mesh':
        for path in folder.glob('*.npy'):
            np.save(path, np.zeros((50, 3)))
    elif what == 'truncated':
        for path in folder.glob('*.npy'):
            path.write_bytes(path.read_bytes()[:200])
    elif what == 'resized':
        for path in folder.glob('*.png'):
            cv2.imwrite(str(path), np.zeros((240, 320, 3), np.uint8))
    elif what == 'larger index':
        np.save(cached / 'train_idxs.npy', np.array([0, 8000]))
    elif what == 'overlap':
        np.save(cached / 'train_idxs.npy', np.arange(6))
    elif what == 'half a split':
        (cached / 'train_idxs.npy').unlink()


@pytest.mark.parametrize('what,error,message', [
    ('an image less', FileNotFoundError, r'5 \*img.png and 6 \*kpts.npy.*horse_0001_'),
    ('no folder', FileNotFoundError, 'horse_combineds5r5_texture does not exist.*data_root'),
    ('another mesh', ValueError, r'shape \(50, 3\).*not a mesh of this animal'),
    ('truncated', ValueError, 'kpts.npy is damaged'),
    ('resized', ValueError, '320x240.*640x480'),
    ('larger index', ValueError, 'sample 8000, but 6 samples exist'),
    ('overlap', ValueError, '2 samples of .* in both parts'),
    ('half a split', FileNotFoundError, 'train_idxs.npy does not exist')])
def test_bad_archives_are_named(mini, tmp_path, what, error, message):
    for folder in ('synthetic_animal/horse_combineds5r5_texture', 'cached_data'):
        shutil.copytree(mini[0] / folder, tmp_path / folder)
    damage(tmp_path, what)
    with pytest.raises(error, match=f'(?s){message}'):
        read(tmp_path, species='horse')


@pytest.mark.parametrize('change,message', [
    (lambda e: e['horse']['bbox'].pop(), 'different lengths.*bbox'),
    (lambda e: e.pop('horse'), "no 'horse'"),
    (lambda e: e['horse'].update(keypoints=[k[:14] for k in e['horse']['keypoints']]),
     r'shape \(6, 14, 3\)'),
    (lambda e: e['horse'].update(train_idxs=[[1]]), 'no list of indices'),
    (lambda e: e['horse'].update(imgpath=['x_img.png'] * 6), 'of the annotated images')])
def test_bad_cleaned_json_is_named(mini, tmp_path, change, message):
    root = mini[0]
    entries = json.loads((root / 'clean_data/keypoints_18.json').read_text())
    change(entries)
    (tmp_path / 'clean_data').mkdir()
    (tmp_path / 'clean_data/keypoints_18.json').write_text(json.dumps(entries))
    shutil.copytree(root / 'synthetic_animal/horse_combineds5r5_texture',
                    tmp_path / 'synthetic_animal/horse_combineds5r5_texture')
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        read(tmp_path, species='horse')


def test_arguments_are_checked(mini):
    for kwargs in (dict(species='cow'), dict(species=['horse', 'horse']), dict(species=[]),
                   dict(annotations='json'), dict(protocol='clean')):
        with pytest.raises(ValueError, match='species=|annotations=|protocol='):
            read(mini[0], **kwargs)


def test_converter_writes_the_published_codes_file(mini, tmp_path, capsys):
    for folder in ('synthetic_animal/tiger_combineds5r5_texture', 'cached_data'):
        shutil.copytree(mini[0] / folder, tmp_path / folder)
    command = ['convert', 'synthetic-animal']
    assert main([*command, str(tmp_path)]) == 0
    written, truth = (json.loads((root / 'clean_data/keypoints_18.json').read_text())
                      for root in (tmp_path, mini[0]))
    assert written == dict(tiger=truth['tiger'])
    assert 'tiger' in capsys.readouterr().out and not list(tmp_path.glob('clean_data/*.part'))
    assert main([*command, str(tmp_path / 'clean_data')]) == 1
    assert 'combineds5r5_texture' in capsys.readouterr().err
    next((tmp_path / 'synthetic_animal/tiger_combineds5r5_texture').glob('*.npy')).unlink()
    assert main([*command, str(tmp_path)]) == 1
    assert 'no counterpart' in capsys.readouterr().err


def test_published_source_pipeline_keeps_joints_on_their_dots(mini):
    """Augmentation, flip, crop, target: every labelled joint is on its own dot in the input."""
    codec = dict(type='MSRAHeatmap', input_size=(256, 256), heatmap_size=(64, 64), sigma=1.)
    pipeline = [dict(type='LoadPoseImage'), dict(type='GetBBoxCenterScale', padding=1.),
                dict(type='AnimalSourceAugmentation', noise=0, contrast=(1, 1), blur=(.1, .1)),
                dict(type='RandomFlip'),
                dict(type='RecordedTopdownAffine', input_size=(256, 256)),
                dict(type='GenerateTarget', encoder=codec),
                dict(type='PackBranches', extra_meta_keys=('species', ))]
    np.random.seed(0)
    data = read(mini[0], pipeline=pipeline)
    checked = moved = flipped = 0
    for _ in range(3):
        for index in range(len(data)):
            packed = data[index]
            image = packed['inputs']['source'].permute(1, 2, 0).numpy()
            sample = packed['data_samples']['source']
            assert sample.metainfo['species'] in ('horse', 'tiger')
            original = data.get_data_info(index)['keypoints'][0]
            matrix = sample.metainfo['input_matrix']
            moved += abs(matrix[0, 1]) > 1e-4
            flipped += sample.metainfo['flip']
            heatmaps = sample.gt_fields.heatmaps.numpy()
            points = original @ matrix[:2, :2].T + matrix[:2, 2]
            if sample.metainfo['flip']:
                points = points[data.metainfo['flip_indices']]
            weights = sample.gt_instance_labels.keypoint_weights.numpy()[0]
            for joint in np.flatnonzero(weights):
                y, x = np.unravel_index(heatmaps[joint].argmax(), (64, 64))
                assert np.abs(points[joint] / 4 - (x, y)).max() <= 0.51 or x in (0, 63) \
                    or y in (0, 63)
                if (points[joint] > 3).all() and (points[joint] < 253).all():
                    origin = joint if not sample.metainfo['flip'] else \
                        data.metainfo['flip_indices'][joint]
                    u, v = np.round(points[joint]).astype(int)
                    assert np.abs(image[v, u].astype(int) - colour(origin)).max() < 90
                    checked += 1
    assert checked > 200 and 5 < moved < 19 and 5 < flipped < 19
