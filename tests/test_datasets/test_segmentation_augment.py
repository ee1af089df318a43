"""The foreground stays, the background goes."""
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.logging import MMLogger
from mmpose.registry import DATASETS, TRANSFORMS
from tiny_data import WHOLE, make_metainfo

from udapose.datasets.transforms.background_sources import cover, fill_hole

STILL = dict(foreground_jitter=None, background_jitter=None)
RED, BLUE = (0, 0, 255), (255, 0, 0)


def make(**kwargs):
    return TRANSFORMS.build(dict(type='SegmentationGuidedAugmentation', **{**STILL, **kwargs}))


def disc(size=48, radius=14):
    """A red disc on black, and its mask."""
    mask = np.zeros((size, size), np.uint8)
    cv2.circle(mask, (size // 2, size // 2), radius, 255, -1)
    return np.uint8(mask[..., None] > 0) * np.uint8(RED), mask


def sample(**kwargs):
    img, mask = disc()
    return dict(img=img, foreground_mask=mask, **kwargs)


def distance(mask):
    """Signed distance to the mask's border in pixels, positive inside."""
    return cv2.distanceTransform(mask, cv2.DIST_L2, 5) - cv2.distanceTransform(
        255 - mask, cv2.DIST_L2, 5)


class Images:
    """A data set of files."""

    def __init__(self, root, colors, masked=False):
        self.infos = []
        for i, color in enumerate(colors):
            img, mask = disc(60, 20)
            cv2.imwrite(str(root / f'{i}.png'), np.where(mask[..., None] > 0, RED, color))
            self.infos.append(dict(img_path=str(root / f'{i}.png')))
            if masked:
                cv2.imwrite(str(root / f'{i}_mask.png'), mask)
                self.infos[-1]['mask_path'] = str(root / f'{i}_mask.png')

    def __len__(self):
        return len(self.infos)

    def get_data_info(self, index):
        return dict(self.infos[index])


@pytest.mark.parametrize('source', ['noise', 'color'])
def test_foreground_stays_and_background_goes(source):
    np.random.seed(0)
    step, backgrounds = make(prob=1., sources={source: 1.}), []
    for _ in range(10):
        results = sample()
        before, depth = results['img'].copy(), distance(results['foreground_mask'])
        original = results['img']
        out = step(results)
        assert np.array_equal(original, before)  # the array that came in
        assert (out['img'][depth > 5] == RED).all()
        # nothing of the disc's colour leaks out, nothing of the black background is left
        alpha = out['foreground_mask']
        assert alpha.dtype == np.uint8
        assert (alpha[depth > 5] == 255).all() and (alpha[depth < -2] == 0).all()
        backgrounds.append(out['img'][0, 0].astype(int))
    assert len(np.unique(backgrounds, axis=0)) == 10


def test_edge_is_soft_and_lies_inside():
    np.random.seed(0)
    for sigma in (0.5, 1.5):
        results = sample()
        depth = distance(results['foreground_mask'])
        alpha = make(prob=1., sources=dict(color=1.), feather=(sigma, sigma))(
            results)['foreground_mask'] / 255
        assert ((alpha > 0.05) & (alpha < 0.95)).sum() > 40
        assert alpha[depth <= -1].max() < 0.3
        crossing = depth[(alpha > 0.4) & (alpha < 0.6)]
        assert 0 < crossing.mean() < 1.5
    results = sample()
    alpha = make(prob=1., sources=dict(color=1.), feather=(0, 0))(results)['foreground_mask']
    assert set(np.unique(alpha)) == {0, 255}


def test_new_image_is_the_blend_of_both(tmp_path):
    cv2.imwrite(str(tmp_path / 'blue.png'), np.full((30, 40, 3), BLUE, np.uint8))
    np.random.seed(1)
    out = make(prob=1., sources=dict(folder=1.), folder=str(tmp_path), feather=(1., 1.))(
        dict(sample(), img=np.full((48, 48, 3), RED, np.uint8)))
    alpha = out['foreground_mask'][..., None] / 255
    expected = alpha * np.array(RED) + (1 - alpha) * np.array(BLUE)
    np.testing.assert_allclose(out['img'], expected, atol=1.01)


@pytest.mark.parametrize('mask', [None, 0, 255])
def test_without_a_mask_the_image_stays(mask):
    step = make(prob=1., foreground_jitter=dict(brightness=1.))
    results = sample()
    if mask is None:
        del results['foreground_mask']
    else:
        results['foreground_mask'][:] = mask
    state = np.random.get_state()[1].copy()
    out = step(dict(results))
    assert out['img'] is results['img'] and np.array_equal(state, np.random.get_state()[1])
    assert out.get('foreground_mask') is results.get('foreground_mask')


def test_prob_is_the_share_of_new_backgrounds():
    np.random.seed(0)
    step, mask = make(prob=0.3, sources=dict(color=1.)), disc()[1]
    changed = sum(not np.array_equal(step(sample())['foreground_mask'], mask) for _ in range(300))
    assert 65 < changed < 115  # three standard deviations of 90
    results = sample()
    assert make(prob=0.)(dict(results))['img'] is results['img']


def test_colours_of_both_sides_change_by_themselves():
    img, mask = disc()
    img = np.where(mask[..., None] > 0, np.uint8(120), np.uint8(60)).repeat(3, 2)
    depth = distance(mask)
    jitter = dict(brightness=0.5, contrast=0., saturation=0.)
    for side, inside in (('foreground_jitter', True), ('background_jitter', False)):
        np.random.seed(0)
        out = make(prob=0., **{side: jitter})(dict(img=img, foreground_mask=mask))
        same, other = (depth < -5, depth > 5) if inside else (depth > 5, depth < -5)
        assert np.array_equal(out['img'][same], img[same])
        assert len(np.unique(out['img'][other])) == 1
        assert (out['img'][other] != img[other]).all()
        assert out['foreground_mask'] is mask
    np.random.seed(0)
    ratios = []
    for _ in range(50):
        out = make(prob=0., foreground_jitter=jitter, background_jitter=jitter)(
            dict(img=img, foreground_mask=mask))['img'].astype(float)
        ratios.append((out[depth > 5].mean() / 120, out[depth < -5].mean() / 60))
    assert abs(np.corrcoef(np.transpose(ratios))[0, 1]) < 0.4
    assert np.std(ratios, 0).min() > 0.1


def test_backgrounds_of_the_data_set_without_their_people(tmp_path):
    colors = [(0, 250, 0), BLUE, (0, 90, 90)]
    np.random.seed(0)
    for masked in (True, False):
        dataset = Images(tmp_path, colors, masked)
        seen, red = set(), 0
        for _ in range(20):
            out = make(prob=1., sources=dict(dataset=1.), feather=(0, 0))(sample(dataset=dataset))
            outside = out['img'][disc()[1] == 0]
            seen.add(tuple(int(v) for v in out['img'][0, 0]))
            red += int((np.abs(outside.astype(int) - RED).sum(1) < 60).sum())
        assert seen == set(colors)
        assert (red == 0) == masked


def test_masks_of_other_images_by_the_rule(tmp_path):
    dataset = Images(tmp_path, [BLUE], masked=True)
    del dataset.infos[0]['mask_path']
    np.random.seed(0)
    out = make(prob=1., sources=dict(dataset=1.), feather=(0, 0), mask_loader=dict(
        type='LoadForegroundMask', folder='', suffix='_mask.png'))(sample(dataset=dataset))
    outside = out['img'][disc()[1] == 0].astype(int)
    assert np.abs(outside - BLUE).max() <= 1


def test_in_the_pipeline_of_a_data_set(tiny, tmp_path):
    """MMPose's data sets hand themselves on; wherever the mask came from, it ends at input size."""
    for i in range(8):
        mask = np.zeros((60, 80), np.uint8)
        mask[10:50, 20:60] = 255
        cv2.imwrite(str(tmp_path / f'{i}.png'), mask)
    masks = dict(type='LoadForegroundMask', folder=str(tmp_path))
    dataset = DATASETS.build(dict(tiny.source, metainfo=make_metainfo(), pipeline=[
        WHOLE[0], masks, dict(type='SegmentationGuidedAugmentation', prob=1., mask_loader=masks,
                              sources=dict(dataset=1.)), *WHOLE[1:], dict(type='RandomFlip'),
        dict(type='RecordedTopdownAffine', input_size=(64, 64))]))
    np.random.seed(0)
    first = [dataset[i] for i in (0, 1, 0)]
    assert first[0]['foreground_mask'].shape == (64, 64) == first[0]['img'].shape[:2]
    assert not np.array_equal(first[0]['img'], first[2]['img'])
    # the same again, though the cache is full now; and in another process
    for again in (dataset, pickle.loads(pickle.dumps(dataset))):
        np.random.seed(0)
        for i, results in zip((0, 1, 0), first):
            assert np.array_equal(again[i]['img'], results['img'])


def test_photographs_of_a_folder(tmp_path):
    (tmp_path / 'sub').mkdir()
    cv2.imwrite(str(tmp_path / 'sub/a.png'), np.full((30, 90, 3), BLUE, np.uint8))
    np.random.seed(0)
    out = make(prob=1., sources=dict(folder=1.), folder=tmp_path, feather=(0, 0))(sample())
    assert (out['img'][disc()[1] == 0] == BLUE).all()


@pytest.mark.parametrize('painted', [False, True])
def test_photographs_of_a_folder_with_masks(tmp_path, painted):
    """The target's images as backgrounds, with or without the people in them."""
    (tmp_path / 'photos').mkdir()
    info = Images(tmp_path / 'photos', [BLUE], masked=True).infos[0]
    Path(info['mask_path']).rename(tmp_path / 'photos/0_mask.mask')  # no photograph itself
    np.random.seed(0)
    out = make(prob=1., sources=dict(folder=1.), folder=str(tmp_path / 'photos'), feather=(0, 0),
               folder_masks=painted, mask_loader=dict(
                   type='LoadForegroundMask', folder='', suffix='_mask.mask'))(sample())
    outside = out['img'][disc()[1] == 0].astype(int)
    red = int((np.abs(outside - RED).sum(1) < 60).sum())
    assert (red == 0) == painted
    with pytest.raises(ValueError, match='folder_masks=True needs folder and mask_loader'):
        make(folder_masks=True)


def test_photographs_without_their_masks_are_said(tmp_path, monkeypatch):
    """A misspelt folder left the people in the new backgrounds."""
    said = []
    monkeypatch.setattr(MMLogger.get_current_instance(), 'warning', said.append)
    photos = tmp_path / 'photos'
    photos.mkdir()
    infos = Images(photos, [BLUE, RED], masked=True).infos
    masks = tmp_path / 'masks'
    masks.mkdir()
    for info in infos:
        Path(info['mask_path']).rename(masks / f'{Path(info["img_path"]).stem}.png')
    rule = dict(sources=dict(folder=1.), folder=str(photos), folder_masks=True,
                mask_loader=dict(folder='../other', image_root='elsewhere'))  # of the source
    loader = dict(folder='../masks')
    make(**rule, folder_mask_loader=loader)
    assert not said
    next(masks.glob('*.png')).unlink()
    out = make(**rule, folder_mask_loader=loader, prob=1.)(sample())
    assert out['img'].any() and '1 of 2 photographs have no mask' in said.pop()
    with pytest.raises(FileNotFoundError, match='2 of 2 photographs have no mask.*/maskz/.*correct '
                       'the rule'):
        make(**rule, folder_mask_loader=dict(folder='../maskz'))
    with pytest.raises(ValueError, match='folder_mask_loader without folder_masks=True'):
        make(folder_mask_loader=loader)


def test_cache_keeps_within_its_limit(tmp_path):
    dataset = Images(tmp_path, [(i, i, i) for i in range(6)])
    images = make(cache_mb=3 * 60 * 60 * 3 / 1e6).images
    arrays = [images.get(info, False) for info in dataset.infos]
    assert len(images._cache) == 3 and images._bytes == 3 * 60 * 60 * 3
    assert images.get(dataset.infos[5], False) is arrays[5]
    assert images.get(dataset.infos[0], False) is not arrays[0]
    assert np.array_equal(images.get(dataset.infos[0], False), arrays[0])
    with pytest.raises(ValueError, match='read-only'):
        arrays[0][:] = 0
    assert not pickle.loads(pickle.dumps(images))._cache
    nothing = make(cache_mb=0).images
    assert nothing.get(dataset.infos[0], False).any() == arrays[0].any() and not nothing._cache
    assert max(make(max_side=20).images.get(dataset.infos[1], False).shape) == 20


def test_cache_tells_people_of_one_image_apart(tmp_path):
    """With a mask of its own for each of them."""
    second = Images(tmp_path, [BLUE], masked=True).infos[0]
    first = dict(second, mask_path=str(tmp_path / 'empty.png'))
    cv2.imwrite(first['mask_path'], np.zeros((60, 60), np.uint8))
    cached, fresh = make().images, make(cache_mb=0).images
    assert not np.array_equal(cached.get(first, True), cached.get(second, True))
    for info in (first, second):
        assert np.array_equal(cached.get(info, True), fresh.get(info, True))


def test_holes_are_filled_from_around():
    img, mask = disc()
    img[mask == 0] = (10, 200, 90)
    assert (fill_hole(img, mask) == (10, 200, 90)).all()
    ramp = np.repeat(np.arange(48, dtype=np.uint8)[None, :, None] * 5, 48, 0).repeat(3, 2)
    filled = fill_hole(np.where(mask[..., None] > 0, np.uint8(0), ramp), mask)
    assert np.array_equal(filled[mask == 0], ramp[mask == 0])
    error = np.abs(filled.astype(int) - ramp)[mask > 0]
    assert error.mean() < 15  # of 240; 120 without filling
    assert (fill_hole(img, np.full_like(mask, 255)) == 127).all()


@pytest.mark.parametrize('shape', [(10, 40), (64, 48), (200, 30), (1, 1)])
def test_cover_fills_and_keeps_the_aspect(shape):
    np.random.seed(0)
    xy = np.stack(np.meshgrid(np.linspace(0, 255, 96), np.linspace(0, 127, 48)), -1)
    image = np.uint8(np.dstack([xy, xy[..., :1]]))
    out = cover(image, *shape)
    assert out.shape == (*shape, 3)
    if min(shape) > 1:
        # shown part of the image, in its own pixels: as wide and high as the result is
        width, height = np.ptp(out[..., 0]) / 255 * 96, np.ptp(out[..., 1]) / 127 * 48
        assert width / height == pytest.approx(shape[1] / shape[0], rel=0.2)


@pytest.mark.parametrize('kwargs,message', [
    (dict(sources=dict(video=1.)), 'must give weights'),
    (dict(sources=dict(noise=0.)), 'must give weights'),
    (dict(sources=dict(noise=-1., color=2.)), 'must give weights'),
    (dict(sources=dict(folder=1.)), 'need both a folder'), (dict(folder='x'), 'need both a folder'),
    (dict(prob=2.), 'prob=2'), (dict(feather=(2., 1.)), 'feather'), (dict(max_side=0), 'max_side')])
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        make(**kwargs)


def test_bad_input(tmp_path):
    with pytest.raises(FileNotFoundError, match='holds no images'):
        make(sources=dict(folder=1.), folder=str(tmp_path))
    with pytest.raises(ValueError, match="source 'dataset' needs a data set"):
        make(prob=1., sources=dict(dataset=1.))(sample())
    for img in (sample()['img'].astype(np.float32), sample()['img'][:20]):
        with pytest.raises(ValueError, match='uint8 image as loaded'):
            make()(dict(sample(), img=img))
