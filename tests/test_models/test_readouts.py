"""Readouts: points and labels of every codec family against MMPose's own codecs and heads."""
import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.registry import KEYPOINT_CODECS, MODELS
from mmpose.structures import PoseDataSample
from test_mean_teacher import fixed, rotated
from torch import nn

from udapose.models.readouts import Readout, build_readout, register_readout
from udapose.models.utils.warp import transform_points

SIZE, FLIP = (64, 32), [0, 2, 1]  # input width, height; joints 1 and 2 are a pair
GAU = dict(hidden_dims=16, s=8, expansion_factor=2, dropout_rate=0., drop_path=0.,
           act_fn='SiLU', use_rel_bias=False, pos_enc=False)
SIMCC = dict(type='SimCCLabel', input_size=SIZE, sigma=(3., 2.5), simcc_split_ratio=2.,
             normalize=False)
RTM_LOSS = dict(type='KLDiscretLoss', use_target_weight=True, beta=10., label_softmax=True)
IPR = dict(type='IntegralRegressionLabel', input_size=SIZE, heatmap_size=(16, 8), sigma=1.)
REGRESSION = dict(type='RegressionLabel', input_size=SIZE)
DECONV = dict(deconv_out_channels=(8,) * 3, deconv_kernel_sizes=(4,) * 3)

HEADS = dict(
    rtmcc=dict(type='RTMCCHead', in_channels=32, out_channels=3, input_size=SIZE,
               in_featuremap_size=(2, 1), gau_cfg=GAU, loss=RTM_LOSS, decoder=SIMCC),
    simcc=dict(type='SimCCHead', in_channels=32, out_channels=3, input_size=SIZE,
               in_featuremap_size=(2, 1), loss=dict(type='KLDiscretLoss', use_target_weight=True),
               decoder=dict(SIMCC, normalize=True), deconv_out_channels=(16, 16, 16)),
    simcc_standard=dict(type='SimCCHead', in_channels=32, out_channels=3, input_size=SIZE,
                        in_featuremap_size=(2, 1),
                        loss=dict(type='KLDiscretLoss', use_target_weight=True),
                        decoder=dict(SIMCC, smoothing_type='standard', label_smooth_weight=0.1),
                        deconv_out_channels=(16, 16, 16)),
    regression=dict(type='RegressionHead', in_channels=32, num_joints=3,
                    loss=dict(type='SmoothL1Loss', use_target_weight=True), decoder=REGRESSION),
    rle=dict(type='RLEHead', in_channels=32, num_joints=3,
             loss=dict(type='RLELoss', use_target_weight=True), decoder=REGRESSION),
    integral=dict(type='IntegralRegressionHead', in_channels=32, num_joints=3,
                  in_featuremap_size=(2, 1), decoder=IPR, **DECONV,
                  loss=dict(type='SmoothL1Loss', use_target_weight=True)),
    dsnt=dict(type='DSNTHead', in_channels=32, num_joints=3, in_featuremap_size=(2, 1),
              decoder=IPR, **DECONV, loss=dict(type='MultipleLossWrapper', losses=[
                  dict(type='SmoothL1Loss', use_target_weight=True),
                  dict(type='JSDiscretLoss', use_target_weight=True)])),
    heatmap=dict(type='HeatmapHead', in_channels=32, out_channels=3, **DECONV,
                 loss=dict(type='KeypointMSELoss', use_target_weight=True),
                 decoder=dict(type='MSRAHeatmap', input_size=SIZE, heatmap_size=(16, 8),
                              sigma=1.)),
)
FAMILIES = [*HEADS]


def plain_config(name, neck=True):
    cfg = dict(type='TopdownPoseEstimator', head=copy.deepcopy(HEADS[name]),
               backbone=dict(type='ResNet', depth=18, base_channels=4, stem_channels=4))
    if name in ('regression', 'rle'):
        cfg['neck'] = dict(type='GlobalAveragePooling')
    return cfg


def encode(codec, points, visible=None):
    """A labelled sample; points (K, 2) in input pixels."""
    codec = KEYPOINT_CODECS.build(codec)
    visible = np.ones((1, len(points)), np.float32) if visible is None else visible
    made = codec.encode(points[None].astype(np.float32), visible)
    sample = PoseDataSample(metainfo=dict(flip_indices=FLIP, flip=False, input_size=SIZE,
                                          input_matrix=np.eye(3, dtype=np.float32)))
    fields = {k: torch.from_numpy(made.pop(k)) for k in ('heatmaps',) if k in made}
    sample.gt_fields = PixelData(**fields)
    sample.gt_instance_labels = InstanceData(
        **{k: torch.from_numpy(np.asarray(v)) for k, v in made.items()})
    return sample


POINTS = np.array([[10.3, 9.2], [30.7, 20.1], [22.2, 15.6]])


def two_domains(codec, matrix=None, flip=False):
    g = torch.Generator().manual_seed(1)
    inputs = {k: torch.randn(2, 3, SIZE[1], SIZE[0], generator=g)
              for k in ('source', 'target_teacher', 'target_student')}
    samples = {k: [encode(codec, POINTS + i) for i in range(2)] for k in inputs}
    if matrix is not None:
        for sample in samples['target_student']:
            sample.set_metainfo(dict(input_matrix=matrix, flip=flip))
    return inputs, samples


def build(name, **kwargs):
    torch.manual_seed(0)
    model = MODELS.build(dict(type='MeanTeacherPoseEstimator',
                              pose_estimator=plain_config(name), **kwargs))
    model.init_weights()
    if name in ('regression', 'rle'):  # a head that predicts the middle, not the corner
        model.student.head.fc.bias.data.fill_(0.5)
        model.copy_student_to_teacher()
    return model.train()


# ------------------------------------------------------------------ points and labels
@pytest.mark.parametrize('name', FAMILIES)
def test_targets_are_the_codecs_labels(name):
    """Written for points anywhere in the view, at half pixels too."""
    readout = build_readout(MODELS.build(plain_config(name)))
    points = np.random.default_rng(0).uniform(0, [SIZE[0] - 1, SIZE[1] - 1], (50, 3, 2))
    samples = [encode(HEADS[name]['decoder'], p) for p in points]
    given = torch.from_numpy(points).float() / torch.as_tensor(readout.scale_factor).float()
    found, expected = readout.targets(given), readout.labels(samples)
    if isinstance(found, torch.Tensor):
        found, expected = [found], [expected]
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b.float(), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize('name', FAMILIES)
def test_points_of_a_perfect_output_are_the_labels_points(name):
    readout = build_readout(MODELS.build(plain_config(name)))
    points = torch.from_numpy(POINTS).float()[None]
    scale = torch.as_tensor(readout.scale_factor).float()
    output = readout.targets(points / scale)
    if name == 'rle':
        output = torch.cat([output, torch.full_like(output, -9.)], -1)
    elif readout.kind == 'profiles' and readout.label_beta is None:
        output = [p.clamp(min=1e-9).log() / readout.beta for p in output]  # softmax gives it back
    found, confidence = readout.points(output)
    tolerance = {'profiles': 0.26, 'maps': 2.01}.get(readout.kind, 1e-4)  # half of a bin, of a cell
    assert (found * scale - points).abs().max() < tolerance
    if readout.kind == 'profiles' or name in ('rle', 'regression', 'heatmap'):
        torch.testing.assert_close(confidence, torch.ones(1, 3), atol=1e-3, rtol=0)
    own = readout.label_points([encode(HEADS[name]['decoder'], POINTS)])
    assert (own * scale - points).abs().max() < tolerance


def test_labels_that_are_missing_have_no_points():
    readout = build_readout(MODELS.build(plain_config('rtmcc')))
    visible = np.array([[1., 0., 1.]], np.float32)
    found = readout.label_points([encode(SIMCC, POINTS, visible)])
    assert found.isnan().any(-1).tolist() == [[False, True, False]]


def test_simcc_points_equal_mmposes_decoding_to_a_bin():
    readout = build_readout(MODELS.build(plain_config('rtmcc')))
    output = [torch.randn(4, 3, n, generator=torch.Generator().manual_seed(n)) for n in (128, 64)]
    expected, _ = readout.codec.decode(*(o.numpy() for o in output))
    torch.testing.assert_close(readout.points(output, subpixel=False)[0],
                               torch.from_numpy(expected))
    refined = readout.points(output)[0]
    assert (refined - torch.from_numpy(expected)).abs().max() <= 0.25  # half a bin


def test_simcc_confidence_falls_with_the_flatter_axis():
    readout = build_readout(MODELS.build(plain_config('rtmcc')))
    sharp = [label[:, :1] for label in readout.targets(torch.tensor([[[20., 15.]]]))]
    flat = [torch.zeros_like(label) for label in sharp]
    confidence = [float(readout.points([x, y])[1]) for x, y in
                  ((sharp[0], sharp[1]), (sharp[0], flat[1]), (0.5 * sharp[0], sharp[1]))]
    assert confidence[0] == pytest.approx(1, abs=1e-5)
    assert confidence[1] < confidence[2] < 0.6


@pytest.mark.parametrize('kernel', [5, 7, 11])
def test_megvii_labels_and_points(kernel):
    """MSPN's codec: the pixel that holds the joint, height 255."""
    codec = dict(type='MegviiHeatmap', input_size=SIZE, heatmap_size=(32, 16), kernel_size=kernel)
    head = nn.Module()
    head.decoder = KEYPOINT_CODECS.build(codec)
    readout = build_readout_of(head)
    points = np.random.default_rng(0).uniform(12, [51, 19], (20, 3, 2))  # away from the border
    expected = torch.stack([encode(codec, p).gt_fields.heatmaps for p in points])
    given = torch.from_numpy(points).float() / 2
    found = readout.targets(given)
    torch.testing.assert_close(found, expected, atol=1e-2, rtol=1e-4)
    read, confidence = readout.points(expected)
    assert (read - given).abs().max() <= 0.51 and torch.allclose(confidence, torch.ones(20, 3))


def build_readout_of(head):
    estimator = nn.Module()
    estimator.head = head
    return build_readout(estimator)


# ------------------------------------------------------------------ losses and steps
@pytest.mark.parametrize('name', FAMILIES)
def test_source_loss_equals_the_heads_own(name):
    model = build(name, train_cfg=dict(joint_forward=False))
    inputs, samples = two_domains(HEADS[name]['decoder'])
    plain = copy.deepcopy(model.student)
    expected = plain.loss(inputs['source'], samples['source'])
    losses = model.loss(inputs, samples)
    torch.testing.assert_close(losses['loss_kpt'], expected['loss_kpt'])
    assert 'forward' not in vars(model.student.head)  # nothing was borrowed


@pytest.mark.parametrize('name', FAMILIES)
def test_the_consistency_of_a_student_that_repeats_the_labels_is_the_heads_loss(name):
    """Pseudo-labels that equal the labels cost what the labels cost."""
    model = build(name, consistency=dict(type='HeadConsistencyLoss'))
    inputs, samples = two_domains(HEADS[name]['decoder'])
    readout, head = model.readout, model.student.head
    feats = model.student.extract_feat(inputs['source'])
    output = head.forward(feats)
    points = torch.from_numpy(np.stack([POINTS, POINTS + 1])).float() / torch.as_tensor(
        readout.scale_factor).float()
    found = readout.head_loss(head, output, readout.targets(points), torch.ones(2, 3))
    expected = head.loss(feats, samples['source'], train_cfg={})['loss_kpt']
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize('name', FAMILIES)
def test_a_step_trains_the_student_only_and_learns_from_the_target(name):
    model = build(name, train_cfg=dict(confidence_quantile=0.))
    losses = model.loss(*two_domains(HEADS[name]['decoder']))
    assert {'loss_kpt', 'loss_consistency', 'pseudo_coverage', 'pseudo_confidence',
            'pseudo_spread'} == set(losses) - {'acc_pose'}  # DSNT's own
    assert losses['pseudo_coverage'] > 0
    losses['loss_consistency'].backward()
    assert sum(p.grad.abs().sum() for p in model.student.parameters()
               if p.grad is not None) > 0
    assert all(p.grad is None for p in model.teacher.parameters())


@pytest.mark.parametrize('name', FAMILIES)
def test_joints_that_do_not_count_leave_the_gradient_finite(name):
    """DSNT's loss in MMPose makes NaN of a weight of 0."""
    model = build(name)
    inputs, samples = two_domains(HEADS[name]['decoder'])
    samples['source'][0] = encode(HEADS[name]['decoder'], POINTS,
                                  np.array([[1, 0, 1]], np.float32))
    forward, rejected = model.forward_teacher, torch.tensor([[1., 0., 0.], [0., 1., 1.]])

    def reject(*args):
        teacher, geometry, pseudo = forward(*args)
        return teacher, geometry, replace(pseudo, frame_weights=rejected)
    model.forward_teacher = reject
    for key in ('loss_kpt', 'loss_consistency'):
        losses = model.loss(inputs, samples)
        assert torch.isfinite(losses[key])
        model.zero_grad()
        losses[key].backward()
        grads = [p.grad for p in model.student.parameters() if p.grad is not None]
        assert grads and all(torch.isfinite(g).all() for g in grads), key


@pytest.mark.parametrize('name', ['rtmcc', 'rle', 'integral', 'heatmap'])
@pytest.mark.parametrize('flip', [False, True])
def test_pseudo_labels_follow_the_views(name, flip):
    """A known output of the teacher, a known view: points are transformed, pairs exchanged."""
    model = build(name, train_cfg=dict(
        confidence_quantile=0., **(dict(peaks_from='teacher') if name == 'heatmap' else {})))
    readout = model.readout
    scale = torch.as_tensor(readout.scale_factor).float()
    points = torch.from_numpy(POINTS).float()
    output = readout.targets(points[None].repeat(2, 1, 1) / scale)
    if name == 'rle':
        output = torch.cat([output, torch.zeros_like(output)], -1)
    model.teacher.head.forward = fixed(output)
    move = rotated(20, flip)  # around (15.5, 15.5)
    inputs, samples = two_domains(HEADS[name]['decoder'], move, flip)
    _, _, pseudo = model.forward_teacher(inputs, samples)
    expected = transform_points(points[None], torch.from_numpy(move)[None])[0]
    expected = expected[FLIP] if flip else expected
    visible = ((expected > 0) & (expected < torch.tensor(SIZE) - 1)).all(-1)
    assert visible.any()
    tolerance = {'profiles': 0.4, 'maps': 2.9}.get(readout.kind, 1e-3)
    assert (pseudo.points[0] - expected)[visible].norm(dim=-1).max() < tolerance
    assert pseudo.weights[0][visible].eq(1).all()


def test_stages_before_the_last_one_are_read_over():
    """Hourglass and CPM return a heatmap for each stage."""
    readout = build_readout(MODELS.build(plain_config('heatmap')))
    stages = [torch.randn(2, 3, 8, 16) for _ in range(3)]
    for a, b in zip(readout.points(stages), readout.points(stages[-1]), strict=True):
        assert torch.equal(a, b)


def test_bfloat16_steps_are_finite():
    for name in ('rtmcc', 'rle', 'integral'):
        model = build(name)
        with torch.autocast('cpu', torch.bfloat16):
            losses = model.loss(*two_domains(HEADS[name]['decoder']))
        assert all(torch.isfinite(v).all() for v in losses.values())


@pytest.mark.parametrize('name', ['rtmcc', 'integral', 'regression'])  # MMPose's RLE loss does
def test_a_step_reads_nothing_back_from_the_device(name):
    from torch.utils._python_dispatch import TorchDispatchMode

    class Record(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            names.append(func.overloadpacket.__name__)
            return func(*args, **(kwargs or {}))

    names, model = [], build(name)
    batch = two_domains(HEADS[name]['decoder'])
    with Record():
        sum(v for k, v in model.loss(*batch).items() if 'loss' in k).backward()
    assert not {'_local_scalar_dense', 'nonzero', 'is_nonzero', 'masked_select'} & set(names)


# ------------------------------------------------------------------ what does not fit
@pytest.mark.parametrize('key,value', [('peaks_from', 'warped'), ('compare_frame', 'base')])
def test_warps_of_what_is_no_map_are_refused(key, value):
    with pytest.raises(ValueError, match=rf'train_cfg.{key}.*predicts profiles \(SimCCLabel\)'):
        build('rtmcc', train_cfg={key: value})


def test_losses_of_other_kinds_are_refused():
    with pytest.raises(ValueError, match='HeatmapConsistencyLoss understands maps.*RTMCCHead'):
        build('rtmcc', consistency=dict(type='HeatmapConsistencyLoss'))
    with pytest.raises(ValueError, match='pose: InformationMaximizationLoss understands maps, pro'):
        build('rle', alignments=dict(pose=dict(type='InformationMaximizationLoss')))


def test_a_head_around_a_head_is_told_to_give_the_inner_one():
    cfg = plain_config('heatmap')
    cfg['head'] = dict(type='VisPredictHead', pose_cfg=cfg['head'])
    with pytest.raises(ValueError, match='VisPredictHead predicts visibility.* HeatmapHead alone'):
        build_readout(MODELS.build(cfg))


def test_a_codec_without_readout_lists_those_that_exist():
    head = nn.Module()
    head.decoder = KEYPOINT_CODECS.build(dict(
        type='DecoupledHeatmap', input_size=SIZE, heatmap_size=(16, 8)))
    with pytest.raises(ValueError, match='DecoupledHeatmap: no readout.*MSRAHeatmap.*SimCCLabel'):
        build_readout_of(head)
    with pytest.raises(ValueError, match='has no head'):
        build_readout(nn.Module())


def test_a_distiller_is_told_to_name_its_student():
    distiller = dict(type='DWPoseDistiller', student_cfg='configs/student.py', teacher_cfg='t.py')
    with pytest.raises(ValueError, match='distiller.*the model of configs/student.py'):
        MODELS.build(dict(type='MeanTeacherPoseEstimator', pose_estimator=distiller))


def test_profiles_that_do_not_fit_the_codec_are_named():
    model = build('rtmcc')
    inputs, samples = two_domains(dict(SIMCC, simcc_split_ratio=1.))
    with pytest.raises(ValueError, match=r'label profiles have shape \(3, 64\).*\(3, 128\)'):
        model.loss(inputs, samples)


def test_a_subclass_of_a_codec_is_read_like_its_parent():
    codec = KEYPOINT_CODECS.build(dict(type='MSRAHeatmap', input_size=SIZE, heatmap_size=(16, 8),
                                       sigma=1.))
    head = nn.Module()
    head.decoder = type('Mine', (type(codec),), {})(SIZE, (16, 8), 1.)
    parent = nn.Module()
    parent.decoder = codec
    points = torch.rand(2, 3, 2) * 8
    mine, own = (build_readout_of(h).targets(points) for h in (head, parent))
    assert torch.equal(mine, own)


def test_an_own_codec_registers_its_readout():
    class Codec:
        input_size = SIZE

    @register_readout(Codec)
    class Mine(Readout):
        def points(self, output, subpixel=True):
            return output, torch.ones_like(output[..., 0])

    head = nn.Module()
    head.decoder = type('Child', (Codec,), {})()
    readout = build_readout_of(head)
    assert isinstance(readout, Mine) and readout.size == (32, 64)


def test_a_head_without_confidence_accepts_all_that_is_in_view():
    model = build('regression', train_cfg=dict(confidence_quantile=0.9))
    assert model.loss(*two_domains(REGRESSION))['pseudo_coverage'] == pytest.approx(1)
