"""3D heads: read-out, losses, flip test, predictions in the camera's space."""
import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from udapose.codecs import project
from udapose.models.heads import soft_argmax
from udapose.models.losses import GaussianHeatmapKLLoss

HEADS = ['VolumetricHeatmapHead', 'DepthMapHeatmapHead']
CODEC = dict(type='RootRelativeHeatmap3D', input_size=(32, 24), heatmap_size=(16, 12, 8),
             depth_range=(-400, 400))
INTRINSICS = np.array([[300., 0., 31.], [0., 310., 25.], [0., 0., 1.]], np.float32)


def build(kind, num_keypoints=5, **kwargs):
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpose'):
        return MODELS.build(dict(dict(
            type=kind, in_channels=8, num_keypoints=num_keypoints, decoder=CODEC,
            deconv_out_channels=(8, ), deconv_kernel_sizes=(4, )), **kwargs))


def features(batch=2):
    return (torch.randn(batch, 8, 6, 8, generator=torch.Generator().manual_seed(1)), )


def samples(batch=2, num_keypoints=5, weight=1., flip_indices=None, **instances):
    rng = np.random.default_rng(0)
    result = []
    for _ in range(batch):
        labels = rng.uniform(0, [15, 11, 7], (1, num_keypoints, 3)).astype(np.float32)
        sample = PoseDataSample(metainfo=dict(
            intrinsics=INTRINSICS, root_index=1, input_size=(32, 24),
            input_center=np.array([32., 24.]),
            input_scale=np.array([64., 48.]), flip_indices=flip_indices or [*range(num_keypoints)],
            input_matrix=np.array([[.5, 0, 0], [0, .5, 0], [0, 0, 1]], np.float32)))
        sample.gt_instance_labels = InstanceData(
            keypoint_labels=torch.from_numpy(labels),
            keypoint_weights=torch.full((1, num_keypoints), weight))
        sample.gt_instances = InstanceData(
            bboxes=np.zeros((1, 4)), bbox_scores=np.ones(1), **instances)
        result.append(sample)
    return result


def gaussians(centers, shape, sigma=1.):
    """Logits of Gaussians, the slow way: (N, K, *shape) for centres (N, K, x first)."""
    grids = torch.meshgrid(*[torch.arange(float(n)) for n in shape], indexing='ij')
    squares = sum((grid - centers[..., -1 - i].reshape(*centers.shape[:2], *[1] * len(shape)))**2
                  for i, grid in enumerate(grids))
    return -squares / (2 * sigma**2)


@pytest.mark.parametrize('shape', [(12, 16), (8, 12, 16)])
def test_soft_argmax_against_a_loop(shape):
    maps = torch.rand(2, 3, *shape, dtype=torch.double)
    maps /= maps.flatten(2).sum(-1).view(2, 3, *[1] * len(shape))
    expected = torch.zeros(2, 3, len(shape), dtype=torch.double)
    for index in np.ndindex(*shape):
        expected += maps[(..., *index)][..., None] * torch.tensor(index[::-1], dtype=torch.double)
    torch.testing.assert_close(soft_argmax(maps), expected)


@pytest.mark.parametrize('num_keypoints', [14, 21])
def test_the_volume_of_a_target_decodes_to_it(num_keypoints):
    head = build('VolumetricHeatmapHead', num_keypoints)
    truth = torch.rand(2, num_keypoints, 3) * torch.tensor([9., 5., 1.]) + 3
    voxels, maps = head.read_out(gaussians(truth, (8, 12, 16)))
    assert (voxels - truth).norm(dim=-1).max() < .1
    torch.testing.assert_close(maps.sum((2, 3)), torch.ones(2, num_keypoints))


def test_maps_of_a_target_decode_to_it():
    head = build('DepthMapHeatmapHead')
    truth = torch.rand(2, 5, 3) * torch.tensor([9., 5., 7.]) + torch.tensor([3., 3., 0.])
    depth_maps = ((truth[..., 2] + .5) / 8 - .5)[..., None, None].expand(-1, -1, 12, 16).clone()
    logits = gaussians(truth[..., :2], (12, 16))
    depth_maps[logits < -12] = 99.  # what is far from the joint does not matter
    voxels, _ = head.read_out((logits, depth_maps))
    assert (voxels - truth).norm(dim=-1).max() < .3


@pytest.mark.parametrize('shape,dims', [((6, 7), 2), ((4, 6, 7), 3)])
def test_divergence_against_the_explicit_one(shape, dims):
    centers = torch.rand(2, 3, dims, dtype=torch.double) * 3
    logits = torch.randn(2, 3, *shape, dtype=torch.double, requires_grad=True)
    weights = torch.tensor([[1., 0., 1.], [.5, 1., 0.]])
    loss = GaussianHeatmapKLLoss(sigma=1.3, loss_weight=2.)(logits, centers, weights)
    target = gaussians(centers, shape, 1.3).flatten(2).softmax(-1)
    divergence = (target * (target.log() - logits.flatten(2).log_softmax(-1))).sum(-1)
    torch.testing.assert_close(loss.double(), 2 * (weights * divergence).sum() / weights.sum(),
                               rtol=1e-4, atol=1e-5)
    loss.backward()
    norms = logits.grad.flatten(2).norm(dim=-1)
    assert ((norms == 0) == (weights == 0)).all()
    same = GaussianHeatmapKLLoss(1.3)(gaussians(centers, shape, 1.3), centers, torch.ones(2, 3))
    assert abs(same) < 1e-5
    nothing = GaussianHeatmapKLLoss()(logits, centers, torch.zeros(2, 3))
    assert nothing == 0
    with pytest.raises(ValueError, match='sigma'):
        GaussianHeatmapKLLoss(sigma=0)


@pytest.mark.parametrize('kind', HEADS)
def test_training_reaches_the_target(kind):
    """The loss of one batch falls to nearly nothing and its poses come within a voxel."""
    head = build(kind, heatmap_loss=dict(type='GaussianHeatmapKLLoss', loss_weight=.1))
    head.init_weights()
    feats, batch = features(), samples()
    optimizer = torch.optim.Adam(head.parameters(), lr=3e-2)
    first = None
    for _ in range(80):
        losses = head.loss(feats, batch)
        total = sum(losses.values())
        first = total.detach() if first is None else first
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
    assert set(losses) == {'loss_kpt', 'loss_heatmap'} | (
        {'loss_depth'} if kind == HEADS[1] else set())
    truth = torch.cat([s.gt_instance_labels.keypoint_labels for s in batch])
    voxels, _ = head.read_out(head.forward(feats))
    assert total.detach() < .5 * first
    assert (voxels - truth).norm(dim=-1).mean() < 1


@pytest.mark.parametrize('kind', HEADS)
def test_invisible_joints_have_no_gradient(kind):
    """Of the outputs, hence of no parameter either."""
    head = build(kind, heatmap_loss=dict(type='GaussianHeatmapKLLoss'))
    batch = samples()
    for sample in batch:
        sample.gt_instance_labels.keypoint_weights[0, 3] = 0
    outputs = []
    forward = head.forward

    def recorded(feats):
        output = forward(feats)
        outputs.extend(output if isinstance(output, tuple) else [output])
        for tensor in outputs:
            tensor.retain_grad()
        return output

    head.forward = recorded
    sum(head.loss(features(), batch).values()).backward()
    for tensor in outputs:
        norms = tensor.grad.flatten(2).norm(dim=-1)
        assert (norms[:, 3] == 0).all() and (norms[:, [0, 1, 2, 4]] > 0).all()


@pytest.mark.parametrize('kind', HEADS)
def test_predictions_project_onto_their_pixels(kind):
    """Through MMPose's estimator: original pixels, millimetres, and both agree with the camera."""
    head = build(kind)
    truth = np.random.default_rng(2).uniform([-50, -50, 900], [50, 50, 1100], (1, 5, 3))
    batch = samples(keypoints_cam=truth.astype(np.float32))
    estimator = build_estimator(head)
    predicted = estimator.add_pred_to_datasample(
        head.predict(features(), batch), None, batch)
    for sample in predicted:
        found = sample.pred_instances
        assert found.keypoints.shape == (1, 5, 2) and found.keypoints_cam.shape == (1, 5, 3)
        assert found.keypoint_depths.shape == found.keypoint_scores.shape == (1, 5)
        assert ((found.keypoint_scores > 0) & (found.keypoint_scores <= 1)).all()
        np.testing.assert_allclose(project(found.keypoints_cam, INTRINSICS), found.keypoints,
                                   atol=1e-2)
        np.testing.assert_allclose(found.keypoints_cam[..., 2],
                                   truth[:, 1, 2, None] + found.keypoint_depths, rtol=1e-5)


def build_estimator(head):
    from mmpose.models import TopdownPoseEstimator
    with DefaultScope.overwrite_default_scope('mmpose'):
        estimator = TopdownPoseEstimator(
            backbone=dict(type='ResNet', depth=18),
            head=dict(type='HeatmapHead', in_channels=8, out_channels=5))
    estimator.head = head
    return estimator


def test_the_roots_depth():
    head = build('DepthMapHeatmapHead')
    assert 'keypoints_cam' not in head.predict(features(), samples())[0]
    given = head.predict(features(), samples(), test_cfg=dict(root_depth=750.))[0]
    np.testing.assert_allclose(given.keypoints_cam[..., 2], 750 + given.keypoint_depths, rtol=1e-5)
    bare = PoseDataSample(metainfo=dict(root_index=1))  # no camera
    bare.gt_instances = InstanceData(keypoints_cam=np.full((1, 5, 3), 500., np.float32))
    assert 'keypoints_cam' not in head.predict(features(1), [bare])[0]


@pytest.mark.parametrize('kind', HEADS)
def test_flip_test_mirrors_and_swaps(kind):
    """With features of the mirrored image equal to mirrored features and a head that is symmetric
    (1x1 kernels, partners share weights), both passes agree; and the mirrored image's prediction is
    the mirrored, swapped one."""
    swap = [0, 2, 1, 4, 3]
    head = build(kind, deconv_out_channels=None, deconv_kernel_sizes=None,
                 decoder=dict(CODEC, heatmap_size=(8, 6, 8)))
    with torch.no_grad():
        torch.nn.init.normal_(head.final_layer.weight)
        head.final_layer.bias.zero_()
        order = torch.arange(head.final_layer.out_channels)
        order = order.view(5, -1)[swap].flatten() if kind == HEADS[0] else order.view(
            2, 5)[:, swap].flatten()
        weight = head.final_layer.weight
        # the second half of the channels is the mirrored body half's view of the first
        flipped = torch.cat([weight[:, 4:], weight[:, :4]], 1)[order]
        weight.copy_((weight + flipped) / 2)
    x = features()[0]
    mirrored = torch.cat([x[:, 4:], x[:, :4]], 1).flip(-1)  # an equivariant backbone
    batch = samples(flip_indices=swap, keypoints_cam=np.full((1, 5, 3), 900., np.float32))
    plain = head.predict((x, ), batch)
    both = head.predict([(x, ), (mirrored, )], batch, dict(flip_test=True))
    other = head.predict((mirrored, ), batch)
    for a, b, c in zip(plain, both, other):
        for key in ('keypoints', 'keypoint_depths', 'keypoint_scores', 'keypoints_cam'):
            np.testing.assert_allclose(a[key], b[key], rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(31 - c.keypoints[:, swap, 0], a.keypoints[..., 0], atol=1e-3)
        np.testing.assert_allclose(c.keypoint_depths[:, swap], a.keypoint_depths, atol=1e-2)
    assert np.abs(plain[0].keypoint_depths).max() > 1  # not all in the middle


def test_flip_test_averages():
    head = build('VolumetricHeatmapHead', final_layer=dict(kernel_size=1))
    torch.nn.init.normal_(head.final_layer.weight)
    a, b = features()[0], features()[0].roll(1, 0)
    batch = samples()
    first, second = head.predict((a, ), batch)[0], head.predict((b, ), batch)[0]
    both, fields = head.predict([(a, ), (b, )], batch, dict(flip_test=True, output_heatmaps=True))
    np.testing.assert_allclose(
        both[0].keypoints[..., 0], (first.keypoints[..., 0] + 31 - second.keypoints[..., 0]) / 2,
        rtol=1e-4)
    np.testing.assert_allclose(
        both[0].keypoint_depths, (first.keypoint_depths + second.keypoint_depths) / 2, atol=1e-2)
    assert fields[0].heatmaps.shape == (5, 12, 16)
    torch.testing.assert_close(fields[0].heatmaps.sum((1, 2)), torch.ones(5))


@pytest.mark.parametrize('num_keypoints', [14, 16, 17, 21, 22])
@pytest.mark.parametrize('kind', HEADS)
def test_shapes_and_half_precision(kind, num_keypoints):
    head = build(kind, num_keypoints)
    output = head.forward(features())
    if kind == HEADS[0]:
        assert output.shape == (2, num_keypoints, 8, 12, 16)
    else:
        assert [o.shape for o in output] == [(2, num_keypoints, 12, 16)] * 2
    with torch.autocast('cpu', torch.bfloat16):
        losses = head.loss(features(), samples(num_keypoints=num_keypoints))
    assert all(v.dtype == torch.float32 and torch.isfinite(v) for v in losses.values())


@pytest.mark.parametrize('kind', HEADS)
def test_autocast_does_not_round_coordinates(kind):
    """bfloat16 has 8 bits: a coordinate of 60 would be off by up to 0.25 voxels."""
    head = build(kind)
    output = head.forward(features())
    exact = head.read_out(output)[0]
    loss = GaussianHeatmapKLLoss()
    volume = torch.randn(2, 3, 8, 12, 64)
    points = torch.rand(2, 3, 3) * torch.tensor([63., 11., 7.])
    with torch.autocast('cpu', torch.bfloat16):
        rounded = head.read_out(output)[0]
        assert rounded.dtype == torch.float32
        torch.testing.assert_close(rounded, exact, rtol=1e-6, atol=1e-5)
        divergence = loss(volume, points, torch.ones(2, 3))
    torch.testing.assert_close(divergence, loss(volume, points, torch.ones(2, 3)))


@pytest.mark.parametrize('kind', HEADS)
def test_bad_configs(kind):
    for decoder in (None, dict(type='MSRAHeatmap', input_size=(32, 24), heatmap_size=(8, 6))):
        with pytest.raises(ValueError, match=f'{kind} needs a 3D codec'):
            build(kind, decoder=decoder)
    head = build(kind, decoder=dict(CODEC, heatmap_size=(8, 6, 8)))
    with pytest.raises(ValueError, match=r'maps of 16 x 12 from features of 8 x 6.*\(8, 6, 8\)'):
        head.forward(features())


@pytest.mark.parametrize('kind', HEADS)
def test_other_crops_codecs_and_joints_are_named(kind):
    """All of them had a loss, or PyTorch's message about sizes, and gave wrong poses."""
    head, volume = build(kind), ((32, 24), (16, 12, 8), (-400., 400.))
    assert head.decoder.volume == volume
    batch = samples()
    batch[1].set_metainfo(dict(codec_volume=volume))
    head.loss(features(), batch)
    for other in (((32, 24), (16, 12, 8), (-800., 800.)), ((32, 24), (16, 12, 16), (-400., 400.))):
        batch[1].set_metainfo(dict(codec_volume=other, img_path='b.png'))
        with pytest.raises(ValueError, match='labels of b.png .*GenerateTarget .*the same codec'):
            head.loss(features(), batch)
    for labels in (True, False):
        batch = samples()
        batch[1].set_metainfo(dict(input_size=(48, 24)))
        with pytest.raises(ValueError, match=r'48 x 24 \(width, height\), but .*=\(32, 24\)'):
            head.loss(features(), batch) if labels else head.predict(features(), batch)
    with pytest.raises(ValueError, match=f'has 6 joints, but num_keypoints=5 of {kind}'):
        head.loss(features(), samples(num_keypoints=6))
