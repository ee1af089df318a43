"""The reader of exported models: its crop and decoders are MMPose's. Needs no onnxruntime."""
import ast
import sys
from pathlib import Path

import numpy as np
import pytest
from mmpose.registry import KEYPOINT_CODECS, TRANSFORMS

from udapose.deploy import pose_onnx
from udapose.deploy.description import decoder_of, family_of, rtmlib_class

SIZE, MAP = (48, 64), (24, 32)  # width, height
CODECS = dict(
    quarter=dict(type='MSRAHeatmap', heatmap_size=MAP, sigma=2),
    dark=dict(type='MSRAHeatmap', heatmap_size=MAP, sigma=2, unbiased=True),
    dark_udp=dict(type='UDPHeatmap', heatmap_size=MAP, sigma=2),
    udp_offsets=dict(type='UDPHeatmap', heatmap_size=MAP, heatmap_type='combined',
                     blur_kernel_size=3),
    megvii=dict(type='MegviiHeatmap', heatmap_size=MAP, kernel_size=11))


def maps_with_peaks(channels, seed):
    """Gaussians at random places, some at or beyond the border, with noise on them."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:MAP[1], :MAP[0]]
    centres = rng.uniform(-3, np.array(MAP) + 3, (channels, 2))
    maps = np.exp(-((x - centres[:, :1, None])**2 + (y - centres[:, 1:, None])**2) / 8)
    return (maps + 0.01 * rng.normal(size=maps.shape)).astype(np.float32)


@pytest.mark.parametrize('kind', CODECS)
def test_heatmap_decoders_give_what_mmposes_codecs_give(kind):
    codec = KEYPOINT_CODECS.build(dict(CODECS[kind], input_size=SIZE))
    decoder = decoder_of(codec)
    assert decoder['kind'] == kind and family_of(decoder) == 'maps'
    maps = np.stack([maps_with_peaks(51, seed) for seed in (0, 1)])
    maps *= 255 if kind == 'megvii' else 1
    points, scores = pose_onnx.decode([maps], dict(decoder=decoder))
    for n in (0, 1):
        expected, expected_scores = codec.decode(maps[n].copy())
        np.testing.assert_allclose(points[n], expected[0], atol=2e-3)
        np.testing.assert_allclose(scores[n], expected_scores[0], rtol=1e-5)


def test_a_map_without_a_positive_value_has_no_position():
    points, scores = pose_onnx.decode_quarter(-np.ones((1, 2, 8, 6), np.float32), (2., 2.))
    assert (points == -2).all() and (scores == -1).all()


@pytest.mark.parametrize('use_dark', [False, True])
def test_the_simcc_decoder_gives_what_mmposes_codec_gives(use_dark):
    codec = KEYPOINT_CODECS.build(dict(type='SimCCLabel', input_size=SIZE, sigma=(4.9, 5.66),
                                       simcc_split_ratio=2., use_dark=use_dark, normalize=False))
    decoder, rng = decoder_of(codec), np.random.default_rng(0)
    assert ('blur' in decoder) == use_dark
    profiles = []
    for bins in (96, 128):
        centres = rng.uniform(3, bins - 4, (2, 40, 1))
        profiles.append((np.exp(-(np.arange(bins) - centres)**2 / 50)
                         + 0.01 * rng.normal(size=(2, 40, bins))).astype(np.float32))
    points, scores = pose_onnx.decode(profiles, dict(decoder=decoder))
    expected, expected_scores = codec.decode(*(p.copy() for p in profiles))
    np.testing.assert_allclose(points, expected, atol=2e-3)
    np.testing.assert_allclose(scores, expected_scores, rtol=1e-5)


def test_regressed_points_stay_and_chosen_joints_are_taken():
    points = np.arange(12, dtype=np.float32).reshape(1, 6, 2)
    description = dict(decoder=dict(kind='points'), keypoint_indices=[4, 0])
    found, scores = pose_onnx.decode([points, points[..., 0]], description)
    assert found.tolist() == [[[8, 9], [0, 1]]] and scores.tolist() == [[8, 0]]


@pytest.mark.parametrize('udp', [False, True])
@pytest.mark.parametrize('box', [[10.5, 7, 61, 90.25], [-20, 40, 150, 60]])
def test_the_crop_is_the_pipelines(udp, box):
    image = np.random.default_rng(0).integers(0, 256, (100, 120, 3), np.uint8)
    description = dict(crop=dict(padding=1.1, udp=udp),
                       input=dict(width=SIZE[0], height=SIZE[1], channel_order='rgb',
                                  mean=[10, 20, 30], std=[1, 2, 3]))
    results = dict(img=image, bbox=np.array([box], np.float32))
    for step in (dict(type='GetBBoxCenterScale', padding=1.1),
                 dict(type='TopdownAffine', input_size=SIZE, use_udp=udp)):
        results = TRANSFORMS.build(step)(results)
    centre, size = pose_onnx.region(box, description)
    np.testing.assert_allclose(centre, results['input_center'])
    np.testing.assert_allclose(size, results['input_scale'], rtol=1e-6)
    crop = pose_onnx.crop(image, centre, size, description)
    # both matrices are float32 products of different formulas: a 1/32 pixel of OpenCV's grid
    assert np.abs(crop.astype(int) - results['img']).mean() < 0.5
    back = pose_onnx.to_image(np.array([(0, 0), SIZE]), centre, size, description)
    np.testing.assert_allclose(back, [centre - size / 2, centre + size / 2], rtol=1e-6)

    values = pose_onnx.normalize(crop[None], description)
    assert values.dtype == np.float32 and values.shape == (1, 3, SIZE[1], SIZE[0])
    np.testing.assert_allclose(values[0, 0], crop[..., 2] - 10.)  # red, by the first mean
    np.testing.assert_allclose(values[0, 2], (crop[..., 0] - 30.) / 3, rtol=1e-6)


def test_a_codec_without_a_decoder_is_refused():
    codec = KEYPOINT_CODECS.build(dict(type='SPR', input_size=SIZE, heatmap_size=MAP))
    with pytest.raises(ValueError, match='codec SPR is not supported: only .*SimCCLabel'):
        decoder_of(codec)


def test_rtmlib_is_named_only_where_its_fixed_settings_fit():
    crop = dict(padding=1.25, udp=False)
    assert rtmlib_class(dict(kind='simcc', ratio=2.), crop) == 'RTMPose'
    assert rtmlib_class(dict(kind='simcc', ratio=3.), crop) is None
    assert rtmlib_class(dict(kind='simcc', ratio=2.), dict(crop, padding=1.)) is None
    assert rtmlib_class(dict(kind='simcc', ratio=2., blur=[3, 3]), crop) is None
    assert rtmlib_class(dict(kind='dark_udp', blur=11), crop) == 'ViTPose'
    assert rtmlib_class(dict(kind='quarter'), crop) is None


def test_the_reader_imports_nothing_that_a_device_lacks():
    tree = ast.parse(Path(pose_onnx.__file__).read_text(encoding='utf-8'))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import)
             for alias in node.names}
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    allowed = {'numpy', 'cv2', 'onnxruntime', '__future__'} | set(sys.stdlib_module_names)
    assert not {name.partition('.')[0] for name in names | modules} - allowed
