"""Folders and lists of images for style transfer, and what is said about bad ones."""
import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import default_collate, pseudo_collate
from mmpose.registry import DATASETS, MODELS


def build(content, style, **kwargs):
    return DATASETS.build(dict(type='StyleTransferDataset', content=content, style=style,
                               **{**dict(size=16, resize=16), **kwargs}))


@pytest.fixture
def images(tmp_path):
    """Content: red, green, blue squares (as RGB); style: grey levels 0, 60, 120 in a subfolder."""
    (tmp_path / 'content').mkdir()
    (tmp_path / 'style/deep').mkdir(parents=True)
    for i in range(3):
        colour = np.zeros((20, 20, 3), np.uint8)
        colour[..., 2 - i] = 255  # OpenCV writes BGR
        cv2.imwrite(str(tmp_path / f'content/{i}.png'), colour)
        cv2.imwrite(str(tmp_path / f'style/deep/{i}.png'), np.full((24, 30, 3), 60 * i, np.uint8))
    return tmp_path


def test_items(images):
    dataset = build(str(images / 'content'), str(images / 'style'))
    assert len(dataset) == 3 and dataset.metainfo['dataset_name'] == 'style_transfer'
    drawn = set()
    for i in range(60):
        inputs = dataset[i % 3]['inputs']
        content, style = inputs['content'], inputs['style']
        assert content.shape == style.shape == (3, 16, 16)
        assert content.dtype == style.dtype == torch.uint8
        assert content.amax((1, 2)).tolist() == [255 * (c == i % 3) for c in range(3)]  # RGB
        drawn.add(int(style.unique()))
    assert drawn == {0, 60, 120}


def test_numpys_state_decides(images):
    dataset = build(str(images / 'content'), str(images / 'style'), resize=(16, 24))
    draws = []
    for seed in (0, 0, 1, 2):
        np.random.seed(seed)
        draws.append(torch.stack([dataset[0]['inputs']['style'] for _ in range(12)]))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2]) and not torch.equal(draws[0], draws[3])


def ramp(path, height, width):
    """Red rises with x, green with y, 4 levels a pixel."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 2] = 4 * np.arange(width)
    image[..., 1] = 4 * np.arange(height)[:, None]
    cv2.imwrite(str(path), image)
    return [str(path)]


def test_crops_and_flips(tmp_path):
    paths = ramp(tmp_path / 'ramp.png', 32, 60)
    whole_height = build(paths, paths, size=32, resize=32, flip_prob=0.)
    starts = set()
    for _ in range(40):
        crop = whole_height[0]['inputs']['content'].int()
        assert (crop[1, :, 0] == 4 * torch.arange(32)).all()  # the shorter side is whole
        assert (crop[0, 0].diff() == 4).all()
        starts.add(int(crop[0, 0, 0]) // 4)
    assert min(starts) < 5 and max(starts) > 23 and max(starts) <= 28
    flipped = build(paths, paths, size=32, resize=32, flip_prob=1.)[0]['inputs']['content'].int()
    assert (flipped[0, 0].diff() == -4).all()
    half = build(paths, paths, size=16, resize=16, flip_prob=0.)[0]['inputs']['content'].float()
    assert half[0, 0].diff().mean() == pytest.approx(8, abs=0.3)  # scaled to one half
    twice = build(paths, paths, size=32, resize=64, flip_prob=0.)[0]['inputs']['content'].float()
    assert twice[0, 0].diff().mean() == pytest.approx(2, abs=0.3)
    sides = {round(float(build(paths, paths, resize=(16, 32), flip_prob=0.)[0]['inputs'][
        'content'][1].float().diff(dim=0).mean()), 1) for _ in range(20)}
    assert len(sides) > 3  # the range is used


def test_kinds_of_sources(images, tiny):
    names = [f'deep/{i}.png' for i in (2, 0)]
    (images / 'style/list.txt').write_text('# mine\n' + '\n'.join(names) + '\n')
    dataset = build(str(images / 'content'), str(images / 'style/list.txt'))
    assert [p[-10:] for p in dataset.paths['style']] == names
    # a pose data set's images, each once however many instances it has
    dataset = build(dict(tiny.source), dict(tiny.target, pipeline=[dict(type='Unknown')]))
    assert len(dataset) == 8 and len(dataset.paths['style']) == 5
    assert dataset[7]['inputs']['style'].shape == (3, 16, 16)


@pytest.mark.parametrize('collate', [default_collate, pseudo_collate])
def test_preprocessor(collate, images):
    dataset = build(str(images / 'content'), str(images / 'style'))
    batch = collate([dataset[i] for i in range(3)])
    out = MODELS.build(dict(type='StyleImagePreprocessor'))(batch)['inputs']
    assert set(out) == {'content', 'style'}
    assert out['content'].shape == (3, 3, 16, 16) and out['content'].dtype == torch.float32
    torch.testing.assert_close(out['content'].amax((2, 3)), torch.eye(3))


def test_missing_and_empty(images):
    style = str(images / 'style')
    with pytest.raises(FileNotFoundError, match='content images.*nowhere.*does not exist.*'
                                                'train_dataloader.dataset.content=FOLDER'):
        build(str(images / 'nowhere'), style)
    (images / 'empty').mkdir()
    with pytest.raises(FileNotFoundError, match='no style images in.*empty.*dataset.style=FOLDER'):
        build(str(images / 'content'), str(images / 'empty'))
    with pytest.raises(FileNotFoundError, match='neither a folder nor a .txt'):
        build(str(images / 'content/0.png'), style)
    with pytest.raises(FileNotFoundError, match='list of content images is empty'):
        build([], style)
    with pytest.raises(OSError, match=r'1 of 1 content images.*gone.png \(no such file\)'):
        build(['gone.png'], style)


def test_damaged_images(images):
    (images / 'content/9.png').write_bytes(b'no image')
    with pytest.raises(OSError, match="1 of 4 content images.*9.png.*on_unreadable='skip'"):
        build(str(images / 'content'), str(images / 'style'))
    dataset = build(str(images / 'content'), str(images / 'style'), on_unreadable='skip')
    assert len(dataset) == 3
    (images / 'content/9.png').unlink()
    dataset = build(str(images / 'content'), [str(images / 'style/deep/1.png')])
    (images / 'style/deep/1.png').write_bytes(b'')  # after the check
    with pytest.raises(OSError, match='cannot decode image .*1.png'):
        dataset[0]


@pytest.mark.parametrize('wrong, match', [
    (dict(size=16, resize=8), 'resize.*size=16'), (dict(resize=(32, 20)), 'resize'),
    (dict(flip_prob=2), 'flip_prob'), (dict(on_unreadable='x'), 'on_unreadable')])
def test_bad_arguments(wrong, match, images):
    with pytest.raises(ValueError, match=match):
        build(str(images / 'content'), str(images / 'style'), **wrong)
