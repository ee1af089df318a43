"""AdaIN, colour statistics and Fourier amplitudes against values and slow references."""
import pytest
import torch
from mmpose.registry import MODELS

from udapose.models.style_transfer.adain import adain, channel_statistics
from udapose.models.style_transfer.parameter_free import lab_to_rgb, rgb_to_lab


def images(count=2, height=24, width=20, seed=0):
    """Smooth random images in [0, 1]: each has colours of its own."""
    g = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 4, 4, generator=g)
    level = torch.rand(count, 3, 1, 1, generator=g)
    fine = torch.nn.functional.interpolate(coarse, (height, width), mode='bicubic')
    return (0.6 * fine + 0.4 * level).clamp(0.02, 0.98)


# ------------------------------------------------------------------ AdaIN
def test_adain_gives_the_styles_statistics():
    g = torch.Generator().manual_seed(0)
    content = 3 * torch.randn(4, 16, 9, 11, generator=g) + 5
    spread = torch.linspace(0.05, 4, 16).view(1, 16, 1, 1)
    style = spread * torch.randn(4, 16, 13, 7, generator=g) - 2  # another size
    code = channel_statistics(style)
    found = adain(content, code).double()
    mean = style.double().mean((2, 3))
    std = style.double().std((2, 3), unbiased=False)
    assert (found.mean((2, 3)) - mean).abs().max() < 1e-4
    wide = std > 0.1
    assert wide.any() and not wide.all()
    assert (found.std((2, 3), unbiased=False) - std)[wide].abs().max() < 1e-4


def test_adain_keeps_the_pattern_and_its_own_style():
    content = torch.randn(2, 4, 8, 8)
    code = channel_statistics(torch.randn(2, 4, 5, 5) * 3)
    moved = adain(content, code)
    for a, b in zip(content.flatten(0, 1), moved.flatten(0, 1), strict=True):
        assert torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1] > 0.99999
    torch.testing.assert_close(adain(content, channel_statistics(content)), content,
                               atol=1e-5, rtol=1e-5)


def test_adain_on_constant_channels_and_half_precision():
    flat = torch.full((1, 1, 4, 4), 7.)
    code = channel_statistics(torch.full((1, 1, 4, 4), -2.))
    torch.testing.assert_close(adain(flat, code), torch.full((1, 1, 4, 4), -2.))
    half = adain(torch.randn(1, 2, 4, 4).bfloat16(), channel_statistics(torch.randn(1, 2, 4, 4)))
    assert half.dtype == torch.bfloat16 and torch.isfinite(half).all()


# ------------------------------------------------------------------ colour spaces
@pytest.mark.parametrize('rgb,lab', [
    ((1, 1, 1), (100, 0, 0)), ((0, 0, 0), (0, 0, 0)), ((1, 0, 0), (53.24, 80.09, 67.20)),
    ((0, 1, 0), (87.73, -86.18, 83.18)), ((0, 0, 1), (32.30, 79.19, -107.86)),
    ((0.5, 0.5, 0.5), (53.39, 0, 0)), ((0.01, 0.01, 0.01), (0.699, 0, 0))])
def test_known_lab_values(rgb, lab):
    found = rgb_to_lab(torch.tensor(rgb, dtype=torch.float32).view(1, 3, 1, 1)).flatten()
    torch.testing.assert_close(found, torch.tensor(lab, dtype=torch.float32), atol=0.03, rtol=0)


@pytest.mark.parametrize('context', ['float32', 'autocast'])
def test_lab_round_trip(context):
    steps = torch.linspace(0, 1, 9)
    cube = torch.stack(torch.meshgrid(steps, steps, steps, indexing='ij')).view(1, 3, 27, 27)
    with torch.autocast('cpu', torch.bfloat16, enabled=context == 'autocast'):
        back = lab_to_rgb(rgb_to_lab(cube))
    assert (back - cube).abs().max() < 2e-4


@pytest.mark.parametrize('space', ['lab', 'rgb'])
def test_channel_transfer_reaches_the_styles_statistics(space):
    transfer = MODELS.build(dict(type='ChannelStatisticsTransfer', space=space))
    content, style = images(3), images(3, 16, 32, seed=1)
    code = transfer.encode_style(style)
    result = transfer(content, code)
    reached = rgb_to_lab(result) if space == 'lab' else result
    if space == 'lab':  # where no colour had to leave the gamut, which rgb_to_lab would clip
        keep = ((result >= 0) & (result <= 1)).all(1).flatten(1).float().mean(1) > 0.999
        assert keep.any()
    else:
        keep = torch.ones(3, dtype=torch.bool)
    torch.testing.assert_close(channel_statistics(reached)[keep], code[keep], atol=2e-2, rtol=1e-3)
    assert (channel_statistics(content if space == 'rgb' else rgb_to_lab(content)) - code
            ).abs().max() > 0.1


@pytest.mark.parametrize('kind', [
    dict(type='ChannelStatisticsTransfer'), dict(type='ChannelStatisticsTransfer', space='rgb'),
    dict(type='FourierAmplitudeTransfer', beta=0.3)])
def test_alpha_zero_is_the_identity_and_alpha_is_per_sample(kind):
    transfer = MODELS.build(kind)
    content, style = images(3), images(3, seed=5)
    code = transfer.encode_style(style)
    whole = transfer(content, code)
    assert (whole - content).abs().amax((1, 2, 3)).min() > 0.02
    mixed = transfer(content, code, torch.tensor([0., 0.5, 1.]).view(3, 1, 1, 1))
    assert (mixed[0] - content[0]).abs().max() < 2e-4
    torch.testing.assert_close(mixed[2], whole[2])
    middle = (mixed[1] - content[1]).abs().mean()
    assert 0 < middle < (whole[1] - content[1]).abs().mean()


def test_contrast_is_not_amplified_without_limit():
    flat = 0.5 + 1e-3 * torch.randn(1, 3, 16, 16)
    style = torch.rand(1, 3, 16, 16)
    limited = MODELS.build(dict(type='ChannelStatisticsTransfer', space='rgb', max_gain=4.))
    free = MODELS.build(dict(type='ChannelStatisticsTransfer', space='rgb', max_gain=1e9))
    code = limited.encode_style(style)
    before, after, unlimited = (x.std((2, 3)) for x in (flat, limited(flat, code),
                                                        free(flat, code)))
    torch.testing.assert_close(after, 4 * before, rtol=0.01, atol=0)
    assert (unlimited > 4 * after).all()


def test_unknown_space():
    with pytest.raises(ValueError, match="'lab' or 'rgb', got 'hsv'"):
        MODELS.build(dict(type='ChannelStatisticsTransfer', space='hsv'))


# ------------------------------------------------------------------ Fourier
def slow_fourier(content, style, beta, alpha):
    """The exchange on the full spectrum in double precision, frequency by frequency."""
    height, width = content.shape[-2:]
    radius = int(beta * height / 2), int(beta * width / 2)
    own, other = (torch.fft.fft2(x.double()) for x in (content, style))
    result = own.clone()
    for i in range(height):
        for j in range(width):
            fy = i if i <= height // 2 else i - height  # signed frequencies
            fx = j if j <= width // 2 else j - width
            if abs(fy) <= radius[0] and abs(fx) <= radius[1]:
                size = alpha * other[..., i, j].abs() + (1 - alpha) * own[..., i, j].abs()
                result[..., i, j] = torch.polar(size, own[..., i, j].angle())
    image = torch.fft.ifft2(result)
    assert image.imag.abs().max() < 1e-10  # the window is symmetric: the image stays real
    return image.real


@pytest.mark.parametrize('size', [(8, 8), (9, 7), (8, 9), (7, 10)])
@pytest.mark.parametrize('beta', [0.05, 0.3, 0.5, 0.8, 1.])
@pytest.mark.parametrize('alpha', [1., 0.4])
def test_fourier_equals_the_full_spectrum(size, beta, alpha):
    g = torch.Generator().manual_seed(3)
    content, style = (torch.rand(2, 3, *size, generator=g) for _ in range(2))
    transfer = MODELS.build(dict(type='FourierAmplitudeTransfer', beta=beta))
    found = transfer(content, transfer.encode_style(style), alpha)
    assert found.shape == content.shape and found.dtype == torch.float32
    torch.testing.assert_close(found.double(), slow_fourier(content, style, beta, alpha),
                               atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize('size', [(8, 12), (9, 11)])
def test_the_whole_amplitude_is_taken_and_all_phases_kept(size):
    content, style = images(2, *size), images(2, *size, seed=4)
    content, style = (x + 0.2 * torch.rand_like(x) for x in (content, style))
    transfer = MODELS.build(dict(type='FourierAmplitudeTransfer', beta=1.))
    found = torch.fft.fft2(transfer(content, transfer.encode_style(style)).double())
    own, other = torch.fft.fft2(content.double()), torch.fft.fft2(style.double())
    torch.testing.assert_close(found.abs(), other.abs(), atol=1e-3, rtol=1e-3)
    # compare directions, which do not jump at pi, where there is something to compare
    strong = (own.abs() > 1e-2) & (other.abs() > 1e-2)
    turned = (found / found.abs() - own / own.abs()).abs()
    assert strong.float().mean() > 0.9 and turned[strong].max() < 1e-2


def test_own_amplitudes_change_nothing():
    content = images(2, 15, 16)
    transfer = MODELS.build(dict(type='FourierAmplitudeTransfer', beta=0.5))
    torch.testing.assert_close(transfer(content, transfer.encode_style(content)), content,
                               atol=1e-5, rtol=0)


def test_a_tiny_window_exchanges_the_mean_colour():
    content, style = images(2), images(2, seed=9)
    transfer = MODELS.build(dict(type='FourierAmplitudeTransfer', beta=0.01))
    found = transfer(content, transfer.encode_style(style))
    torch.testing.assert_close(found.mean((2, 3)), style.mean((2, 3)))
    torch.testing.assert_close(found - found.mean((2, 3), keepdim=True),
                               content - content.mean((2, 3), keepdim=True), atol=1e-5, rtol=0)


@pytest.mark.parametrize('beta', [0., 1.2])
def test_beta_out_of_range(beta):
    with pytest.raises(ValueError, match='beta must be in'):
        MODELS.build(dict(type='FourierAmplitudeTransfer', beta=beta))
