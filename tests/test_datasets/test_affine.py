"""The recorded matrix against MMPose's own treatment of keypoints and pixels."""
import copy

import cv2
import numpy as np
import pytest
from mmpose.registry import TRANSFORMS
from tiny_data import smooth_image

FLIP_INDICES = [0, 2, 1, 4, 3, 5]


def sample(rng, width=90, height=70):
    return dict(
        img=smooth_image(rng, width, height), img_shape=(height, width),
        keypoints=rng.uniform(0, 70, (1, 6, 2)).astype(np.float32),
        keypoints_visible=np.ones((1, 6), np.float32), flip_indices=FLIP_INDICES,
        bbox=np.array([[10, 5, 80, 60]], np.float32), bbox_score=np.ones(1, np.float32))


def apply(results, *configs):
    for config in configs:
        results = TRANSFORMS.build(config)(results)
    return results


def augmentation(direction='horizontal', prob=0.5):
    return (dict(type='GetBBoxCenterScale'), dict(type='RandomFlip', prob=prob,
                                                  direction=direction),
            dict(type='RandomBBoxTransform', shift_prob=1., rotate_prob=1.))


@pytest.mark.parametrize('use_udp', [False, True])
@pytest.mark.parametrize('size', [(64, 64), (48, 64)])
@pytest.mark.parametrize('direction', ['horizontal', 'vertical'])
def test_matrix_maps_keypoints_as_mmpose(use_udp, size, direction):
    rng = np.random.default_rng(1)
    np.random.seed(0)
    flips = 0
    for _ in range(20):
        original = sample(rng)
        before = original['keypoints'][0].copy()
        results = apply(copy.deepcopy(original), *augmentation(direction))
        theirs = apply(copy.deepcopy(results),
                       dict(type='TopdownAffine', input_size=size, use_udp=use_udp))
        ours = apply(results, dict(type='RecordedTopdownAffine', input_size=size,
                                   use_udp=use_udp))
        assert np.array_equal(ours['img'], theirs['img'])
        for key in ('input_center', 'input_scale', 'transformed_keypoints', 'bbox_scale'):
            np.testing.assert_allclose(ours[key], theirs[key], atol=1e-4)
        assert ours['input_size'] == theirs['input_size']
        matrix = ours['input_matrix']
        assert matrix.shape == (3, 3) and matrix.dtype == np.float32
        mapped = before @ matrix[:2, :2].T + matrix[:2, 2]
        if ours['flip']:
            mapped = mapped[FLIP_INDICES]
            flips += 1
        assert (np.linalg.det(matrix) < 0) == ours['flip']
        np.testing.assert_allclose(mapped, theirs['transformed_keypoints'][0], atol=1e-3)
    assert 3 < flips < 17


def test_matrix_of_diagonal_flip():
    rng = np.random.default_rng(2)
    original = sample(rng)
    before = original['keypoints'][0].copy()
    results = apply(original, *augmentation('diagonal', 1.),
                    dict(type='RecordedTopdownAffine', input_size=(64, 64)))
    matrix = results['input_matrix']
    np.testing.assert_allclose(before @ matrix[:2, :2].T + matrix[:2, 2],
                               results['transformed_keypoints'][0], atol=1e-3)


@pytest.mark.parametrize('shear', [0., 20.])
@pytest.mark.parametrize('border', ['constant', 'replicate', 'reflect'])
def test_warping_by_the_matrix_gives_the_view(shear, border):
    rng = np.random.default_rng(3)
    np.random.seed(1)
    flags = dict(constant=cv2.BORDER_CONSTANT, replicate=cv2.BORDER_REPLICATE,
                 reflect=cv2.BORDER_REFLECT_101)[border]
    for prob in (0., 1.):
        original = sample(rng)
        before, points = original['img'].copy(), original['keypoints'][0].copy()
        view = apply(original, *augmentation(prob=prob), dict(
            type='RecordedTopdownAffine', input_size=(64, 64), shear=shear, border=border))
        expected = cv2.warpAffine(before, view['input_matrix'][:2], (64, 64), borderMode=flags)
        # cv2 rounds coordinates to 1/32 pixel, after a different sum
        difference = np.abs(expected.astype(int) - view['img'])
        assert difference.mean() < 1 and np.quantile(difference, 0.99) < 8
        matrix = view['input_matrix']
        mapped = points @ matrix[:2, :2].T + matrix[:2, 2]
        mapped = mapped[FLIP_INDICES] if prob else mapped
        np.testing.assert_allclose(mapped, view['transformed_keypoints'][0], atol=1e-3)


def test_shear_leaves_the_centre_and_tilts_vertical_lines():
    np.random.seed(0)
    base = dict(img=np.zeros((64, 64, 3), np.uint8), bbox_center=np.array([[32., 32.]]),
                bbox_scale=np.array([[64., 64.]]))
    matrix = apply(dict(base), dict(type='RecordedTopdownAffine', input_size=(64, 64),
                                    shear=30))['input_matrix']
    np.testing.assert_allclose(matrix @ [31.5, 31.5, 1], [31.5, 31.5, 1], atol=1e-5)
    assert 1e-3 < abs(matrix[0, 1]) <= np.tan(np.radians(30))
    assert matrix[1, 0] == 0


def test_identity_for_the_whole_image_at_its_own_size():
    rng = np.random.default_rng(4)
    img = smooth_image(rng, 64, 64)
    results = apply(dict(img=img.copy(), bbox=np.array([[3, 4, 20, 30]], np.float32)),
                    dict(type='WholeImageBBox'), dict(type='GetBBoxCenterScale', padding=1.),
                    dict(type='RecordedTopdownAffine', input_size=(64, 64)))
    np.testing.assert_allclose(results['input_matrix'], np.eye(3), atol=1e-6)
    assert np.array_equal(results['img'], img)
    assert results['flip'] is False


def test_unlabelled_stays_unlabelled():
    rng = np.random.default_rng(5)
    results = sample(rng)
    del results['keypoints'], results['keypoints_visible']
    results = apply(results, *augmentation(),
                    dict(type='RecordedTopdownAffine', input_size=(64, 64)))
    assert not {'keypoints', 'keypoints_visible', 'transformed_keypoints'} & results.keys()


@pytest.mark.parametrize('args, message', [
    (dict(border='wrap'), "border='wrap' is not one of"), (dict(shear=90), 'shear=90 degrees')])
def test_bad_arguments(args, message):
    with pytest.raises(ValueError, match=message):
        TRANSFORMS.build(dict(type='RecordedTopdownAffine', input_size=(64, 64), **args))


def test_two_instances_are_refused():
    results = dict(img=np.zeros((9, 9, 3), np.uint8), bbox_center=np.zeros((2, 2)),
                   bbox_scale=np.ones((2, 2)))
    with pytest.raises(ValueError, match='takes one instance'):
        apply(results, dict(type='RecordedTopdownAffine', input_size=(64, 64)))
