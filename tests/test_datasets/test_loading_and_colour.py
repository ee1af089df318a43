"""Loading, box and photometric transforms."""
import cv2
import numpy as np
import pytest
from mmpose.registry import TRANSFORMS
from tiny_data import smooth_image

from udapose.adaptation.video import read_image


def test_load_as_mmpose(tiny):
    path = str(tiny.root / 'target/a.jpg')
    ours = TRANSFORMS.build(dict(type='LoadPoseImage'))(dict(img_path=path))
    theirs = TRANSFORMS.build(dict(type='LoadImage'))(dict(img_path=path))
    assert ours.keys() == theirs.keys()
    assert np.array_equal(ours['img'], theirs['img'])
    assert ours['img_shape'] == theirs['img_shape'] == (72, 96)


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.webp'])
def test_truncated_file_is_named(tmp_path, suffix):
    data = cv2.imencode(suffix, smooth_image(np.random.default_rng(0), 64, 64))[1].tobytes()
    path = tmp_path / f'broken{suffix}'
    path.write_bytes(data[:len(data) // 2])
    with pytest.raises(OSError, match=f'cannot decode image .*broken{suffix}.*replace it'):
        TRANSFORMS.build(dict(type='LoadPoseImage'))(dict(img_path=str(path)))


def test_empty_and_missing_files_are_named(tmp_path):
    load = TRANSFORMS.build(dict(type='LoadPoseImage'))
    (tmp_path / 'empty.jpg').touch()
    with pytest.raises(OSError, match='cannot decode image .*empty.jpg'):
        load(dict(img_path=str(tmp_path / 'empty.jpg')))
    with pytest.raises(FileNotFoundError, match='gone.jpg does not exist: check data_root'):
        load(dict(img_path=str(tmp_path / 'gone.jpg')))


@pytest.mark.parametrize('suffix', ['.png', '.tif'])
@pytest.mark.parametrize('read', ['pipeline', 'adapt'])
def test_12_bits_in_16_bit_files_are_said_once(tmp_path, monkeypatch, suffix, read):
    monkeypatch.setattr('udapose.dark_images._told', False)
    grey = smooth_image(np.random.default_rng(0), 64, 64)[..., 0]
    images = dict(dark8=grey // 16, full16=grey.astype(np.uint16) * 257,
                  empty16=np.zeros_like(grey, np.uint16),
                  twelve16=grey.astype(np.uint16) * 16, again16=grey.astype(np.uint16) * 8)
    for name, image in images.items():
        cv2.imwrite(str(tmp_path / f'{name}{suffix}'), image)
    load = TRANSFORMS.build(dict(type='LoadPoseImage'))
    said = []
    monkeypatch.setattr('udapose.dark_images.print_log', lambda text, *_: said.append(text))
    for name in images:
        path = str(tmp_path / f'{name}{suffix}')
        image = load(dict(img_path=path))['img'] if read == 'pipeline' else read_image(path)
        assert image.dtype == np.uint8 and image.shape == (64, 64, 3)
    highest = int(grey.max()) * 16
    assert len(said) == 1
    assert f'twelve16{suffix} has 16 bits' in said[0] and f'highest value is {highest}:' in said[0]
    assert f'by {65535 // highest};' in said[0]


def test_whole_image_replaces_the_box():
    results = TRANSFORMS.build(dict(type='WholeImageBBox'))(dict(
        img=np.zeros((30, 50, 3), np.uint8), bbox=np.array([[1., 2, 3, 4]]),
        bbox_center=np.zeros((1, 2)), bbox_scale=np.ones((1, 2))))
    assert results['bbox'].tolist() == [[0, 0, 50, 30]]
    results = TRANSFORMS.build(dict(type='GetBBoxCenterScale', padding=1.))(results)
    assert results['bbox_center'].tolist() == [[25, 15]]
    assert results['bbox_scale'].tolist() == [[50, 30]]


def test_colour_jitter_against_three_steps(monkeypatch):
    rng = np.random.default_rng(0)
    img = np.uint8(60 + 100 * rng.random((20, 30, 3)))  # nothing is clipped on the way
    jitter = TRANSFORMS.build(dict(type='ColorJitter'))
    brightness, contrast, saturation = 0.9, 1.2, 0.8
    monkeypatch.setattr(jitter, '_random_factors', lambda: (brightness, contrast, saturation))
    result = jitter(dict(img=img.copy()))['img']
    weights = np.array([0.114, 0.587, 0.299])
    slow = img * brightness
    slow = contrast * slow + (1 - contrast) * (slow @ weights).mean()
    slow = saturation * slow + (1 - saturation) * (slow @ weights)[..., None]
    assert result.dtype == np.uint8
    assert np.abs(result - slow).max() <= 0.55  # OpenCV rounds in fixed point


def test_colour_jitter_factors_and_probability():
    jitter = TRANSFORMS.build(dict(type='ColorJitter', brightness=0.4, contrast=0., saturation=2.,
                                   prob=0.5))
    np.random.seed(0)
    factors = [jitter._random_factors() for _ in range(2000)]
    drawn = np.array([f for f in factors if f is not None])
    assert 900 < len(drawn) < 1100
    np.testing.assert_allclose(drawn.min(0), [0.6, 1, 0], atol=0.02)
    np.testing.assert_allclose(drawn.max(0), [1.4, 1, 3], atol=0.02)
    img = np.full((4, 4, 3), 250, np.uint8)
    jitter._random_factors = lambda: (2., 1., 1.)
    assert (jitter(dict(img=img))['img'] == 255).all()  # saturates, does not wrap
    with pytest.raises(ValueError, match='must not be negative'):
        TRANSFORMS.build(dict(type='ColorJitter', contrast=-1))


@pytest.mark.parametrize('fill', ['mean', 'noise', (1, 2, 3)])
def test_cutout_changes_a_bounded_part_of_a_copy(fill):
    np.random.seed(0)
    cutout = TRANSFORMS.build(dict(type='CutoutPatches', num=(2, 2), size=(0.1, 0.2), fill=fill))
    img = smooth_image(np.random.default_rng(1), 50, 40)
    before = img.copy()
    for _ in range(10):
        result = cutout(dict(img=img))['img']
        share = (result != before).any(-1).mean()
        assert 0.005 < share <= 2 * 0.2 ** 2 + 1e-6
    assert np.array_equal(img, before)
    if fill == (1, 2, 3):
        assert (result[(result != before).any(-1)] == fill).all()


def test_cutout_arguments():
    for args in (dict(num=(3, 1)), dict(size=(0, 0.2)), dict(fill='pink')):
        with pytest.raises(ValueError, match='CutoutPatches'):
            TRANSFORMS.build(dict(type='CutoutPatches', **args))


def test_quick_boxes_are_mmposes_and_leave_the_same_random_state():
    results = []
    for name in ('RandomBBoxTransform', 'QuickRandomBBoxTransform'):
        np.random.seed(3)
        boxes = TRANSFORMS.build(dict(type=name, shift_prob=0.5))
        drawn = [boxes(dict(bbox_center=np.array([[50., 60]]), bbox_scale=np.array([[30., 40]])))
                 for _ in range(200)]
        results.append(([np.concatenate([d[k].ravel() for d in drawn]) for k in
                         ('bbox_center', 'bbox_scale', 'bbox_rotation')], np.random.rand()))
    for theirs, ours in zip(*(r[0] for r in results), strict=True):
        assert np.allclose(ours, theirs, rtol=2e-6, atol=1e-5) and ours.std() > 0.1
    assert results[0][1] == results[1][1]
