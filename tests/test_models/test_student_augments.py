"""Keypoint occlusion and block masks: what is covered, with what, and how often."""
from types import SimpleNamespace

import pytest
import torch
from mmpose.registry import MODELS


def occlusion(**kwargs):
    return MODELS.build(dict(type='AdaptiveKeypointOcclusion', **kwargs))


def numbered(count=1, height=21, width=27):
    """Every pixel of the batch has a value of its own: three channels, exactly representable."""
    size = height * width
    index = torch.arange(count * size, dtype=torch.float32).view(count, 1, height, width)
    return torch.cat([index, index + 0.25, index + 0.5], 1)


def batch(points, confidence):
    return SimpleNamespace(pseudo=SimpleNamespace(
        points=torch.tensor(points, dtype=torch.float32),
        confidence=torch.tensor(confidence, dtype=torch.float32)))


def changed(before, after):
    """(B, H, W) bool."""
    return (before != after).any(1)


def where(mask):
    """Of the last two axes: the set of (x, y)."""
    return {(x, y) for y, x in mask.nonzero().tolist()}


@pytest.mark.parametrize('point,low', [
    ((12., 9.), (9, 6)), ((12.4, 8.6), (10, 6)), ((12.5, 9.5), (10, 7)), ((11.6, 9.49), (9, 7))])
def test_the_square_is_where_the_joint_is_to_half_a_pixel(point, low):
    x = numbered()
    found = set()
    for seed in range(20):  # a cover may by chance hold a pixel that stays in place
        torch.manual_seed(seed)
        found |= where(changed(x, occlusion(prob=1., half_size=3)(x, batch([[point]], [[1.]])))[0])
    square = {(low[0] + i, low[1] + j) for i in range(6) for j in range(6)}
    assert found == square
    for start, position in zip(low, point, strict=True):
        assert abs(start + 2.5 - position) <= 0.5


def test_the_square_is_on_the_joint_on_average():
    count, half = 2000, 3
    torch.manual_seed(0)
    points = 8 + 8 * torch.rand(count, 1, 2)
    x = torch.rand(count, 3, 24, 24)
    given = SimpleNamespace(pseudo=SimpleNamespace(points=points, confidence=torch.ones(count, 1)))
    covered = changed(x, occlusion(prob=1., half_size=half)(x, given))
    offsets = []
    for mask, point in zip(covered, points[:, 0], strict=True):
        y, x = mask.nonzero().T
        if len(x) == (2 * half)**2:  # the cover holds no pixel that stayed in place
            offsets.append(torch.stack([x.double().mean(), y.double().mean()]) - point)
    offsets = torch.stack(offsets)
    assert len(offsets) > 1500 and offsets.abs().max() <= 0.5 + 1e-5
    # uniform over a pixel: the mean of n is within 4 / sqrt(12 n) of 0
    assert offsets.mean(0).abs().max() < 4 / (12 * len(offsets))**0.5


@pytest.mark.parametrize('size', [(21, 27), (20, 26), (40, 9)])
@pytest.mark.parametrize('point', [(4., 5.), (0., 0.), (-0.4, 19.3), (8.2, 7.7)])
def test_the_cover_is_one_square_of_the_same_image(size, point):
    """Values are positions, so the copied square can be read off."""
    height, width = size
    for seed in range(20):
        torch.manual_seed(seed)
        x = numbered(3, height, width)
        out = occlusion(prob=1., half_size=3)(x, batch([[point]] * 3, [[1.]] * 3))
        assert torch.equal(out[:, 1], out[:, 0] + 0.25)  # all channels from the same pixel
        for i, mask in enumerate(changed(x, out)):
            at = mask.nonzero()
            origin = out[i, 0][mask].long() - i * height * width
            assert (origin >= 0).all() and (origin < height * width).all()  # of this image
            shift = torch.stack([origin // width, origin % width], 1) - at
            assert len(shift) == 0 or (shift == shift[0]).all()  # a square as it was, not clamped
            assert (at.amax(0) - at.amin(0) <= 5).all() if len(at) else True


def test_covers_come_from_everywhere():
    x = numbered(1, 16, 16)
    corners = set()
    for seed in range(400):
        torch.manual_seed(seed)
        out = occlusion(prob=1., half_size=6)(x, batch([[(5.5, 5.5)]], [[1.]]))
        corners.add(int(out[0, 0, 0, 0]))
    assert corners == {y * 16 + x for y in range(5) for x in range(5)}  # all squares inside


def test_only_joints_above_the_threshold_and_all_of_them():
    x = numbered(1, 40, 40)
    points = [[(5., 5.), (15., 15.), (25., 25.), (35., 35.)]]
    hits = set()
    for seed in range(60):
        torch.manual_seed(seed)
        out = occlusion(prob=1., threshold=0.9, half_size=2)(
            x, batch(points, [[0.89, 0.9, 0.95, 0.1]]))
        covered = where(changed(x, out)[0])
        joints = {j for j, (px, py) in enumerate(points[0]) if any(
            abs(cx - px) <= 2 and abs(cy - py) <= 2 for cx, cy in covered)}
        assert len(joints) <= 1  # one joint of a sample
        hits |= joints
    assert hits == {1, 2}


def test_nothing_without_candidates_or_probability():
    x = numbered(2)
    data = batch([[(9., 9.)], [(9., 9.)]], [[0.5], [0.95]])
    assert torch.equal(occlusion(prob=0.)(x, data), x)
    before = x.clone()
    for seed in range(5):
        torch.manual_seed(seed)
        out = occlusion(prob=1., half_size=3)(x, data)
        assert torch.equal(out[0], x[0])
    assert torch.equal(x, before) and out is not x


def test_the_share_of_the_samples():
    torch.manual_seed(0)
    x = numbered(400, 20, 20)
    out = occlusion(prob=0.3, half_size=3)(x, batch([[(9., 9.)]] * 400, [[1.]] * 400))
    share = changed(x, out).flatten(1).any(1).float().mean()
    assert 0.22 < share < 0.38


def test_a_square_larger_than_the_image():
    x = numbered(1, 8, 8)
    out = occlusion(prob=1., half_size=10)(x, batch([[(1., 6.)]], [[1.]]))
    assert set(out.flatten().tolist()) <= set(x.flatten().tolist())


def test_half_precision_keeps_its_type():
    x = torch.rand(2, 3, 20, 20).bfloat16()
    out = occlusion(prob=1., half_size=3)(x, batch([[(9., 9.)]] * 2, [[1.]] * 2))
    assert out.dtype == torch.bfloat16


@pytest.mark.parametrize('kwargs', [dict(prob=1.1), dict(half_size=0)])
def test_bad_occlusions(kwargs):
    with pytest.raises(ValueError, match=r'0 <= prob <= 1 and half_size >= 1, got'):
        occlusion(**kwargs)


# ------------------------------------------------------------------ block masks
def test_masks_are_whole_blocks_at_the_given_ratio():
    torch.manual_seed(0)
    x = 1 + torch.rand(64, 3, 22, 30)  # not a multiple of the block
    out = MODELS.build(dict(type='RandomBlockMask', ratio=0.4, block_size=8))(x)
    hidden = out == 0
    assert torch.equal(out, torch.where(hidden, 0, x))
    assert (hidden == hidden[:, :1]).all()  # all channels together
    for y in range(0, 22, 8):
        for c in range(0, 30, 8):
            block = hidden[:, 0, y:y + 8, c:c + 8].flatten(1)
            assert (block.all(1) | ~block.any(1)).all()
    assert 0.35 < hidden.float().mean() < 0.45


def test_mask_probability_is_per_sample():
    torch.manual_seed(0)
    x = torch.ones(300, 3, 16, 16)
    out = MODELS.build(dict(type='RandomBlockMask', ratio=0.5, block_size=2, prob=0.25))(x)
    touched = (out == 0).flatten(1).any(1).float().mean()
    assert 0.17 < touched < 0.33
    for kwargs in (dict(prob=0.), dict(ratio=0.)):
        assert torch.equal(MODELS.build(dict(type='RandomBlockMask', **kwargs))(x), x)


@pytest.mark.parametrize('kwargs', [dict(ratio=1.), dict(prob=-0.1), dict(block_size=0)])
def test_bad_masks(kwargs):
    with pytest.raises(ValueError, match='0 <= ratio < 1'):
        MODELS.build(dict(type='RandomBlockMask', **kwargs))
