"""The weighted loss against slow references, mmpretrain's, and its documented limits."""
import pytest
import torch
from mmpose.registry import MODELS
from mmpretrain.models.heads import MAEPretrainHead

from udapose.models.selfsup import patch_statistics, patchify, unpatchify

P, GRID = 4, (3, 2)
L, SIZE = GRID[0] * GRID[1], (GRID[0] * P, GRID[1] * P)


def build(**kwargs):
    return MODELS.build(dict(type='WeightedReconstructionLoss', **kwargs))


@pytest.fixture
def case():
    """Predictions, images, hidden patches and soft masks of three images."""
    g = torch.Generator().manual_seed(0)
    hidden = torch.tensor([[1, 0, 1, 1, 0, 1], [0, 0, 1, 1, 1, 1], [1, 1, 1, 0, 1, 0]])
    return dict(
        prediction=torch.randn(3, L, P * P * 3, generator=g), hidden=hidden.float(),
        images=torch.randn(3, 3, *SIZE, generator=g),
        foreground=torch.rand(3, 1, *SIZE, generator=g).round(decimals=2))


def slow_loss(case, w_fg, w_bg, known=(True, True, True), normalize=False):
    """Pixel by pixel, as the formula says."""
    total = weight_sum = 0.
    for n in range(3):
        for patch in range(L):
            if not case['hidden'][n, patch]:
                continue
            top, left = patch // GRID[1] * P, patch % GRID[1] * P
            true = case['images'][n, :, top:top + P, left:left + P].double()
            if normalize:
                true = (true - true.mean()) / (true.var() + 1e-6).sqrt()
            for y in range(P):
                for x in range(P):
                    s = float(case['foreground'][n, 0, top + y, left + x])
                    w = w_bg + (w_fg - w_bg) * s if known[n] else 1.
                    at = (y * P + x) * 3
                    e = case['prediction'][n, patch, at:at + 3].double() - true[:, y, x]
                    total += w * float(e.square().mean())
                    weight_sum += w
    return total / weight_sum


@pytest.mark.parametrize('normalize', [False, True])
@pytest.mark.parametrize('w_fg,w_bg', [(1., 0.2), (0., 1.), (3., 3.), (1., 0.)])
def test_equals_the_formula(case, w_fg, w_bg, normalize):
    loss = build(foreground_weight=w_fg, background_weight=w_bg, normalize_pixels=normalize)
    assert loss(**case).item() == pytest.approx(slow_loss(case, w_fg, w_bg, normalize=normalize),
                                                rel=1e-5)


def test_images_without_a_mask_have_weight_one(case):
    known = torch.tensor([True, False, True])
    loss = build(foreground_weight=5., background_weight=2.)
    case['foreground'][1] = 0
    expected = slow_loss(case, 5., 2., known=known.tolist())
    assert loss(**case, known=known).item() == pytest.approx(expected, rel=1e-5)
    assert abs(loss(**case).item() - expected) > 1e-3
    without = dict(case, foreground=None)
    assert loss(**without).item() == pytest.approx(build()(**without).item(), rel=1e-6)


@pytest.mark.parametrize('normalize', [False, True])
@pytest.mark.parametrize('weight', [1., 0.37])
def test_equal_weights_are_mmpretrains_loss(case, normalize, weight):
    head = MAEPretrainHead(norm_pix=normalize, patch_size=P, loss=dict(
        type='mmpretrain.PixelReconstructionLoss', criterion='L2'))
    target = patchify(case['images'], P)
    head.patchify = lambda images: target  # theirs is for squares
    expected = head.loss(case['prediction'], case['images'], case['hidden'])
    loss = build(foreground_weight=weight, background_weight=weight, normalize_pixels=normalize)
    assert loss(**case).item() == pytest.approx(expected.item(), rel=2e-6)


def test_patches_are_mmpretrains():
    head = MAEPretrainHead(patch_size=P, loss=dict(
        type='mmpretrain.PixelReconstructionLoss', criterion='L2'))
    images = torch.rand(2, 3, 12, 12)
    assert torch.equal(patchify(images, P), head.patchify(images))


def test_unpatchify_undoes_patchify_on_a_rectangle():
    images = torch.rand(2, 3, *SIZE)
    patches = patchify(images, P)
    assert patches.shape == (2, L, P * P * 3)
    assert torch.equal(patches[0, 1], images[0, :, :P, P:].permute(1, 2, 0).flatten())
    assert torch.equal(unpatchify(patches, GRID), images)


def test_patch_statistics():
    mean, deviation = patch_statistics(torch.tensor([[[1., 3.], [5., 5.]]]))
    assert mean.flatten().tolist() == [2., 5.]
    assert deviation.flatten().tolist() == pytest.approx([2**0.5, 1e-3], rel=1e-4)


def test_gradient_reaches_hidden_patches_only(case):
    prediction = case['prediction'].requires_grad_()
    build(background_weight=0.5)(**case).backward()
    reached = prediction.grad.abs().sum(-1) > 0
    assert torch.equal(reached, case['hidden'].bool())


def test_without_foreground_weight_the_foreground_gets_no_gradient(case):
    case['foreground'] = case['foreground'].round()
    prediction = case['prediction'].requires_grad_()
    build(foreground_weight=0.)(**case).backward()
    front = patchify(case['foreground'], P).bool() | ~case['hidden'].bool()[..., None]
    reached = prediction.grad.unflatten(-1, (-1, 3)).abs().sum(-1) > 0
    assert torch.equal(reached, ~front) and reached.any()


@pytest.mark.parametrize('value,w_fg,w_bg', [(1., 0., 1.), (0., 1., 0.)])
def test_nothing_to_learn_is_zero_and_finite(case, value, w_fg, w_bg):
    """Foreground everywhere without its weight; empty masks without background weight."""
    case['foreground'] = torch.full_like(case['foreground'], value)
    prediction = case['prediction'].requires_grad_()
    loss = build(foreground_weight=w_fg, background_weight=w_bg)(**case)
    loss.backward()
    assert loss.item() == 0 and torch.equal(prediction.grad, torch.zeros_like(prediction))


def test_one_faint_pixel_is_enough(case):
    """The guard against a division by 0 does not distort small sums of weights."""
    case['foreground'] = torch.zeros_like(case['foreground'])
    case['foreground'][0, 0, 0, 0] = 1 / 255
    error = case['prediction'][0, 0, :3] - case['images'][0, :, 0, 0]
    assert case['hidden'][0, 0] == 1
    loss = build(background_weight=0.)(**case)
    assert loss.item() == pytest.approx(error.square().mean().item(), rel=1e-5)


def test_only_the_ratio_of_the_weights_matters(case):
    a, b = (build(foreground_weight=10 * k, background_weight=k)(**case) for k in (1e-6, 1e3))
    assert a.item() == pytest.approx(b.item(), rel=1e-5)


def test_loss_weight_and_half_precision(case):
    full = build(background_weight=0.2)(**case)
    assert build(background_weight=0.2, loss_weight=3.)(**case).item() == pytest.approx(
        3 * full.item(), rel=1e-6)
    half = build(background_weight=0.2)(**dict(case, prediction=case['prediction'].bfloat16()))
    assert half.dtype == torch.float32 and half.item() == pytest.approx(full.item(), rel=1e-2)


def test_images_without_a_mask_may_count_as_much_as_the_others():
    foreground = torch.zeros(4, 1, 4, 4)
    foreground[0], foreground[1, ..., :2] = 1., 1.  # all, and half of it
    known = torch.tensor([True, True, False, False])
    weights = build(background_weight=0.2, unknown_weight='mean').pixel_weights(foreground, known)
    torch.testing.assert_close(weights.mean((1, 2, 3)), torch.tensor([1., 0.6, 0.8, 0.8]))
    none = build(background_weight=0.2, unknown_weight='mean').pixel_weights(
        foreground, torch.zeros(4, dtype=torch.bool))
    assert none.eq(1).all()  # nothing to take the mean of
    half = build(background_weight=0.2, unknown_weight=0.5).pixel_weights(foreground, known)
    assert half[2:].eq(0.5).all() and half[0].eq(1).all()
    for bad in (-1., 'average', None, float('inf')):
        with pytest.raises(ValueError, match='unknown_weight=.* is neither'):
            build(unknown_weight=bad)


@pytest.mark.parametrize('w_fg,w_bg', [(-1., 1.), (0., 0.), (1., float('nan')), (float('inf'), 1)])
def test_bad_weights(w_fg, w_bg):
    with pytest.raises(ValueError, match='not both 0'):
        build(foreground_weight=w_fg, background_weight=w_bg)
