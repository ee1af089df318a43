"""The random square that both published views of a target image are made from."""
from pathlib import Path

import numpy as np
import pytest
from mmcv.transforms import Compose
from mmengine.config import Config
from mmpose.registry import TRANSFORMS

import udapose  # noqa: F401
from udapose.datasets.transforms import RandomSquareCrop

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
PAIRS = sorted(p.stem.split('_')[1] for p in CONFIGS.glob('multilevel_alignment/*_res101_*.py'))
WITH_CROP = [p for p in PAIRS if 'animal' not in p]


def dataset_of(pair):
    path = CONFIGS / f'multilevel_alignment/multilevel_{pair}_res101_256x256.py'
    return Config.fromfile(path).train_dataloader.dataset


def built(pipeline):
    """Without the loading of a file."""
    return Compose([TRANSFORMS.build(t) for t in pipeline if t['type'] != 'LoadPoseImage'])


def item():
    """A 300 x 200 px image, its box the square of 100 px about (150, 100)."""
    box = np.array([[100., 50., 200., 150.]], np.float32)
    return dict(img=np.zeros((200, 300, 3), np.uint8), img_shape=(200, 300), ori_shape=(200, 300),
                bbox=box, bbox_score=np.ones(1, np.float32), flip_indices=[0], img_path='', id=0,
                img_id=0, category_id=1, dataset_name='tiny')


def views(pipeline):
    samples = pipeline(item())['data_samples']
    return [samples[b].metainfo for b in ('target_teacher', 'target_student')]


def square_matrix(center, side, size=256):
    """MMPose's crop of an upright square."""
    matrix = np.diag([size / side, size / side, 1.])
    matrix[:2, 2] = size / 2 - np.asarray(center) * size / side
    return matrix


def draw(pipeline, side, position):
    """Make the pipeline's own crop draw this square."""
    crop, = (t for t in pipeline.transforms if isinstance(t, RandomSquareCrop))
    crop._draw = lambda count: (np.full(count, side), np.tile(np.array(position), (count, 1)))


@pytest.mark.parametrize('pair', WITH_CROP)
def test_the_frame_is_the_square_that_was_drawn(pair):
    pipeline = built(dataset_of(pair).target.pipeline)
    for side, position, center in ((0.5, (1., 0.), (175, 75)), (0.8, (0.25, 1.), (145, 110)),
                                   (1., (0.3, 0.6), (150, 100))):
        draw(pipeline, side, position)
        expected = square_matrix(center, 100 * side)
        np.random.seed(0)
        teacher, student = views(pipeline)
        for view in (teacher, student):
            np.testing.assert_allclose(view['base_matrix'], expected, atol=1e-3)
        assert not np.allclose(teacher['input_matrix'], student['input_matrix'], atol=1.)
        # about the square's middle: rotated, sheared, scaled, and shifted by 5 % of its side
        for view in (teacher, student):
            middle = view['input_matrix'] @ np.append(center, 1.)
            scale = 1 / np.sqrt(np.linalg.det(view['input_matrix'][:2, :2] * 100 * side / 256))
            assert 1 / 1.3 - 1e-3 <= scale <= 1 / 0.6 + 1e-3
            # the shear of up to 30 degrees is about the middle of the input
            reach = 0.05 * 256 / scale * np.sqrt(2) * (1 + np.tan(np.radians(30)))
            assert np.linalg.norm(middle[:2] - 128) < reach + 1


@pytest.mark.parametrize('pair', WITH_CROP)
def test_each_image_draws_one_square_for_both_views(pair):
    pipeline = built(dataset_of(pair).target.pipeline)
    np.random.seed(0)
    seen = []
    for _ in range(20):
        teacher, student = views(pipeline)
        assert np.array_equal(teacher['base_matrix'], student['base_matrix'])
        corners = np.linalg.inv(teacher['base_matrix'].astype(float)) @ np.array(
            [[0, 256], [0, 256], [1, 1]])
        (left, right), (top, bottom), _ = corners
        assert right - left == pytest.approx(bottom - top)
        assert 100 * np.sqrt(0.6) - 1e-3 <= right - left <= 100 + 1e-3
        assert left >= 100 - 1e-3 and top >= 50 - 1e-3 and right <= 200.01 and bottom <= 150.01
        seen.append((left, top))
    assert len(set(seen)) > 10 and np.ptp(seen, axis=0).min() > 5


@pytest.mark.parametrize('pair', PAIRS)
def test_where_the_square_is_drawn(pair):
    dataset = dataset_of(pair)
    source, target = ([t.type for t in d.pipeline] for d in (dataset.source, dataset.target))
    fork = dataset.target.pipeline[-1]
    assert fork.type == 'ForkViews'
    crops = [] if 'animal' in pair else ['RandomSquareCrop']
    assert [t for t in target if 'Crop' in t] == [t for t in source if 'Crop' in t] == crops
    for view in (fork.teacher, fork.student):
        assert not any('Crop' in t.type for t in view)
    if crops:  # the source's views draw for themselves
        assert source == ['LoadPoseImage', 'GetBBoxCenterScale', 'RandomFlip', 'RandomSquareCrop',
                          'QuickRandomBBoxTransform', 'RecordedTopdownAffine', 'ColorJitter',
                          'GenerateTarget', 'PackBranches']
        assert [t.type for t in fork.student] == [
            t for t in source[2:7] if t != 'RandomSquareCrop']


def test_animals_are_compared_in_the_whole_box():
    pipeline = built(dataset_of('synthetic-animal-to-tigdog').target.pipeline)
    for view in views(pipeline):
        np.testing.assert_allclose(view['base_matrix'], square_matrix((150, 100), 100), atol=1e-3)
