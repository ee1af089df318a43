"""The published random square crop."""
import numpy as np
import pytest

from udapose.datasets.transforms import RandomSquareCrop, RecordedTopdownAffine


def box(rotation=None):
    out = dict(bbox_center=np.array([[100., 60.]], np.float32),
               bbox_scale=np.array([[80., 50.]], np.float32))
    return out if rotation is None else dict(out, bbox_rotation=np.array([rotation], np.float32))


def draws(count=4000, **kwargs):
    transform = RandomSquareCrop(**kwargs)
    out = [transform.transform(box()) for _ in range(count)]
    return (np.array([o['bbox_center'][0] for o in out]),
            np.array([o['bbox_scale'][0] for o in out]))


@pytest.fixture(autouse=True)
def seed():
    np.random.seed(0)


def test_the_crop_is_a_square_inside_of_the_letterboxed_image():
    centers, scales = draws()
    assert (scales[:, 0] == scales[:, 1]).all() and scales.max() <= 80 + 1e-3
    # the box is 80 x 50: its square reaches from (60, 20) to (140, 100)
    low, high = centers - scales / 2, centers + scales / 2
    assert low.min() >= 20 - 1e-3
    assert (low >= np.array([60, 20]) - 1e-3).all() and (high <= np.array([140, 100]) + 1e-3).all()
    assert low[:, 0].min() < 60.2 and high[:, 1].max() > 99.8  # corners are reached


def test_shares_above_one_are_redrawn_and_not_clipped():
    areas = (draws()[1][:, 0] / 80) ** 2
    # uniform between 0.6 and 1: nothing piles up at 1, as clipping 3/7 of the draws would do
    counts = np.histogram(areas, 8, (0.6, 1.0))[0]
    assert counts.sum() == len(areas)
    np.testing.assert_allclose(counts / len(areas), 1 / 8, atol=0.03)
    assert (areas > 0.9999).mean() < 0.005


def test_after_the_last_attempt_the_whole_square_is_taken():
    areas = (draws(attempts=1)[1][:, 0] / 80) ** 2
    np.testing.assert_allclose((areas > 0.9999).mean(), 3 / 7, atol=0.03)
    centers, scales = draws(200, area=(1., 50.), attempts=2)
    whole = scales[:, 0] > 79.99
    assert whole.mean() > 0.9
    np.testing.assert_allclose(centers[whole], np.tile([100, 60], (whole.sum(), 1)), atol=0.01)


def test_the_position_is_uniform():
    centers, scales = draws()
    free = 80 - scales[:, 0]
    place = (centers - scales / 2 - (60, 20)) / free[:, None]
    for axis in (0, 1):
        counts = np.histogram(place[free > 1, axis], 5, (0, 1))[0]
        np.testing.assert_allclose(counts / (free > 1).sum(), 0.2, atol=0.03)
    assert abs(np.corrcoef(place[free > 1].T)[0, 1]) < 0.05


def test_of_a_rotated_box_the_crop_shows_a_part():
    """Corners of the crop's input lie in the input of the whole, rotated square."""
    affine = RecordedTopdownAffine((64, 64))
    for rotation in (-120., 30., 75.):
        whole = box(rotation)
        whole['bbox_scale'] = np.array([[80., 80.]], np.float32)
        matrix = affine.box_matrix(whole)
        for _ in range(50):
            part = affine.box_matrix(RandomSquareCrop((0.2, 0.5)).transform(box(rotation)))
            corners = np.array([(0, 0, 1), (64, 0, 1), (0, 64, 1), (64, 64, 1)])
            mapped = (matrix @ np.linalg.inv(part) @ corners.T)[:2]
            assert mapped.min() >= -0.01 and mapped.max() <= 64.01
            # not turned with respect to the whole
            np.testing.assert_allclose(mapped[1, 0], mapped[1, 1], atol=0.01)


def test_the_image_moves_with_the_box():
    image = np.zeros((120, 200, 3), np.uint8)
    image[70:73, 110:113] = 255
    points = np.array([[[111., 71.]]], np.float32)
    for _ in range(20):
        results = RandomSquareCrop().transform(dict(box(), img=image, keypoints=points))
        out = RecordedTopdownAffine((256, 256)).transform(results)
        x, y = out['transformed_keypoints'][0, 0]
        if 4 < x < 252 and 4 < y < 252:
            rows, columns = np.nonzero(out['img'][..., 0] > 128)
            np.testing.assert_allclose([columns.mean(), rows.mean()], [x, y], atol=1)


@pytest.mark.parametrize('kwargs', [dict(area=(0., 1.)), dict(area=(1.1, 1.3)),
                                    dict(area=(0.9, 0.6)), dict(attempts=0)])
def test_impossible_arguments(kwargs):
    with pytest.raises(ValueError, match='area|attempts'):
        RandomSquareCrop(**kwargs)
