"""The 3D codec: voxel coordinates, flips, depths out of range."""
import numpy as np
import pytest
import torch
from mmengine.logging import MMLogger
from mmpose.registry import KEYPOINT_CODECS

import udapose  # noqa: F401

FLIP = [0, 2, 1, 3]  # joint 0 is the root, 1 and 2 are partners


def build(**kwargs):
    return KEYPOINT_CODECS.build(dict(dict(
        type='RootRelativeHeatmap3D', input_size=(64, 48), heatmap_size=(16, 12, 8),
        depth_range=(-400, 400)), **kwargs))


def cam(depths, root=3000.):
    points = np.zeros((1, len(depths), 3), np.float32)
    points[0, :, 2] = np.array(depths) + root
    return points


@pytest.fixture
def warnings(monkeypatch):
    seen = []
    monkeypatch.setattr(MMLogger.get_current_instance(), 'warning', seen.append)
    return seen


def test_voxel_centres():
    """Voxel 0 of 16 covers input pixels 0 to 3, whose middle is 1.5; of 8 the depths -400..-300."""
    codec = build()
    decoded, scores = codec.decode(np.array([[[0., 0., 0.], [15., 11., 7.], [7.5, 5.5, 3.5]]]))
    np.testing.assert_allclose(
        decoded, [[[1.5, 1.5, -350.], [61.5, 45.5, 350.], [31.5, 23.5, 0.]]])
    assert scores.shape == (1, 3) and (scores == 1).all()


def test_decode_inverts_encode():
    codec = build(depth_range=(-300, 500))
    rng = np.random.default_rng(0)
    keypoints = rng.uniform(0, [63, 47], (1, 4, 2)).astype(np.float32)
    depths = [0, -299, 499, 123]
    encoded = codec.encode(keypoints, np.ones((1, 4)), cam(depths), root_index=0)
    assert encoded['keypoint_labels'].dtype == encoded['keypoint_weights'].dtype == np.float32
    decoded, _ = codec.decode(encoded['keypoint_labels'])
    np.testing.assert_allclose(decoded[..., :2], keypoints, atol=1e-4)
    np.testing.assert_allclose(decoded[..., 2], [depths], atol=1e-3)
    assert encoded['keypoint_weights'].tolist() == [[1, 1, 1, 1]]
    tensor = torch.from_numpy(encoded['keypoint_labels'])
    np.testing.assert_allclose(codec.from_voxels(tensor).numpy(), decoded, atol=1e-3)
    np.testing.assert_allclose(codec.to_voxels(codec.from_voxels(tensor)), tensor, atol=1e-4)


@pytest.mark.parametrize('direction,swapped', [
    ('horizontal', True), ('vertical', True), ('diagonal', False)])
def test_depths_follow_the_joints_of_a_flip(direction, swapped):
    """As MMPose's own flip of the keypoints does it."""
    from mmpose.structures.keypoint import flip_keypoints
    marks = np.arange(4.).reshape(1, 4)
    _, moved = flip_keypoints(np.zeros((1, 4, 2)), marks, (64, 48), FLIP, direction)
    assert (moved.tolist() == [[0, 2, 1, 3]]) == swapped
    codec = build()
    args = dict(keypoints=np.full((1, 4, 2), 9., np.float32), keypoints_cam=cam([0, 80, -90, 10]),
                root_index=0, flip_direction=direction, flip_indices=FLIP)
    z = codec.decode(codec.encode(flip=True, **args)['keypoint_labels'])[0][0, :, 2]
    np.testing.assert_allclose(z, [0, -90, 80, 10] if swapped else [0, 80, -90, 10], atol=1e-3)
    z = codec.decode(codec.encode(flip=False, **args)['keypoint_labels'])[0][0, :, 2]
    np.testing.assert_allclose(z, [0, 80, -90, 10], atol=1e-3)


def test_weights_outside_of_image_and_of_sight(warnings):
    codec = build()
    keypoints = np.array([[[10., 10.], [-1., 10.], [10., 47.6], [63.4, 47.4]]], np.float32)
    encoded = codec.encode(keypoints, np.array([[0., 1., 1., 1.]]), cam([0] * 4), root_index=0)
    assert encoded['keypoint_weights'].tolist() == [[0, 0, 0, 1]]
    assert codec.num_outside == 0 and codec.num_depths == 3 and not warnings


def test_depths_out_of_range_are_counted_reported_and_not_clipped(warnings):
    codec = build()
    keypoints = np.full((1, 4, 2), 9., np.float32)
    encoded = codec.encode(keypoints, np.array([[1, 1, 1, 0]]), cam([0, 401, -399, 900]), 0,
                           img_path='here.png')
    assert encoded['keypoint_weights'].tolist() == [[1, 0, 1, 0]]
    np.testing.assert_allclose(
        codec.decode(encoded['keypoint_labels'])[0][0, :, 2], [0, 401, -399, 900], atol=1e-3)
    assert (codec.num_outside, codec.num_depths) == (1, 3)
    assert len(warnings) == 1 and '1 of 3 depths' in warnings[0] and 'here.png' in warnings[0]
    for _ in range(8):
        codec.encode(keypoints, np.ones((1, 4)), cam([0, 500, 0, 0]), root_index=0)
    assert codec.num_outside == 9 and len(warnings) == 1
    codec.encode(keypoints, np.ones((1, 4)), cam([0, 777, 0, 0]), root_index=0)
    assert len(warnings) == 2 and '10 of 39' in warnings[1] and '777 mm' in warnings[1]


@pytest.mark.parametrize('bad,culprit', [
    (dict(depth_range=(-1.2, 1.2)), 'depth_range=.*in metres'),
    (dict(depth_range=(100, 400)), 'depth_range'), (dict(depth_range=(-400, )), 'depth_range'),
    (dict(heatmap_size=(16, 16)), 'heatmap_size'), (dict(input_size=(64, 0)), 'input_size')])
def test_bad_arguments(bad, culprit):
    with pytest.raises(ValueError, match=culprit):
        build(**bad)


def test_a_sample_without_camera_space():
    with pytest.raises(ValueError, match=r'a/b\.png has no keypoints_cam.*CameraSpaceCocoDataset'):
        build().encode(np.zeros((1, 4, 2)), np.ones((1, 4)), img_path='a/b.png')
