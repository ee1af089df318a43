"""The sheet of 3D poses draws on what the model saw: mirrored hands, inputs that are not square."""
import os
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope, init_default_scope
from mmengine.structures import InstanceData
from mmpose.registry import DATASETS, MODELS, TRANSFORMS
from runs import tiny_config

from udapose.cli import _sheet as pose3d_sheet
from udapose.cli import main
from udapose.cli._sheet import TILE, without_common_end

SAMPLES = Path(os.environ.get('UDAPOSE_TEST_DATA', '')) / 'mmpose_samples'


def steps(size):
    return [dict(type='LoadPoseImage'), dict(type='GetBBoxCenterScale', padding=1.0),
            dict(type='RecordedTopdownAffine', input_size=size), dict(type='PackPose3DInputs')]


def predicted(item):
    """The item's sample with its truth as the prediction."""
    sample = item['data_samples']
    truth = sample.gt_instances
    sample.pred_instances = InstanceData(
        keypoints=truth.keypoints.copy(), keypoints_cam=truth.keypoints_cam.copy())
    return sample, item['inputs'].numpy().transpose(1, 2, 0)


@pytest.mark.skipif(not (SAMPLES / 'rhd').is_dir(), reason='needs UDAPOSE_TEST_DATA')
@pytest.mark.parametrize('size', [(256, 256), (192, 256)])
def test_hands_that_are_mirrored_lie_on_the_mirrored_image(size):
    init_default_scope('mmpose')
    dataset = DATASETS.build(dict(
        type='RHDCocoDataset', data_root=str(SAMPLES / 'rhd'), ann_file='test_rhd.json',
        split='test', test_mode=True, pipeline=steps(size)))
    mirrored = set()
    for index in range(len(dataset)):
        sample, seen = predicted(dataset[index])
        mirrored.add(bool(dataset.get_data_info(index).get('mirror_image')))
        tile = pose3d_sheet.draw_row(sample, [], [])[0][0]
        left = (TILE - size[0]) // 2
        found = tile[:, left:left + size[0]].astype(int)
        # of the unmirrored images it is some 50; the sheet's interpolation is the sharper one
        assert np.abs(found - seen).mean() < 4
        assert not tile[:, :left].any() and not tile[:, left + size[0]:].any()
    assert True in mirrored


@pytest.fixture
def upright(tmp_path):
    """A made-up right hand, mirrored by its data set, on an image that names its pixels."""
    file = np.zeros((150, 200, 3), np.uint8)
    file[..., 0], file[..., 1] = np.arange(200), np.arange(150)[:, None]
    file[..., 2] = 200
    cv2.imwrite(str(tmp_path / '1.png'), file)
    points = np.array([[[70., 30], [90, 60], [110, 110]]], np.float32)  # of the mirrored image
    cam = np.concatenate([points - 80, np.full((1, 3, 1), 900)], -1).astype(np.float32)
    return dict(img_path=str(tmp_path / '1.png'), mirror_image=True, root_index=0, flip_indices=[
        0, 1, 2], bbox=np.array([[60, 20, 120, 120]], np.float32), bbox_score=np.ones(
        1, np.float32), keypoints=points, keypoints_visible=np.ones((1, 3), np.float32),
        keypoints_cam=cam, intrinsics=np.diag([900., 900, 1]))


@pytest.mark.parametrize('size', [(48, 64), (64, 48), (96, 96), (60, 256)])
@pytest.mark.parametrize('before', [[], [dict(type='RandomFlip', prob=1.)]])
def test_tile_is_the_input_and_joints_lie_where_it_shows_them(upright, size, before,
                                                                   monkeypatch):
    init_default_scope('mmpose')
    pipeline = steps(size)
    item = Compose([TRANSFORMS.build(t) for t in [*pipeline[:2], *before, *pipeline[2:]]])(upright)
    sample, seen = predicted(item)
    assert sample.mirror_image is True
    drawn = []
    monkeypatch.setattr(pose3d_sheet, 'draw_pose', lambda tile, points, *args: drawn.append(
        points) or tile.copy())
    (tile, *_), _ = pose3d_sheet.draw_row(sample, [], [])
    zoom = TILE / max(size)
    width, height = (round(s * zoom) for s in size)
    region = np.s_[(TILE - height) // 2:(TILE + height) // 2,
                   (TILE - width) // 2:(TILE + width) // 2]
    expected = cv2.resize(seen, (width, height), interpolation=cv2.INTER_CUBIC)
    assert np.abs(tile[region].astype(int) - expected)[4:-4, 4:-4].mean() < 2
    outside = tile.copy()
    outside[region] = 0
    assert not outside.any()
    # the colour below a joint is its place in the file, which is not mirrored
    truth = upright['keypoints'][0] if not before else sample.gt_instances.keypoints[0]
    for (x, y), (u, v) in zip(truth, drawn[0], strict=True):
        blue, green, _ = tile[round(v), round(u)].astype(float)
        column = 199 - x if not before else x  # flipped back
        assert blue == pytest.approx(column, abs=2.5) and green == pytest.approx(y, abs=2.5)


def test_attention_lies_on_the_input_alone(upright):
    """8 x 6 patches of an upright input: their grid is not stretched over the square tile."""
    init_default_scope('mmpose')
    sample, _ = predicted(Compose([TRANSFORMS.build(t) for t in steps((48, 64))])(upright))
    plain = pose3d_sheet.draw_row(sample, [], [])[0][0].astype(int)
    heat = np.zeros((8, 6), np.float32)
    heat[2, 1] = 1
    sample.set_metainfo(dict(attention=heat))
    tiles, _ = pose3d_sheet.draw_row(sample, [], [])
    assert np.array_equal(tiles[0], plain)  # the pose's tile stays as it was
    hot = tiles[3].astype(int)
    assert not hot[:, :32].any() and not hot[:, 224:].any()
    color = 2 * hot - plain  # the overlay is half of each
    red = np.argwhere(color[..., 2] - color[..., 0] > 100)
    # patches of 8 pixels, 4 times enlarged, behind 32 columns of black
    np.testing.assert_allclose(red.mean(0), [2.5 * 32, 32 + 1.5 * 32], atol=3)


def test_a_crop_that_is_not_recorded_is_named(upright):
    init_default_scope('mmpose')
    item = Compose([TRANSFORMS.build(t) for t in steps((48, 64))])(upright)
    sample, _ = predicted(item)
    del sample.input_matrix, sample.input_size
    predictor = object.__new__(pose3d_sheet.Predictor)
    predictor.dataset, predictor.attention = [item], False
    predictor.model = type('Model', (), dict(test_step=lambda self, batch: [sample]))()
    with pytest.raises(ValueError, match='gives no input_matrix, input_size.*RecordedTopdownAff'):
        predictor(0)


def test_a_pose_that_cannot_be_placed_leaves_its_tiles_empty(upright):
    """One instance without a root stopped the sheet, and named no image."""
    init_default_scope('mmpose')
    sample, _ = predicted(Compose([TRANSFORMS.build(t) for t in steps((48, 64))])(upright))
    sample.pred_instances.keypoints_cam = sample.pred_instances.keypoints_cam * np.nan
    tiles, caption = pose3d_sheet.draw_row(sample, [(0, 1)], [(0, 0, 0)])
    assert len(tiles) == 3 and 'root unlabelled' in caption
    assert tiles[0].any() and (tiles[1] == 255).all() and (tiles[2] == 255).all()


def test_a_single_labelled_joint_can_be_drawn(upright):
    init_default_scope('mmpose')
    sample, _ = predicted(Compose([TRANSFORMS.build(t) for t in steps((48, 64))])(upright))
    sample.gt_instances.keypoints_visible = np.array([[1., 0, 0]])
    with warnings.catch_warnings():
        warnings.simplefilter('error')  # the picture's edge was at a distance of 0
        tiles, caption = pose3d_sheet.draw_row(sample, [(0, 1)], [(200, 0, 0)])
    assert caption == 'MPJPE 0 mm' and np.ptp(tiles[1].astype(int), -1).max() > 100  # in colour


@pytest.mark.parametrize('args,message', [
    (('--out', 'sheet.xyz'), '--out sheet.xyz: its name must end as that of an image'),
    (('--num', '0'), '--num 0: at least 1'), (('--device', 'cuda:77'), '--device cuda:77 cannot')])
def test_options_that_cannot_be_are_said_before_the_work(args, message, tmp_path):
    with pytest.raises(SystemExit) as end:
        main(['sheet', str(tmp_path / 'a.py'), str(tmp_path / 'a.pth'), *args])
    assert message in str(end.value)


def test_weights_of_the_plain_model_serve_its_wrapper(tmp_path):
    """As in trainings and tests; those of another network, and a pre-training, are refused."""
    with DefaultScope.overwrite_default_scope('mmpose'):
        cfg = tiny_config('masked_reconstruction/attention-regularized_synth-people_vit-tiny_64x64'
                          '.py', tmp_path, tmp_path / 'work')
        plain = MODELS.build(cfg.model.pose_model)
    cfg.test_dataloader.dataset.lazy_init = True
    torch.save(plain.state_dict(), tmp_path / 'plain.pth')
    model = pose3d_sheet.Predictor(cfg, tmp_path / 'plain.pth', 'cpu').model
    assert all(torch.equal(v, plain.state_dict()[k])
               for k, v in model.pose_model.state_dict().items())
    torch.save(dict(conv=torch.ones(1)), tmp_path / 'other.pth')
    with pytest.raises(ValueError, match='no weight of .*other.pth fits'):
        pose3d_sheet.Predictor(cfg, tmp_path / 'other.pth', 'cpu')
    cfg.pop('test_dataloader')
    with pytest.raises(ValueError, match='no test_dataloader: name the config of a pose model'):
        pose3d_sheet.Predictor(cfg, tmp_path / 'plain.pth', 'cpu')


@pytest.mark.parametrize(('names', 'expected'), [
    (['finetune_synth-hands_96', 'full_synth-hands_96'], ['finetune', 'full']),
    (['a_64', 'a_96'], ['a_64', 'a_96']), (['a_b', 'a_b'], ['a_b', 'a_b']),
    (['b', 'a_b'], ['b', 'a_b']), (['a_b_c'], ['a_b_c'])])
def test_titles_are_where_the_configs_differ(names, expected):
    assert without_common_end(names) == expected
