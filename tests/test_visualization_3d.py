"""Pictures of 3D poses: what is where, what covers what; the sheet tool with a stub model."""
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.model import BaseModel
from mmengine.structures import InstanceData
from mmpose.registry import DATASETS, MODELS
from mmpose.structures import PoseDataSample
from torch import nn
from torch.utils.data import Dataset

from udapose.cli import _sheet as pose3d_sheet
from udapose.cli import main
from udapose.evaluation.pose3d import project
from udapose.visualization import draw_skeleton_3d, view_points

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
CAMERA = np.array([[100., 0, 31.5], [0, 100, 31.5], [0, 0, 1]])


def places(picture, rgb):
    """Rows and columns of the pixels that have a colour's hue and are not grey."""
    image = picture[..., ::-1].astype(int)
    strongest = image.argmax(-1) == int(np.argmax(rgb))
    return np.argwhere(strongest & (np.ptp(image, axis=-1) > 100))


# ---- viewing
def test_views_are_rotations_with_the_documented_sides():
    rng = np.random.default_rng(0)
    points = rng.normal(0, 100, (7, 3))
    np.testing.assert_allclose(view_points(points, 0, 0), points)
    for azimuth, elevation in rng.uniform(-180, 180, (5, 2)):
        seen = view_points(points, azimuth, elevation)
        np.testing.assert_allclose(seen @ seen.T, points @ points.T, rtol=1e-8, atol=1e-6)
        assert np.linalg.det(view_points(np.eye(3), azimuth, elevation)) == pytest.approx(1)
    x, y, z = view_points(np.eye(3), 90, 0)
    np.testing.assert_allclose([z, y], [[1, 0, 0], [0, 1, 0]], atol=1e-12)  # far: to the right
    assert x[2] == -1  # the right side is near a viewer who came to the right
    assert view_points(np.array([0, 0, 1.]), 0, 20)[1] < 0  # from above, far things are higher


# ---- drawing
def test_limbs_lie_where_the_view_puts_them():
    pose = np.array([[-300., 0, 2000], [300, 0, 2000], [0, 0, 1700], [0, 0, 2300]])
    front = draw_skeleton_3d(pose, [(0, 1)], [BLUE], 0, 0, 200)
    blue = places(front, BLUE)
    assert front.shape == (200, 200, 3) and front.dtype == np.uint8
    assert np.ptp(blue[:, 1]) > 120 and np.ptp(blue[:, 0]) < 12  # a level limb across
    assert abs(blue.mean(0) - 99.5).max() < 3  # in the middle, whatever the distance
    side = places(draw_skeleton_3d(pose, [(0, 1)], [BLUE], 90, 0, 200), BLUE)
    assert len(side) and np.ptp(side[:, 1]) < 12  # seen along its length
    red = places(draw_skeleton_3d(pose, [(0, 2)], [RED], 90, 0, 200), RED)
    assert red[:, 1].min() < 50 and red[:, 1].max() < 110  # joint 2 is near: on the left


def test_nearer_limbs_cover_farther_ones_in_any_order():
    pose = np.array([[-100., 0, 900], [100, 0, 900], [0, -100, 1100], [0, 100, 1100]])
    links, colors = [(0, 1), (2, 3)], [RED, BLUE]
    for order in ([0, 1], [1, 0]):
        def draw(azimuth, order=order):
            return draw_skeleton_3d(pose, [links[i] for i in order], [colors[i] for i in order],
                                    azimuth, 0, 201)[100, 100, ::-1].argmax()
        assert draw(0) == 0 and draw(180) == 2  # red is in front, blue from behind


def test_a_reference_is_faint_and_sets_the_frame():
    truth = np.array([[-100., -100, 1000], [100, 100, 1000]])
    far = truth + [1e9, 0, 0]
    drawn = draw_skeleton_3d(far, [(0, 1)], [RED], reference=truth, radius=200)
    assert len(places(drawn, RED)) == 0  # out of the picture, no overflow
    picture = draw_skeleton_3d(truth, [(0, 1)], [RED], reference=truth * [-1, 1, 1], radius=200)
    gray = (picture == 150).all(-1)
    assert gray[:128, 128:].sum() > 20 and len(places(picture, RED)) > 100
    without = draw_skeleton_3d(truth, [(0, 1)], [RED], radius=200)
    assert not (without == 150).all(-1).any()


def test_joints_that_are_not_finite_are_left_out():
    pose = np.array([[-100., 0, 1000], [100, 0, 1000], [np.nan, 0, 0]])
    drawn = draw_skeleton_3d(pose, [(0, 1), (1, 2)], [RED, BLUE])
    assert len(places(drawn, RED)) > 100 and len(places(drawn, BLUE)) == 0


@pytest.mark.parametrize('args,message', [
    ((np.zeros((1, 4, 3)), [(0, 1)], [RED]), r'must be \(K, 3\).*keypoints_cam\[0\]'),
    ((np.full((4, 3), np.nan), [(0, 1)], [RED]), 'no joint of keypoints_cam is finite'),
    ((np.zeros((4, 3)), [(0, 1)], []), '1 links but 0 colors'),
    ((np.zeros((4, 3)), [(0, 4)], [RED]), 'links name joints 0 to 4, the pose has 4')])
def test_bad_input_is_refused(args, message):
    with pytest.raises(ValueError, match=message):
        draw_skeleton_3d(*args)


# ---- the sheet
@DATASETS.register_module()
class StubPoses3D(Dataset):
    """Images of one colour with a 3-joint pose at a known place."""
    metainfo = dict(skeleton_links=[(0, 1), (1, 2)],
                    skeleton_link_colors=np.array([RED, BLUE]))

    def __init__(self, folder, count=5, intrinsics=True):
        self.folder, self.count = Path(folder), count
        for i in range(count):
            cv2.imwrite(str(self.folder / f'{i}.png'), np.full((64, 64, 3), 40 * i, np.uint8))

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        truth = np.array([[[-200., 0, 2000], [0, 100, 2000 + 50 * index], [200, 0, 2000]]])
        sample = PoseDataSample(metainfo=dict(
            img_path=str(self.folder / f'{index}.png'), root_index=1, intrinsics=CAMERA,
            input_center=np.array([32., 32.]), input_scale=np.array([64., 64.]),
            input_size=(64, 64), input_matrix=np.eye(3)))
        sample.gt_instances = InstanceData(keypoints_cam=truth, keypoints_visible=np.ones((1, 3)))
        return dict(inputs=torch.zeros(3, 8, 8), data_samples=sample)


@MODELS.register_module()
class StubPose3DModel(BaseModel):
    """Predicts the truth with joint 2 moved by its only weight, in mm, and another root depth."""

    def __init__(self, spatial=True):
        super().__init__()
        self.offset, self.spatial = nn.Parameter(torch.zeros(1)), spatial

    def forward(self, inputs, data_samples, mode='predict'):
        for sample in data_samples:
            pose = sample.gt_instances.keypoints_cam + [0, 0, 77.]
            pose[:, 2, 0] += self.offset.item()
            sample.pred_instances = InstanceData(keypoints=project(pose, sample.intrinsics))
            if self.spatial:
                sample.pred_instances.keypoints_cam = pose
        return data_samples


@pytest.fixture
def stub(tmp_path):
    """Write a config and a checkpoint of a stub model; returns their paths."""
    def write(name, offset=0., count=5, key='offset', **model):
        folder = tmp_path / 'images'
        folder.mkdir(exist_ok=True)
        model, dataset = (dict(type='StubPose3DModel', **model),
                          dict(type='StubPoses3D', folder=str(folder), count=count))
        (tmp_path / f'{name}.py').write_text(
            f'model = {model}\ntest_dataloader = dict(dataset={dataset})\n')
        torch.save(dict(state_dict={key: torch.tensor([offset])}), tmp_path / f'{name}.pth')
        return tmp_path / f'{name}.py', tmp_path / f'{name}.pth'

    return write


def test_sheet_shows_both_models_on_the_same_images(stub, tmp_path, monkeypatch, capsys):
    captions = []
    put = cv2.putText
    monkeypatch.setattr(cv2, 'putText', lambda image, text, *a: captions.append(text) or put(
        image, text, *a))
    good, bad = stub('good'), stub('bad', offset=90.)
    out = tmp_path / 'new' / 'sheet.jpg'
    assert main(['sheet', *map(str, good), '--config2', str(bad[0]), '--checkpoint2', str(bad[1]),
                 '--out', str(out), '--num', '3', '--device', 'cpu']) == 0
    sheet = cv2.imread(str(out))
    tile = pose3d_sheet.TILE
    assert sheet.shape == (pose3d_sheet.BAR + 3 * tile, 6 * tile, 3)
    # Roots are aligned; one of three joints is off by 90 mm.
    assert captions.count('MPJPE 0 mm') == captions.count('MPJPE 30 mm') == 3
    assert {'good', 'bad', 'front', 'side'} <= set(captions)
    corners = sheet[pose3d_sheet.BAR + 8::tile, 8::tile].astype(int)  # of each tile
    for row, gray in enumerate((0, 80, 160)):  # images 0, 2 and 4, of both models
        assert abs(corners[row, [0, 3]] - gray).max() < 6
    assert 'wrote' in capsys.readouterr().out


@pytest.mark.parametrize('prefix', ['module.', '_orig_mod.', 'module._orig_mod.'])
def test_a_checkpoint_of_a_wrapped_model(stub, prefix):
    predictor = pose3d_sheet.Predictor(*stub('good', offset=5., key=f'{prefix}offset'), 'cpu')
    assert predictor.model.offset.item() == 5


def test_2d_pose_is_drawn_where_the_prediction_is(stub):
    predictor = pose3d_sheet.Predictor(*stub('good'), 'cpu')
    sample = predictor(0)
    tiles, _ = pose3d_sheet.draw_row(sample, [(0, 1), (1, 2)], np.array([RED, BLUE]))
    scale = pose3d_sheet.TILE / 64
    expected = (sample.pred_instances.keypoints[0] + 0.5) * scale
    red, blue = places(tiles[0], RED)[:, ::-1], places(tiles[0], BLUE)[:, ::-1]
    assert abs(red.min(0) - expected[[0, 1]].min(0)).max() < 4
    assert abs(blue.max(0) - expected[[1, 2]].max(0)).max() < 4


def test_what_does_not_fit_is_said(stub, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match='no weight of .*other.pth fits'):
        pose3d_sheet.Predictor(*stub('other', key='backbone.x'), 'cpu')
    flat = pose3d_sheet.Predictor(*stub('flat', spatial=False), 'cpu')
    with pytest.raises(ValueError, match='predicts no keypoints_cam: it needs a 3D head'):
        flat(0)
    both = dict(a=pose3d_sheet.Predictor(*stub('a'), 'cpu'),
                b=pose3d_sheet.Predictor(*stub('b', count=2), 'cpu'))
    with pytest.raises(ValueError, match='b has a test set of 2 images, the first model one of 5'):
        pose3d_sheet.make_sheet(both, 5)
    with pytest.raises(SystemExit, match='--config2 needs --checkpoint2'):
        main(['sheet', 'c.py', 'c.pth', '--config2', 'd.py'])


def test_attention_of_a_transformer_in_the_sheet(tmp_path, stub, monkeypatch):
    from mmengine.registry import init_default_scope
    from runs import tiny_config

    from udapose.synthetic import generate
    generate(tmp_path / 'people', kind='people', size=64, source_train=4, target_train=4, val=4,
             test=4, workers=1)
    cfg = tiny_config('masked_reconstruction/scratch_synth-people_vit-tiny_64x64.py',
                      tmp_path / 'people', tmp_path / 'work')
    init_default_scope('mmpose')
    model = MODELS.build(cfg.model)
    model.init_weights()
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'vit.pth')
    predictor = pose3d_sheet.Predictor(cfg, tmp_path / 'vit.pth', 'cpu', attention=True)
    sample = predictor(0)
    assert sample.attention.shape == (8, 8) and sample.attention.sum() == pytest.approx(1, abs=1e-3)
    sheet = pose3d_sheet.make_sheet({'vit': predictor}, 2)
    tile = pose3d_sheet.TILE
    assert sheet.shape == (pose3d_sheet.BAR + 2 * tile, 4 * tile, 3)
    rows = sheet[pose3d_sheet.BAR:].reshape(2, tile, 4, tile, 3)
    assert not np.array_equal(rows[0, :, 3], rows[1, :, 3])  # over the images
    with pytest.raises(SystemExit, match='error: StubPose3DModel has no self-attention'):
        main(['sheet', *map(str, stub('plain')), '--attention'])
