"""Peaks, confidence selection and rendering against MMPose's codecs."""
import numpy as np
import pytest
import torch
from mmpose.codecs import MSRAHeatmap, UDPHeatmap

from udapose.models.readouts import build_readout, heatmap
from udapose.models.utils.pseudo_label import confident, heatmap_peaks, render_gaussians


@pytest.mark.parametrize('codec,rounded,truncated', [
    (MSRAHeatmap((64, 96), (16, 24), sigma=2), True, True),
    (MSRAHeatmap((64, 96), (16, 24), sigma=1.5, unbiased=True), False, False),
    (UDPHeatmap((64, 96), (16, 24), sigma=2), False, True)])
def test_rendering_equals_the_codec(codec, rounded, truncated):
    rng = np.random.default_rng(0)
    keypoints = rng.uniform((0, 0), (63, 95), (1, 30, 2)).astype(np.float32)
    expected = codec.encode(keypoints, np.ones((1, 30), np.float32))['heatmaps']
    points = torch.from_numpy(keypoints / codec.scale_factor)
    rendered = render_gaussians(points, (24, 16), codec.sigma, rounded, truncated)[0]
    np.testing.assert_allclose(rendered, expected, atol=1e-5)


@pytest.mark.parametrize('sigma', [0.5, 2 / 3, 1., 1.1, 1.5, 1.7, 1.8, 2., 2.3, 3])
@pytest.mark.parametrize('kind', [MSRAHeatmap, UDPHeatmap])
def test_rendering_equals_the_codec_at_every_border_for_every_sigma(sigma, kind):
    """MMPose's labels are moved by a pixel where 3 sigma is not whole."""
    codec = kind((64, 96), (16, 24), sigma=sigma)
    x, y = np.meshgrid(np.arange(-7., 72, 3.3), np.arange(-9., 106, 3.7))
    keypoints = np.stack([x, y], -1).reshape(1, -1, 2).astype(np.float32)
    expected = codec.encode(keypoints, np.ones(keypoints.shape[:2], np.float32))['heatmaps']
    points = torch.from_numpy(keypoints / codec.scale_factor)
    rendered = render_gaussians(points, (24, 16), sigma, kind is MSRAHeatmap, True)[0]
    np.testing.assert_allclose(rendered, expected, atol=1e-5)
    assert (expected.max((1, 2)) > 0.5).sum() > 300


def test_where_mmposes_labels_are_off():
    """What docs/data.md says about whole 3 sigma; without it the peak moves."""
    x = np.arange(0, 16)
    keypoints = np.stack([x * 4, np.full(16, 40)], -1)[None].astype(np.float32)

    def peaks(sigma, **kwargs):
        codec = MSRAHeatmap((64, 96), (16, 24), sigma=sigma, **kwargs)
        maps = codec.encode(keypoints, np.ones((1, 16), np.float32))['heatmaps']
        return maps.max(1).argmax(1) - x  # along x

    assert not peaks(2.).any() and not peaks(1.).any() and not peaks(1.5, unbiased=True).any()
    assert peaks(1.5).tolist() == [1] * 5 + [0] * 11  # nearer than 4.5 pixels to the left border
    assert peaks(1.7).tolist() == [0] * 6 + [-1] * 10  # everywhere else


@pytest.mark.parametrize('sigma,kwargs,warns', [
    (1.5, {}, True), (1.7, {}, True), (2, {}, False), (2., {}, False), (2 / 3, {}, False),
    (1.5, dict(unbiased=True), False), (1.5, dict(kind=UDPHeatmap), True)])
def test_a_sigma_that_moves_labels_is_told(sigma, kwargs, warns, monkeypatch):
    from mmpose.models.heads import HeatmapHead
    from torch import nn
    said = []
    monkeypatch.setattr(heatmap, 'print_log', lambda text, **_: said.append(text))
    kind = dict(kwargs).pop('kind', MSRAHeatmap)
    head = HeatmapHead(4, 3, decoder=dict(type='mmpose.' + kind.__name__, input_size=(64, 96),
                                          heatmap_size=(16, 24), sigma=sigma,
                                          **{k: v for k, v in kwargs.items() if k != 'kind'}))
    model = nn.Module()
    model.head = head
    build_readout(model)
    assert len(said) == warns and all('3 sigma is not whole' in text for text in said)


def test_subpixel_peaks_of_gaussians_are_exact():
    points = torch.rand(3, 5, 2) * torch.tensor([24., 16.]) + 3
    maps = render_gaussians(points, (24, 32), sigma=2.)
    found, values = heatmap_peaks(maps)
    assert (found - points).abs().max() < 1e-2
    coarse, coarse_values = heatmap_peaks(maps, subpixel=False)
    assert torch.equal(coarse, points.round()) and torch.equal(values, coarse_values)


def test_peaks_at_the_border_and_of_flat_maps_stay_finite():
    maps = torch.zeros(1, 2, 6, 6)
    maps[0, 0, 0, 5] = 1.
    points, values = heatmap_peaks(maps)
    assert points[0, 0].tolist() == [5., 0.] and torch.isfinite(points).all()
    assert values.tolist() == [[1., 0.]]


def test_confident_keeps_strictly_more_than_the_quantile():
    values = torch.tensor([[0.1, 0.2], [0.3, 0.4]])
    assert confident(values, 0.5).tolist() == [[0, 0], [1, 1]]
    assert confident(values, 0.5, per_joint=True).tolist() == [[0, 0], [1, 1]]
    assert confident(values.flip(0), 0.5, per_joint=True).tolist() == [[1, 1], [0, 0]]
    assert confident(values, 0.).sum() == 4
    assert confident(values, 0., minimum=0.25).tolist() == [[0, 0], [1, 1]]


def test_per_joint_quantile_does_not_starve_a_hard_joint():
    easy, hard = torch.linspace(.8, .9, 8), torch.linspace(.1, .2, 8)
    values = torch.stack([easy, hard], 1)
    assert confident(values, 0.5)[:, 1].sum() == 0
    assert confident(values, 0.5, per_joint=True).sum(0).tolist() == [4, 4]


def test_less_than_one_entry_rejects_nothing():
    """One image a batch and a quantile per joint would otherwise never give a pseudo-label."""
    values = torch.tensor([[0.1, 0.2]])
    assert confident(values, 0.5, per_joint=True).tolist() == [[1, 1]]
    assert confident(values, 0.5, per_joint=True, minimum=0.15).tolist() == [[0, 1]]
    assert confident(values, 0.5).tolist() == [[0, 1]]
    assert confident(values.T, 0.5, per_joint=True).tolist() == [[0], [1]]
