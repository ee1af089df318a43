"""The published source augmentation: geometry, recorded matrices, noise, blur, contrast, order."""
import copy

import cv2
import numpy as np
import pytest
from mmpose.registry import TRANSFORMS
from tiny_data import smooth_image

from udapose.datasets import (
    AnimalSourceAugmentation,
    ForkViews,
    PackBranches,
    RecordedTopdownAffine,
    WholeImageAffine,
)

SIZE = 120, 90
PAIRS = [1, 0, 2, 3, 5, 4]


def sample(rng, dot=None):
    img = smooth_image(rng, *SIZE)
    points = rng.uniform((30, 25), (90, 65), (1, 6, 2)).astype(np.float32)
    return dict(img=img, img_shape=SIZE[::-1], ori_shape=SIZE[::-1], keypoints=points,
                keypoints_visible=np.ones((1, 6), np.float32), flip_indices=PAIRS, id=0, img_id=0,
                img_path='x.jpg', bbox=np.array([[20, 15, 100, 75]], np.float32),
                bbox_score=np.ones(1, np.float32), category_id=1)


def crop(results, *before, size=(96, 96)):
    for step in (*before, dict(type='GetBBoxCenterScale', padding=1.),
                 dict(type='RecordedTopdownAffine', input_size=size)):
        results = TRANSFORMS.build(step)(results) if isinstance(step, dict) else step(results)
    return results


def mapped(matrix, points):
    return points @ matrix[:2, :2].T + matrix[:2, 2]


FLIP = dict(type='RandomFlip', prob=1.)


@pytest.mark.parametrize('order', ['affine', 'affine flip', 'flip affine', 'affine flip affine'])
def test_input_matrix_still_maps_original_pixels_to_the_input(order):
    rng = np.random.default_rng(0)
    for seed in range(5):
        np.random.seed(seed)
        original = sample(rng)
        steps = [FLIP if word == 'flip' else WholeImageAffine() for word in order.split()]
        results = crop(copy.deepcopy(original), *steps)
        matrix = results['input_matrix']
        expected = mapped(matrix, original['keypoints'][0])
        expected = expected[PAIRS] if 'flip' in order else expected
        np.testing.assert_allclose(results['transformed_keypoints'][0], expected, atol=2e-3)
        assert (np.linalg.det(matrix) < 0) == ('flip' in order)
        PackBranches()(dict(results, keypoint_weights=np.ones((1, 6), np.float32)))  # accepts it


def test_the_pixels_go_where_the_matrix_says():
    rng = np.random.default_rng(1)
    np.random.seed(3)
    original = sample(rng)
    augment = WholeImageAffine(scale=(0.9, 1.2), rotation=15, shear=10)
    steps = (lambda r: augment.warp(r, augment.draw(*SIZE)), FLIP)
    results = crop(copy.deepcopy(original), *steps)
    direct = cv2.warpAffine(original['img'], results['input_matrix'][:2], (96, 96))
    inside = cv2.erode(cv2.warpAffine(np.ones(SIZE[::-1], np.uint8), results['input_matrix'][:2],
                                      (96, 96)), np.ones((9, 9))) > 0
    assert inside.mean() > 0.5
    difference = np.abs(direct.astype(int) - results['img'])[inside]
    assert difference.mean() < 3  # two bilinear warps against one
    wrong = cv2.warpAffine(original['img'], np.linalg.multi_dot(
        [results['input_matrix'], results['pre_matrix']])[:2], (96, 96))
    assert np.abs(wrong.astype(int) - results['img'])[inside].mean() > 10


def test_a_mask_is_warped_like_the_image():
    rng = np.random.default_rng(2)
    np.random.seed(0)
    results = sample(rng)
    results['img'][:] = 0
    cv2.circle(results['img'], (60, 45), 20, (255, 255, 255), -1)
    results['foreground_mask'] = results['img'][..., 0].copy()
    augment = WholeImageAffine(scale=(0.9, 1.2))
    results = crop(results, lambda r: augment.warp(r, augment.draw(*SIZE)), FLIP)
    mask, image = results['foreground_mask'] > 127, results['img'][..., 0] > 127
    assert (mask & image).sum() / (mask | image).sum() > 0.95 and 200 < mask.sum()


def test_base_matrix_of_views_knows_the_earlier_affine():
    rng = np.random.default_rng(3)
    np.random.seed(1)
    results = sample(rng)
    for step in (WholeImageAffine(), TRANSFORMS.build(FLIP),
                 TRANSFORMS.build(dict(type='GetBBoxCenterScale', padding=1.))):
        results = step(results)
    view = [RecordedTopdownAffine(input_size=(96, 96))]
    packed = ForkViews(teacher=view, student=view)(results)
    meta = packed['data_samples']['target_teacher'].metainfo
    mirror = np.array([[-1, 0, 95], [0, 1, 0], [0, 0, 1]])
    np.testing.assert_allclose(mirror @ meta['base_matrix'], meta['input_matrix'], atol=1e-3)


def test_drawn_maps_have_the_published_ranges_and_turn_about_the_centre():
    np.random.seed(0)
    augment = WholeImageAffine()
    center = np.array([59.5, 44.5])
    scales, angles, slopes, shifts = [], [], [], []
    for _ in range(500):
        matrix = augment.draw(*SIZE)
        shifts.append((mapped(matrix, center) - center) / SIZE)
        angle = np.arctan2(matrix[1, 0], matrix[0, 0])
        rotate = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        upper = rotate.T @ matrix[:2, :2]  # shear and scale: [[sx, tan * sy], [0, sy]]
        assert abs(upper[1, 0]) < 1e-9
        angles.append(np.degrees(angle))
        scales.append(np.diag(upper))
        slopes.append(np.degrees(np.arctan(upper[0, 1] / upper[1, 1])))
    for values, low, high in ((scales, .5, 1.5), (shifts, -.05, .05), (angles, -30, 30),
                              (slopes, -20, 20)):
        values = np.array(values)
        span = high - low
        assert low <= values.min() < low + span / 20 and high - span / 20 < values.max() <= high
        assert abs(values.mean() - (low + high) / 2) < span / 20
    scales = np.array(scales)
    assert np.corrcoef(scales.T)[0, 1] < 0.2  # individually per axis


def test_joints_that_leave_the_image_become_unlabelled():
    results = sample(np.random.default_rng(4))
    results['keypoints'][0, 0] = 5, 40
    results['keypoints'][0, 1] = 115, 40
    before = results['keypoints_visible']
    out = WholeImageAffine().warp(results, np.array([[1, 0, -6], [0, 1, 0], [0, 0, 1.]]))
    assert out['keypoints_visible'][0].tolist() == [0, 1, 1, 1, 1, 1]
    assert before.all()  # not in place
    out = WholeImageAffine().warp(out, np.array([[1, 0, 12], [0, 1, 0], [0, 0, 1.]]))
    assert out['keypoints_visible'][0].tolist() == [0, 0, 1, 1, 1, 1]
    pairs = sample(np.random.default_rng(4))  # visibility and weight, as MMPose's converter makes
    pairs['keypoints_visible'] = np.ones((1, 6, 2), np.float32)
    out = WholeImageAffine().warp(pairs, np.array([[1, 0, 500], [0, 1, 0], [0, 0, 1.]]))
    assert not out['keypoints_visible'].any()


def test_the_published_crop_stays_and_a_moved_box_encloses():
    results = sample(np.random.default_rng(5))
    box = results['bbox'].copy()
    matrix = np.array([[0, -1, 110], [1, 0, -10], [0, 0, 1.]])  # a quarter turn
    np.testing.assert_array_equal(WholeImageAffine().warp(dict(results), matrix)['bbox'], box)
    moved = WholeImageAffine(move_box=True).warp(dict(results), matrix)['bbox']
    np.testing.assert_allclose(moved, [[35, 10, 95, 90]])
    with pytest.raises(ValueError, match='before GetBBoxCenterScale'):
        WholeImageAffine(move_box=True).warp(dict(results, bbox_center=box[:, :2]), matrix)


def test_unlabelled_images_stay_unlabelled():
    results = {k: v for k, v in sample(np.random.default_rng(6)).items() if 'keypoint' not in k}
    np.random.seed(0)
    out = AnimalSourceAugmentation(prob=1.)(results)
    assert not any('keypoint' in key for key in out) and out['pre_matrix'].shape == (3, 3)


def only(step, **kwargs):
    """Apply one of the changes many times to mid grey; (rounds, H, W, 3) float."""
    augment = AnimalSourceAugmentation(**kwargs)
    return np.stack([getattr(augment, step)(dict(img=np.full((60, 60, 3), 100, np.uint8)))['img']
                     for _ in range(24)]).astype(float)


def test_noise_saturates_has_the_given_strength_and_is_per_channel_half_of_the_time():
    np.random.seed(0)
    images = only('_add_noise', noise=20.)
    assert abs(images.std() - 20) < 1 and abs(images.mean() - 100) < 1
    equal = (images[..., 0] == images[..., 1]).all((1, 2))
    assert 4 < equal.sum() < 20
    strong = only('_add_noise')
    # a clipped normal distribution: 100 + 127.5 z in [0, 255]
    assert abs((strong == 0).mean() - 0.217) < 0.01 and abs((strong == 255).mean() - 0.112) < 0.01
    np.random.seed(5)
    first = only('_add_noise')
    np.random.seed(5)
    np.testing.assert_array_equal(only('_add_noise'), first)  # NumPy's seed decides


def test_contrast_is_about_127_and_blur_keeps_the_mean():
    np.random.seed(0)
    images = only('_change_contrast')
    factors = (images - 127) / (100 - 127)
    assert factors.min() >= 0.48 and factors.max() <= 2.02 and np.ptp(factors) > 1
    equal = (images[..., 0] == images[..., 1]).all((1, 2))
    assert 4 < equal.sum() < 20
    img = np.random.randint(0, 256, (80, 80, 3)).astype(np.uint8)
    spread = [AnimalSourceAugmentation()._blur(dict(img=img))['img'].std() for _ in range(20)]
    # sigma s averages 4 pi s^2 pixels of white noise
    assert max(spread) < 1.1 * img.std() / np.sqrt(4 * np.pi) and max(spread) > 2 * min(spread)


def test_each_change_has_its_own_chance_and_the_order_is_random(monkeypatch):
    np.random.seed(0)
    augment, done = AnimalSourceAugmentation(), []
    for name in ('_add_noise', '_blur', '_change_contrast'):
        monkeypatch.setattr(augment, name, lambda r, n=name: done[-1].append(n) or r)
    monkeypatch.setattr(augment, 'warp', lambda r, *a: done[-1].append('warp') or r)
    for _ in range(600):
        done.append([])
        augment(dict(img=np.zeros((4, 4, 3), np.uint8)))
    for name in ('warp', '_add_noise', '_blur', '_change_contrast'):
        assert 240 < sum(name in steps for steps in done) < 360
    both = [steps for steps in done if {'warp', '_blur'} <= set(steps)]
    first = sum(s.index('warp') < s.index('_blur') for s in both)
    assert 100 < len(both) < 200 and 0.35 < first / len(both) < 0.65
    assert 15 < sum(not steps for steps in done) < 65  # 1 of 16


@pytest.mark.parametrize('kwargs', [
    dict(scale=(0, 1)), dict(scale=(2, 1)), dict(shear=90), dict(prob=1.5), dict(shift=-1),
    dict(noise=-1), dict(blur=(0, 1)), dict(contrast=(2, 1))])
def test_bad_arguments_are_refused(kwargs):
    with pytest.raises(ValueError, match=f'{[*kwargs][0]}='):
        AnimalSourceAugmentation(**kwargs)


def test_the_texts_name_the_arguments():
    text = repr(AnimalSourceAugmentation(noise=3., rotation=7.))
    assert 'noise=3.0' in text and 'rotation=7.0' in text and 'prob=0.5' in text
