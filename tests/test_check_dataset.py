"""`udapose check-data` on tiny data sets, whole and broken in one way each."""
import json
import os
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope
from mmpose.registry import DATASETS, TRANSFORMS

from udapose.cli import _check_data, _dataset_checks, _dataset_sheet, main
from udapose.datasets.public.base import PublicPoseDataset
from udapose.joint_sets import JOINT_SETS

NUM, WIDTH, HEIGHT = 24, 120, 90
K = np.array([[150., 0, 60], [0, 150, 45], [0, 0, 1]])
# a person seen from the front: x, y in mm
POSE = np.array([[-100, 400], [-110, 200], [-90, 0], [90, 0], [110, 200], [100, 400], [0, 0],
                 [0, -200], [0, -300], [0, -400], [-250, 0], [-220, -150], [-150, -270],
                 [150, -270], [220, -150], [250, 0]], float)


@DATASETS.register_module(force=True)
class TinyPublicSet(PublicPoseDataset):
    """Reads ``SPLIT.npz``."""

    JOINT_SET, SPLITS, TREE = 'body16', ('train', 'test'), 'train.npz images/'
    METAINFO = JOINT_SETS['body16'].metainfo('tiny_public')

    def load_instances(self):
        data = np.load(self.require(f'{self.split}.npz'))
        self.count('tiny things, counted', 3)
        for i, name in enumerate(data['names']):
            yield dict(img_path=self.path('images', str(name)), keypoints=data['points'][i],
                       keypoints_visible=data['seen'][i], bbox=data['boxes'][i],
                       keypoints_cam=data['cam'][i], intrinsics=K, root_index=6,
                       image_size=data['size'])


def write(root, split, seed):
    rng = np.random.default_rng(seed)
    (root / 'images').mkdir(parents=True, exist_ok=True)
    depth = rng.uniform(2200, 2600, (NUM, 1, 1))
    turn = rng.uniform(-0.4, 0.4, NUM)
    cam = np.concatenate([POSE[None] * [[[0.6, 0.6]]] + rng.normal(0, 20, (NUM, 16, 2)),
                          depth + rng.normal(0, 20, (NUM, 16, 1))], -1)
    cam[..., 0] *= np.cos(turn)[:, None]
    points = (cam @ K.T)[..., :2] / cam[..., 2:]
    names = [f'{split}{i}.png' for i in range(NUM)]
    for name, joints in zip(names, points, strict=True):
        img = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
        for x, y in joints:
            cv2.circle(img, (round(x), round(y)), 2, (255, 255, 255), -1)
        cv2.imwrite(str(root / 'images' / name), img)
    low, high = points.min(1) - 5, points.max(1) + 5
    data = dict(names=names, points=points, seen=np.ones((NUM, 16)), cam=cam,
                boxes=np.concatenate([low, high], 1), size=[WIDTH, HEIGHT])
    np.savez(root / f'{split}.npz', **data)
    return data


VIEW = [dict(type='RandomBBoxTransform', shift_factor=0.05, scale_factor=(1.2, 1.4),
             rotate_factor=60, rotate_prob=1.),
        dict(type='RecordedTopdownAffine', input_size=(64, 64), shear=20.)]
LOAD = [dict(type='LoadPoseImage'), dict(type='GetBBoxCenterScale', padding=1.)]
LAST = [dict(type='TopdownAffine', input_size=(64, 64)), dict(type='PackPoseInputs')]


def config(root):
    def part(split, steps, **kwargs):
        return dict(type='TinyPublicSet', data_root=str(root), split=split, pipeline=steps,
                    **kwargs)
    flip = dict(type='RandomFlip', prob=1.)
    test = dict(dataset=part('test', [*LOAD, *LAST], test_mode=True))
    return Config(dict(
        train_dataloader=dict(dataset=dict(
            type='TwoDomainDataset',
            source=part('train', [*LOAD, flip, *VIEW, dict(type='PackBranches')]),
            target=part('test', [*LOAD, dict(type='ForkViews', teacher=VIEW, student=VIEW)],
                        labels=False))),
        val_dataloader=test, test_dataloader=test))


@pytest.fixture
def data(tmp_path):
    with DefaultScope.overwrite_default_scope('mmpose'):
        yield tmp_path / 'data', {split: write(tmp_path / 'data', split, seed)
                                  for seed, split in enumerate(('train', 'test'))}


def check(root, cfg=None):
    return _check_data.check(cfg or config(root), num=4, out=root.parent / 'out',
                               decode_all=True, max_reprojection=1.)


def test_a_whole_config_passes(data, tmp_path, capsys):
    root, written = data
    config(root).dump(tmp_path / 'tiny.py')
    assert main(['check-data', str(tmp_path / 'tiny.py'), '--num', '5', '--out',
                 str(tmp_path / 'out')]) == 0
    report = json.loads((tmp_path / 'out/report.json').read_text())
    assert report['problems'] == [] and list(report['datasets']) == [
        'train/source', 'train/target', 'val']
    source, target, val = report['datasets'].values()
    assert source['instances'] == source['images'] == NUM and source['decoded_images'] == 5
    assert source['disk_bytes'] == sum(
        p.stat().st_size for p in (root / 'images').glob('train*'))
    assert source['decoded_bytes'] == 3 * NUM * WIDTH * HEIGHT
    assert source['labelled_share'] == 1 and source['reprojection']['max'] < 1e-3
    points = written['train']['points']
    assert np.allclose(source['keypoint_range'],
                       [*points.min((0, 1)), *points.max((0, 1))], atol=0.06)
    assert source['left_right']['shoulders and hips in the same order'] > 0.9
    assert 'no keypoints (unlabelled)' in target['notes'] and 'labelled_share' not in target
    assert '3 tiny things, counted' in source['notes']
    assert f'{NUM} images are also in train/target' in val['notes']
    text = capsys.readouterr().out
    assert 'test: the same as val' in text and '3 sheets' in text
    for name, views in (('train_source', 1), ('train_target', 2), ('val', 1)):
        sheet = cv2.imread(str(tmp_path / f'out/{name}.png'))
        tile = _dataset_sheet.TILE
        assert sheet.shape == (2 * (tile + _dataset_sheet.BAR), 4 * (1 + views) * tile, 3)


@pytest.mark.parametrize('flip', [0., 1.])
@pytest.mark.parametrize('source', [True, False])
def test_points_drawn_on_the_input_are_on_the_dots(data, flip, source):
    """Also flipped, turned and sheared, and of a target whose labels the pipeline drops."""
    root, _ = data
    steps = [*LOAD, dict(type='RandomFlip', prob=flip)]
    steps += [*VIEW, dict(type='PackBranches')] if source \
        else [dict(type='ForkViews', teacher=VIEW, student=VIEW)]
    np.random.seed(0)
    dataset = DATASETS.build(dict(type='TinyPublicSet', data_root=str(root), pipeline=steps))
    seen = 0
    for i in range(6):
        item = dataset[i]
        for branch, image in item['inputs'].items():
            if image is None:
                continue
            sample = item['data_samples'][branch]
            points, flags = _dataset_sheet.points_in_input(
                sample.get('gt_instances') if source else None, sample.metainfo,
                dataset.get_data_info(i), True)
            inside = ((points > 2) & (points < 61)).all(-1)
            x, y = points[inside].round().astype(int).T
            assert (image.numpy()[0, y, x] > 90).all()
            seen += inside.sum()
    assert seen > 50


def test_stock_crops_are_drawn_unless_they_were_turned(data):
    root, _ = data
    dataset = DATASETS.build(dict(type='TinyPublicSet', data_root=str(root),
                                  pipeline=[*LOAD, *LAST]))
    sample, image = dataset[0]['data_samples'], dataset[0]['inputs'].numpy()
    info = dataset.get_data_info(0)
    points, _ = _dataset_sheet.points_in_input(sample.gt_instances, sample.metainfo, info, False)
    x, y = points.round().astype(int).T
    assert (image[0, y, x] > 90).all()
    assert _dataset_sheet.points_in_input(
        sample.gt_instances, sample.metainfo, info, True) == (None, None)


def change_npz(root, split, **changes):
    data = dict(np.load(root / f'{split}.npz'))
    np.savez(root / f'{split}.npz', **dict(data, **changes))


def swapped_hips(points):
    out = points.copy()
    out[:, [2, 3]] = points[:, [3, 2]]
    return out


def break_file(root):
    path = root / 'images/train3.png'
    path.write_bytes(path.read_bytes()[:40])


@pytest.mark.parametrize('break_, message', [
    (break_file, r'1 of 24 images that were read cannot be decoded: .*train3.png'),
    (lambda root: change_npz(root, 'train', size=[WIDTH + 1, HEIGHT]),
     r'24 images have another size .*is 120x90, not 121x90'),
    (lambda root: change_npz(root, 'train', cam=np.load(root / 'train.npz')['cam'] * [1.5, 1, 1]),
     r'do not project onto the 2D keypoints: .* pixels in the median instance, accepted 1; '),
    (lambda root: change_npz(root, 'train', cam=np.load(root / 'train.npz')['cam'] * [1, 1, -1]),
     r'384 labelled joints are behind the camera'),
    (lambda root: change_npz(root, 'train', points=np.load(root / 'train.npz')['points'] + [55, 0]),
     r'of the labelled joints of 24 instances lie outside'),
    (lambda root: change_npz(root, 'train',
                             points=swapped_hips(np.load(root / 'train.npz')['points']),
                             cam=swapped_hips(np.load(root / 'train.npz')['cam'])),
     r'suspicious left and right: shoulders and hips in the same order in only 0% of 24'),
    (lambda root: (root / 'images/train5.png').unlink(), r'1 of the annotated images do not exist'),
    (lambda root: (root / 'train.npz').unlink(), r'train.npz does not exist. Point data_root'),
])
def test_what_is_wrong_is_named(data, break_, message):
    root, _ = data
    break_(root)
    problems = check(root)['problems']
    assert any(re.search(message, text) for text in problems), problems
    assert all(text.startswith('train') for text in problems)


@pytest.mark.parametrize('count, exchanged, suspicious', [
    (20, 12, False), (20, 20, True), (2000, 1200, True)])
def test_few_poses_are_no_proof_of_exchanged_sides(count, exchanged, suspicious):
    names = ['left_shoulder', 'right_shoulder', 'left_hip', 'right_hip']
    points = np.tile(np.array([[0., 0], [1, 0], [0, 1], [1, 1]]), (count, 1, 1))
    points[:exchanged, :2] = points[:exchanged, 1::-1]
    found = _dataset_checks.Findings()
    _dataset_checks._left_right(found, points, np.ones((count, 4), bool), names,
                                dict(flip_indices=[1, 0, 3, 2]))
    assert bool(found.problems) is suspicious
    assert found.numbers['left_right'] == {
        'shoulders and hips in the same order': pytest.approx(1 - exchanged / count)}


def test_images_that_vanish_after_reading_the_annotations(data):
    root, _ = data
    dataset = DATASETS.build(dict(type='TinyPublicSet', data_root=str(root)))
    (root / 'images/train7.png').unlink()
    found, _ = _dataset_checks.examine(dataset, 4, False, 1.)
    assert found.problems == [
        f'1 of 24 images do not exist: {root}/images/train7.png']


def test_single_joints_off_are_a_note(data):
    """As with the pinhole camera that a reader fits to a lens."""
    root, _ = data
    points = np.load(root / 'train.npz')['points']
    points[:, 4] += [3., 0]  # one joint of everybody
    points[:8] += [2., 0]  # a third of the people
    change_npz(root, 'train', points=points)
    report = check(root)
    source = report['datasets']['train/source']
    assert report['problems'] == []
    assert source['reprojection']['max'] == pytest.approx(5, abs=1e-3)
    assert source['reprojection']['median'] == pytest.approx(3 / 16, abs=1e-3)
    assert any(re.search(r'up to 5.00 pixels away .*train\d.png\); 8 of 24 instances are more than '
                         '1 off on average', note) for note in source['notes']), source['notes']
    assert 'median instance 0.188, worst joint 5.000 pixels' in _check_data.table(report)


def test_metres_and_missing_numbers_in_space(data):
    """Neither shows in the projection."""
    root, written = data
    change_npz(root, 'train', cam=written['train']['cam'] / 1000)
    problem, = check(root)['problems']
    assert re.search('^train/source: the labelled joints of a person span 0.* in metres it would '
                     'be one: multiply by 1000', problem)

    class Holes:
        metainfo = dict(keypoint_id2name={0: 'a', 1: 'b'}, flip_indices=[0, 1])

        def __len__(self):
            return 2

        def get_data_info(self, i):
            cam = np.array([[[0, 0, 3000.], [100, 0, np.nan]]])
            return dict(img_path=str(root / 'images/train0.png'), keypoints_cam=cam, intrinsics=K,
                        keypoints=np.array([[[60., 45], [65, 45]]]),
                        keypoints_visible=np.array([[1, 1 - i]]))

    found, _ = _dataset_checks.examine(Holes(), 1, False, 1.)
    assert any(p.startswith('labelled joints of 1 instances have 3D keypoints that are not finite')
               for p in found.problems)

    class Blind(Holes):  # NaN is not greater than any limit
        def get_data_info(self, i):
            return dict(super().get_data_info(1), intrinsics=K if i else K * np.nan)

    found, _ = _dataset_checks.examine(Blind(), 1, False, 1.)
    assert any(p.startswith('the cameras (intrinsics) of 1 instances are not finite')
               for p in found.problems)
    assert found.numbers['reprojection']['max'] < 1


@pytest.mark.parametrize('ratio', [None, [0.5, 1.]])
def test_parts_of_a_combined_set_are_checked_alone(data, ratio):
    """Also converted to other joints, and sampled at random: annotation and item stay together."""
    root, _ = data

    def part(split, steps):
        return dict(type='TinyPublicSet', data_root=str(root), split=split, pipeline=steps)

    convert = [dict(type='KeypointConverter', num_keypoints=16,
                    mapping=[(j, 15 - j) for j in range(16)])]
    whole = dict(type='CombinedDataset', metainfo=JOINT_SETS['body16'].metainfo('turned'),
                 datasets=[part('train', convert), part('test', [])],
                 sample_ratio_factor=ratio, pipeline=[*LOAD, *VIEW, dict(type='PackPoseInputs')])
    cfg = Config(dict(train_dataloader=dict(dataset=whole), val_dataloader=dict(
        dataset=part('test', [*LOAD, *LAST]))))
    break_file(root)
    report = check(root, cfg)
    assert list(report['datasets']) == ['train/0', 'train/1', 'val']
    assert [d['instances'] for d in report['datasets'].values()] == [NUM] * 3
    assert {d['type'] for d in report['datasets'].values()} == {'TinyPublicSet'}
    assert f'{NUM} images are also in train/1' in report['datasets']['val']['notes']
    assert report['problems'] and all(p.startswith('train/0: ') for p in report['problems'])
    built, _ = _check_data.build_all(cfg)
    for index in (5, NUM - 1):
        info, item = built['train/0'].get_data_info(index), built['train/0'][index]
        assert 'img' not in info and item['data_samples'].img_path == info['img_path']
        assert np.allclose(item['data_samples'].gt_instances.keypoints[0, ::-1],
                           info['keypoints'][0])
    picture, broken = _dataset_sheet.sheet(built['train/0'], [
        built['train/0'].get_data_info(i) for i in range(NUM)], [5, 6])
    assert broken == [] and picture.std() > 10


def test_a_failing_pipeline_is_named_and_ends_with_an_error(data, tmp_path, capsys):
    root, _ = data
    cfg = config(root)
    cfg.val_dataloader.dataset.pipeline = [dict(type='PackPoseInputs')]
    cfg.dump(tmp_path / 'bad.py')
    assert main(['check-data', str(tmp_path / 'bad.py'), '--num', '2', '--out',
                 str(tmp_path / 'o')]) == 1
    assert re.search(r'^error: val: the pipeline fails on instance 0 .*test0',
                     capsys.readouterr().err, re.M)


def test_source_and_target_with_other_joints(data):
    root, _ = data
    cfg = config(root)
    cfg.train_dataloader.dataset.target = dict(
        type='UnlabeledPoseDataset', data_root=str(root / 'images'),
        metainfo=JOINT_SETS['hand21'].metainfo('hands'))
    report = check(root, cfg)
    assert any('have different keypoints' in text for text in report['problems'])
    assert list(report['datasets']) == ['val']  # the rest is still checked


def test_equal_files_under_other_names_are_found(data):
    root, _ = data
    (root / 'images/train2.png').write_bytes((root / 'images/test4.png').read_bytes())
    report = check(root)
    assert '1 images are also in train/source by content, in other files' \
        in report['datasets']['val']['notes']


def test_empty_config_is_an_error(tmp_path):
    report = _check_data.check(Config(dict(model=dict())), 2, tmp_path, False, 1.)
    assert report['problems'] == ['the config has no data set in its data loaders']


def test_sheets_mirror_what_the_data_set_mirrors(tmp_path):
    img = np.zeros((40, 60, 3), np.uint8)
    img[20, 10] = 255
    cv2.imwrite(str(tmp_path / 'a.png'), img)
    load = Compose([TRANSFORMS.build(dict(type='LoadPoseImage'))])
    info = dict(img_path=str(tmp_path / 'a.png'), mirror_image=True, bbox=[0, 0, 60, 40])
    assert load(dict(info))['img'][20, 49, 0] == 255
    tile = _dataset_sheet._original(info, {})[0][_dataset_sheet.BAR:]
    y, x = np.argwhere(tile[50:140, 25:165, 0] > 50).mean(0) + (50, 25)  # within the box
    zoom = _dataset_sheet.TILE / (60 * _dataset_sheet.MARGIN)
    assert x == pytest.approx(_dataset_sheet.TILE / 2 + zoom * (49 - 30), abs=2)
    assert y == pytest.approx(_dataset_sheet.TILE / 2 + zoom * (20 - 20), abs=2)


SAMPLES = Path(os.environ.get('UDAPOSE_TEST_DATA', '/nonexistent')) / 'mmpose_samples'


@pytest.mark.skipif(not SAMPLES.exists(), reason='needs UDAPOSE_TEST_DATA')
@pytest.mark.parametrize('dataset, note', [
    (dict(type='Human36m3DDataset', data_root=f'{SAMPLES}/h36m', ann_file='test_h36m_body3d.npz',
          camera_file='cameras.pkl', image_dir=''), r'is 1000x1002, not 1000x1000'),
    (dict(type='MPIINF3DHPDataset', data_root=f'{SAMPLES}/mpi_inf_3dhp', split='test',
          ann_file='test_3dhp_test.npz', camera_file='cameras_test.pkl', image_dir=''),
     '2 labelled joints outside of their image'),
    (dict(type='RHDCocoDataset', data_root=f'{SAMPLES}/rhd', ann_file='test_rhd.json'), None)])
def test_real_samples_pass(dataset, note, tmp_path):
    loader = dict(dataset=dict(dataset, test_mode=True, pipeline=[
        dict(type='LoadPoseImage'), dict(type='GetBBoxCenterScale', padding=1.0),
        dict(type='RecordedTopdownAffine', input_size=(128, 128)), dict(type='PackPoseInputs')]))
    with DefaultScope.overwrite_default_scope('mmpose'):
        report = check(tmp_path / 'data', Config(dict(val_dataloader=loader)))
    assert report['problems'] == []
    found = report['datasets']['val']
    assert found['reprojection']['max'] < 1 and found['decoded_images'] == found['images']
    assert note is None or any(re.search(note, n) for n in found['notes'])
