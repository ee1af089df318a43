"""Masks: decoding, finding, checking, and warping with the crop."""
import io
import os.path as osp
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmpose.registry import DATASETS, TRANSFORMS
from PIL import Image
from tiny_data import make_metainfo, smooth_image

from udapose.datasets.transforms.masks import check_masks, decode_mask, mask_path_of

TRUTH = np.zeros((6, 8), np.uint8)
TRUTH[1:4, 2:7] = 255


def png(values, mode=None, palette=None):
    image = Image.fromarray(values) if mode is None else Image.fromarray(values).convert(mode)
    if palette is not None:
        image.putpalette(palette)
    buffer = io.BytesIO()
    image.save(buffer, 'png')
    return buffer.getvalue()


def palette_png(colors, **options):
    image = Image.fromarray((TRUTH > 0).astype(np.uint8) * 2, mode='P')
    image.putpalette([v for color in colors for v in color])
    buffer = io.BytesIO()
    image.save(buffer, 'png', **options)
    return buffer.getvalue()


@pytest.mark.parametrize('data,labels', [
    (png(TRUTH), None), (png(TRUTH, '1'), None), (png(TRUTH, 'RGB'), None),
    (cv2.imencode('.png', TRUTH, [cv2.IMWRITE_PNG_BILEVEL, 1])[1].tobytes(), None),
    (png(TRUTH.astype(np.uint16) * 257), None),
    (png(np.uint8(TRUTH > 0) * 15), [15]), (png(np.uint8(TRUTH > 0) * 15), [3, 15]),
    (png(np.uint16(TRUTH > 0) * 1015), [1015]),
    (png(np.dstack([TRUTH * 0 + 9, TRUTH // 3, TRUTH * 0, TRUTH])), None),  # a cut-out
    (png(np.dstack([TRUTH, TRUTH, TRUTH, TRUTH * 0 + 255])), None),  # an opaque mask
    (palette_png([(0, 0, 0), (9, 9, 9), (255, 255, 255)]), None),
    (palette_png([(0, 0, 0), (128, 0, 0), (0, 128, 0)]), [2]),
    (palette_png([(200, 200, 200), (9, 9, 9), (0, 128, 0)], transparency=0), None),  # a cut-out
    (palette_png([(255, 255, 255)] * 3, transparency=0), None),
    (png(np.uint16(TRUTH > 0)), [1]), (png(np.uint16(TRUTH)), [255])])
def test_all_kinds_of_files_give_the_same_mask(data, labels):
    mask = decode_mask(data, labels)
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, TRUTH)


def test_soft_masks_stay_soft():
    soft = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
    np.testing.assert_array_equal(decode_mask(png(soft)), soft)
    np.testing.assert_array_equal(decode_mask(png(soft.astype(np.uint16) * 257)), soft)
    assert not decode_mask(png(TRUTH * 0)).any()  # nobody there


@pytest.mark.parametrize('data', [
    png(np.dstack([TRUTH, TRUTH // 2, TRUTH])), palette_png([(0, 0, 0), (128, 0, 0), (0, 128, 0)])])
def test_coloured_files_ask_for_labels(data):
    with pytest.raises(ValueError, match='coloured picture.*foreground_values'):
        decode_mask(data)


@pytest.mark.parametrize('dtype,label,full', [
    (np.uint8, 1, 255), (np.uint16, 1, 65535), (np.uint16, 255, 65535), (np.uint16, 5000, 65535)])
def test_labels_are_not_taken_for_grey_values(dtype, label, full):
    """In 16 bits, 1 was an empty mask; of 255 the label 1 was asked for, which is none."""
    data = png((TRUTH > 0).astype(dtype) * dtype(label))
    with pytest.raises(ValueError, match=rf'labels \({label}\) and not 0 to {full}: name .*'
                       rf'foreground_values=\[{label}\]'):
        decode_mask(data)
    np.testing.assert_array_equal(decode_mask(data, [label]), TRUTH)


@pytest.mark.parametrize('values', [(0, 11, 11, 255), (0, 12, 12, 150)])
def test_labels_beside_a_void_are_no_soft_mask(values):
    """As in Cityscapes: void became the foreground, the person a faint edge."""
    labels = np.array(values, np.uint8)[np.arange(48).reshape(6, 8) % 4]
    with pytest.raises(ValueError, match=rf'labels \({values[1]}, {values[3]}\) and not 0 to 255: '
                       rf'name .*foreground_values=\[{values[1]}\]'):
        decode_mask(png(labels))
    assert (decode_mask(png(labels), [values[1]]) > 0).mean() == 0.5
    edge = np.arange(1, 49, dtype=np.uint8).reshape(6, 8)
    edge[0, 0] = 200  # mere edge, but of many values
    np.testing.assert_array_equal(decode_mask(png(edge)), edge)


@pytest.mark.parametrize('value,foreground', [(1, True), (255, True), (0, False), (7, None)])
def test_bilevel_files_know_both_names_of_their_foreground(value, foreground):
    """Those of make-masks: Pillow reads True, of which 255 is no label."""
    data = png(TRUTH > 0)
    expected = np.zeros_like(TRUTH) if foreground is None else \
        TRUTH if foreground else 255 - TRUTH
    np.testing.assert_array_equal(decode_mask(data, [value]), expected)


@pytest.mark.parametrize('image,rule,expected', [
    ('s3://b/images/7.jpg', dict(folder='../masks'), 's3://b/masks/7.png'),
    ('d/images/train/7.jpg', dict(folder='../../masks/train'), 'd/masks/train/7.png'),
    ('d/images/train/7.jpg', dict(folder='../masks', image_root='d/images'), 'd/masks/train/7.png'),
    ('d/a.b.jpg', dict(folder='/m', suffix='_mask.png'), '/m/a.b_mask.png'),
    ('7.jpg', dict(folder='masks'), 'masks/7.png'),
    ('d/7.jpg', dict(folder='', suffix='.mask.png'), 'd/7.mask.png')])
def test_where_masks_are(image, rule, expected):
    assert mask_path_of(image, **rule) == expected


def test_image_outside_of_the_root():
    with pytest.raises(ValueError, match='other/7.jpg does not lie below image_root=d/images'):
        mask_path_of('other/7.jpg', '../masks', image_root='d/images')


@pytest.fixture
def folder(tmp_path):
    """images/{a,b,c,d}.png of 8 x 6; a has a mask, b one of another size, c a broken one."""
    for name in 'abcd':
        (tmp_path / 'images').mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / f'images/{name}.png'), np.dstack([TRUTH] * 3))
    (tmp_path / 'masks').mkdir()
    cv2.imwrite(str(tmp_path / 'masks/a.png'), TRUTH)
    cv2.imwrite(str(tmp_path / 'masks/b.png'), TRUTH.T)
    (tmp_path / 'masks/c.png').write_bytes(png(TRUTH)[:40])
    return tmp_path


def load(root, name, **kwargs):
    results = TRANSFORMS.build(dict(type='LoadPoseImage'))(
        dict(img_path=str(root / f'images/{name}.png')))
    return TRANSFORMS.build(dict(type='LoadForegroundMask', **kwargs))(results)


def test_mask_path_goes_before_the_rule(folder):
    np.testing.assert_array_equal(load(folder, 'a', folder='../masks')['foreground_mask'], TRUTH)
    step = TRANSFORMS.build(dict(type='LoadForegroundMask', folder='../nowhere'))
    results = step(dict(img_path=str(folder / 'images/d.png'),
                        mask_path=str(folder / 'masks/a.png')))
    np.testing.assert_array_equal(results['foreground_mask'], TRUTH)


@pytest.mark.parametrize('name,error,message', [
    ('b', ValueError, r'masks/b.png is 6x8, but image .*images/b.png is 8x6'),
    ('c', OSError, r'cannot decode mask .*masks/c.png'),
    ('d', FileNotFoundError, r'masks/d.png of image .*images/d.png does not exist.*make-masks')])
def test_bad_masks_are_named(folder, name, error, message):
    with pytest.raises(error, match=message):
        load(folder, name, folder='../masks')


def test_missing_masks_may_be_ignored(folder):
    assert 'foreground_mask' not in load(folder, 'd', folder='../masks', missing='ignore')
    assert 'foreground_mask' not in load(folder, 'd', missing='ignore')
    with pytest.raises(ValueError, match='images/d.png has no mask_path: set folder'):
        load(folder, 'd')
    with pytest.raises(ValueError, match='is 6x8'):  # a wrong mask is not a missing one
        load(folder, 'b', folder='../masks', missing='ignore')


@pytest.mark.parametrize('kwargs,message', [
    (dict(missing='maybe'), "missing='maybe'"), (dict(image_root='x'), 'image_root needs folder'),
    (dict(foreground_values=[]), 'foreground_values is empty')])
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        TRANSFORMS.build(dict(type='LoadForegroundMask', **kwargs))


def test_check_masks_names_all_that_lack_one(folder):
    images = [str(folder / f'images/{name}.png') for name in 'abcd']
    wrong = check_masks(images, folder='../masks')
    assert [*wrong] == images[1:]
    assert '6x8, the image 8x6' in wrong[images[1]]
    assert wrong[images[3]].endswith('masks/d.png: no such file')
    with pytest.raises(FileNotFoundError, match='3 of 4 images have no usable mask: .*b.png'):
        check_masks(images, folder='../masks', missing='error')
    assert check_masks([dict(img_path=images[3], mask_path=str(folder / 'masks/a.png'))]) == {}
    assert [*check_masks(images[:1])] == images[:1]  # no rule
    with pytest.raises(ValueError, match="missing='ignore'"):
        check_masks(images, missing='ignore')


def test_check_masks_looks_at_the_mask_of_every_person(folder):
    people = [dict(img_path=str(folder / 'images/a.png'), mask_path=str(folder / f'masks/{name}'))
              for name in ('gone.png', 'a.png')]
    assert 'gone.png: no such file' in check_masks(people)[people[0]['img_path']]
    assert len(check_masks(people[::-1])) == 1 and not check_masks(people[1:])


def test_check_masks_of_a_data_set(tiny):
    dataset = DATASETS.build(dict(tiny.target, pipeline=[]))
    assert len(check_masks(dataset, folder='../nowhere')) == len(dataset) == 5


def crop(results, *steps, **kwargs):
    for config in (*steps, dict(type='RecordedTopdownAffine', **kwargs)):
        results = TRANSFORMS.build(config)(results)
    return results


@pytest.mark.parametrize('direction', [None, 'horizontal', 'vertical', 'diagonal'])
@pytest.mark.parametrize('shear', [0., 20.])
def test_mask_is_warped_as_the_image(direction, shear):
    """The image's channels hold the mask: RandomFlip turns the image and not the mask."""
    rng = np.random.default_rng(0)
    np.random.seed(3)
    mask = smooth_image(rng, 90, 70)[..., 0]
    results = dict(img=np.dstack([mask] * 3), img_shape=(70, 90), foreground_mask=mask.copy(),
                   bbox=np.array([[30, 5, 85, 60]], np.float32),
                   bbox_score=np.ones(1, np.float32), flip_indices=[0])
    flips = [dict(type='RandomFlip', prob=1., direction=direction)] if direction else []
    view = crop(results, dict(type='GetBBoxCenterScale'), *flips,
                dict(type='RandomBBoxTransform', rotate_prob=1., shift_prob=1.),
                input_size=(48, 64), shear=shear)
    warped = view['foreground_mask']
    assert warped.shape == (64, 48) and warped.dtype == np.uint8 and warped.std() > 20
    difference = np.abs(warped.astype(int) - view['img'][..., 0])
    # cv2 rounds coordinates to 1/32 pixel, after a different sum
    assert difference.mean() < 1 and np.quantile(difference, 0.99) < 8
    if direction is None:
        assert not difference.any()


def test_nothing_is_foreground_outside_of_the_image():
    full = dict(img=np.full((20, 20, 3), 200, np.uint8), bbox_center=np.array([[20., 10.]]),
                bbox_scale=np.array([[20., 20.]]), foreground_mask=np.full((20, 20), 255, np.uint8))
    view = crop(full, input_size=(20, 20), border='replicate')
    assert (view['img'] == 200).all()
    assert (view['foreground_mask'][:, :10] == 255).all()
    assert (view['foreground_mask'][:, 11:] == 0).all()


def test_mask_of_another_size_is_refused():
    results = dict(img=np.zeros((20, 20, 3), np.uint8), bbox_center=np.array([[9.5, 9.5]]),
                   bbox_scale=np.array([[20., 20.]]), foreground_mask=np.zeros((10, 20), np.uint8))
    with pytest.raises(ValueError, match=r'foreground_mask has shape \(10, 20\), the image'):
        crop(results, input_size=(20, 20))


# ------------------------------------------------------------------- masks apart from the images
def images_and_masks(images, masks):
    for folder, suffix in ((images, 'jpg'), (masks, 'png')):
        for name in ('7', 'a/8'):
            path = folder / f'{name}.{suffix}'
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), np.full((8, 6), 255, np.uint8))


def unlabeled(root, **mask):
    return DATASETS.build(dict(
        type='UnlabeledPoseDataset', data_root=str(root), metainfo=make_metainfo(), pipeline=[
            dict(type='LoadPoseImage'),
            dict(type='LoadForegroundMask', missing='ignore', **mask)]))


@pytest.mark.parametrize('kwargs', [dict(folder='masks'), dict(folder='../masks'), dict(
    folder='../masks', image_root='{}/images')])
def test_masks_among_the_images_are_refused(kwargs, tmp_path):
    """A folder that is searched takes them for images, and would train on them."""
    images = tmp_path / ('images' if kwargs['folder'] == '../masks' else '')
    images_and_masks(images, tmp_path / 'masks')
    kwargs = {k: v.format(tmp_path) for k, v in kwargs.items()}
    with pytest.raises(ValueError, match=r'masks/7.png, the mask of .*7.jpg, lies in ".*'
                       r"data_root=DATA/images/ and, in LoadForegroundMask, folder='../masks'"):
        unlabeled(tmp_path, **kwargs)
    if kwargs['folder'] == '../masks':  # beside each other
        dataset = unlabeled(images, **kwargs)
        assert len(dataset) == 2 and 'foreground_mask' in dataset[0]


def test_masks_that_are_nowhere_are_told(tmp_path, monkeypatch):
    """missing='ignore' made a misspelt folder a training without masks."""
    said = []
    monkeypatch.setattr(MMLogger.get_current_instance(), 'warning', said.append)
    images_and_masks(tmp_path / 'images', tmp_path / 'masks')
    unlabeled(tmp_path / 'images', folder='../masks')  # subfolders need image_root
    assert re.fullmatch(r'1 of 2 images have no foreground mask: \S*/a/8.jpg, for example, would '
                        r'have \S*/images/masks/8.png\. They keep .*', said.pop())
    unlabeled(tmp_path / 'images', folder='../mask')
    assert '2 of 2 images have no foreground mask' in said.pop()
    unlabeled(tmp_path / 'images', folder='../masks', image_root=str(tmp_path / 'images'))
    assert not said


def test_folders_config_reads_images_and_masks_beside_each_other(tmp_path, monkeypatch):
    config = Path(__file__).resolve().parents[2] / \
        'configs/masked_reconstruction/mae_folders_vit-small_256x192.py'
    monkeypatch.chdir(tmp_path)
    for domain in ('source', 'target'):
        root = tmp_path / f'data/my_{domain}'
        images_and_masks(root / 'images', root / 'masks')
        (root / 'images/a/8.jpg').unlink()
    cfg = Config.fromfile(config)
    whole = DATASETS.build(cfg.train_dataloader.dataset)
    for part in (whole.source, whole.target):
        assert [osp.basename(part.get_data_info(i)['img_path']) for i in range(len(part))] == [
            '7.jpg']
        mask = part[0]['data_samples'].gt_fields.foreground_mask
        assert float(mask.max()) > 0
