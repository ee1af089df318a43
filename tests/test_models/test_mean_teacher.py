"""The mean teacher: branches, pseudo-labels, loading, updates."""
import copy

import numpy as np
import pytest
import torch
from mmengine.runner.checkpoint import _load_checkpoint_to_model
from mmengine.structures import InstanceData, PixelData
from mmpose.codecs import MSRAHeatmap
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from udapose.models.utils.warp import transform_points

CODEC = dict(type='MSRAHeatmap', input_size=(32, 32), heatmap_size=(16, 16), sigma=1.5)
FLIP = [0, 2, 1]


def plain_config(**head):
    head = {**dict(type='HeatmapHead', in_channels=32, out_channels=3, deconv_out_channels=(8,) * 4,
                   deconv_kernel_sizes=(4,) * 4, decoder=CODEC,
                   loss=dict(type='KeypointMSELoss', use_target_weight=True)), **head}
    return dict(type='TopdownPoseEstimator',
                backbone=dict(type='ResNet', depth=18, base_channels=4, stem_channels=4), head=head)


def build(**kwargs):
    model = MODELS.build(dict(type='MeanTeacherPoseEstimator', pose_estimator=plain_config(),
                              **kwargs))
    torch.manual_seed(0)
    for p in model.student.parameters():
        torch.nn.init.normal_(p, std=0.1)
    model.copy_student_to_teacher()
    return model


def sample(matrix=None, flip=False, keypoints=None):
    s = PoseDataSample(metainfo=dict(flip_indices=FLIP, flip=flip, input_size=(32, 32),
                                     input_matrix=np.eye(3, dtype=np.float32)
                                     if matrix is None else matrix))
    if keypoints is not None:
        encoded = MSRAHeatmap((32, 32), (16, 16), sigma=1.5).encode(
            keypoints[None], np.ones((1, 3), np.float32))
        s.gt_fields = PixelData(heatmaps=torch.from_numpy(encoded['heatmaps']))
        s.gt_instance_labels = InstanceData(
            keypoint_weights=torch.from_numpy(encoded['keypoint_weights']))
    return s


def batch(n=2, matrices=None, flips=None):
    g = torch.Generator().manual_seed(1)
    inputs = {k: torch.randn(n, 3, 32, 32, generator=g)
              for k in ('source', 'target_teacher', 'target_student')}
    kp = np.array([[8., 8.], [20., 10.], [12., 24.]], np.float32)
    samples = dict(source=[sample(keypoints=kp + i) for i in range(n)],
                   target_teacher=[sample() for _ in range(n)],
                   target_student=[sample(*(x or ())) for x in (matrices or [None] * n)])
    return inputs, samples


def fixed(heatmaps):
    """Stands in for a head's forward: returns given heatmaps."""
    return lambda feats: heatmaps


def test_losses_and_gradients_reach_the_student_only():
    model = build().train()
    losses = model(*batch(), mode='loss')
    assert {'loss_kpt', 'loss_consistency', 'pseudo_coverage', 'pseudo_confidence',
            'pseudo_spread'} == set(losses)
    total, log = model.parse_losses(losses)
    torch.testing.assert_close(total, losses['loss_kpt'] + losses['loss_consistency'])
    total.backward()
    assert all(p.grad is None and not p.requires_grad for p in model.teacher.parameters())
    assert all(p.grad is not None for p in model.student.parameters())


def test_source_loss_is_the_plain_models_loss():
    """With one pass per domain, the source loss is exactly MMPose's."""
    model = build(train_cfg=dict(joint_forward=False)).train()
    inputs, samples = batch()
    plain = copy.deepcopy(model.student).train()
    expected = plain.loss(inputs['source'], samples['source'])['loss_kpt']
    torch.testing.assert_close(model.loss(inputs, samples)['loss_kpt'], expected)


@pytest.mark.parametrize('joint', [True, False])
def test_student_is_run_once(joint):
    model = build(train_cfg=dict(joint_forward=joint)).train()
    calls = []
    model.student.backbone.register_forward_hook(lambda m, i, o: calls.append(len(i[0])))
    bn = model.student.head.deconv_layers[1]
    model.loss(*batch())
    assert calls == ([4] if joint else [2, 2])
    assert bn.num_batches_tracked == (1 if joint else 2)
    assert 'forward' not in vars(model.student.head)  # the borrowed forward was given back


def rotated(degrees, flip):
    a, c = np.deg2rad(degrees), 15.5
    lin = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    if flip:
        lin = lin @ np.diag([-1, 1])
    m = np.eye(3, dtype=np.float32)
    m[:2, :2], m[:2, 2] = lin, [c, c] - lin @ [c, c]
    return m


@pytest.mark.parametrize('peaks_from', ['warped', 'teacher'])
@pytest.mark.parametrize('flip', [False, True])
def test_pseudo_labels_land_where_the_view_moved_them(peaks_from, flip):
    """Known teacher peaks, known view: the pseudo-keypoints are the transformed, swapped points."""
    model = build(train_cfg=dict(peaks_from=peaks_from, confidence_quantile=0.)).train()
    points = np.array([[12., 14.], [20., 12.], [14., 20.]], np.float32)  # input pixels
    codec = MSRAHeatmap((32, 32), (16, 16), sigma=1.5, unbiased=True)
    heatmaps = torch.from_numpy(codec.encode(points[None], np.ones((1, 3)))['heatmaps'])
    model.teacher.head.forward = fixed(heatmaps[None].repeat(2, 1, 1, 1))
    moves = [rotated(30, flip), rotated(-50, False)]
    inputs, samples = batch(matrices=[(moves[0], flip), (moves[1], False)])
    _, _, pseudo = model.forward_teacher(inputs, samples)
    for i, (move, swap) in enumerate(zip(moves, (flip, False), strict=True)):
        expected = transform_points(torch.from_numpy(points)[None], torch.from_numpy(move)[None])[0]
        expected = expected[FLIP] if swap else expected
        error = (pseudo.points[i] - expected).norm(dim=-1).max()
        assert error < (0.6 if peaks_from == 'warped' else 0.02), error
    assert pseudo.weights.eq(1).all()
    peak = pseudo.frame_targets.amax((2, 3))
    assert (peak > 0.9).all()


def test_joints_that_leave_the_students_view_are_rejected():
    model = build(train_cfg=dict(confidence_quantile=0., peaks_from='teacher')).train()
    heatmaps = torch.zeros(2, 3, 16, 16)
    heatmaps[:, :, 8, 14] = 1.
    model.teacher.head.forward = fixed(heatmaps)
    shift = np.eye(3, dtype=np.float32)
    shift[0, 2] = 8  # four heatmap pixels to the right: 14 -> 18, outside of 16
    _, _, pseudo = model.forward_teacher(*batch(matrices=[(shift, False), None]))
    assert pseudo.weights.tolist() == [[0, 0, 0], [1, 1, 1]]


def test_update_equals_the_closed_form():
    model = build().train()
    start = copy.deepcopy(model.teacher.state_dict())
    students, m, bn = [], 0.1, 'backbone.bn1.running_mean'
    for _ in range(5):
        for p in model.student.parameters():
            p.data.add_(torch.randn_like(p))
        model.student.backbone.bn1.running_mean.add_(1.)
        students.append(copy.deepcopy(model.student.state_dict()))
        model.update_teacher(m)
    state = model.teacher.state_dict()
    for key in ('backbone.conv1.weight', 'head.final_layer.bias', bn):
        expected = start[key] * (1 - m)**5 + sum(
            m * (1 - m)**(4 - t) * s[key] for t, s in enumerate(students))
        torch.testing.assert_close(state[key], expected)


@pytest.mark.parametrize('policy,expected', [('ema', 0.1), ('copy', 1.), ('keep', 0.)])
def test_buffer_policies(policy, expected):
    model = build()
    model.student.backbone.bn1.running_mean.fill_(1.)
    model.teacher.backbone.bn1.running_mean.fill_(0.)
    model.student.backbone.bn1.num_batches_tracked.fill_(7)
    model.update_teacher(0.1, policy)
    assert torch.allclose(model.teacher.backbone.bn1.running_mean, torch.tensor(expected))
    assert model.teacher.backbone.bn1.num_batches_tracked == (0 if policy == 'keep' else 7)


@pytest.mark.parametrize('norm', ['ema', 'batch'])
def test_teacher_stays_in_evaluation_mode(norm):
    model = build(train_cfg=dict(teacher_norm=norm))
    model.train()
    assert not model.teacher.training and not model.teacher.backbone.layer1.training
    assert model.teacher.backbone.bn1.training == (norm == 'batch')
    before = model.teacher.backbone.bn1.running_mean.clone()
    model.loss(*batch())
    moved = not torch.equal(before, model.teacher.backbone.bn1.running_mean)
    assert moved == (norm == 'batch')
    model.eval()
    assert not model.teacher.backbone.bn1.training


@pytest.mark.parametrize('branch', ['teacher', 'student'])
def test_prediction_is_the_branchs(branch):
    model = build(test_cfg=dict(predict_on=branch)).eval()
    for p in model.student.parameters():
        p.data.mul_(1.5)
    x = batch()[0]['source']
    expected = getattr(model, branch)(x, None, mode='tensor')
    other = getattr(model, 'student' if branch == 'teacher' else 'teacher')(x, None, mode='tensor')
    torch.testing.assert_close(model(x), expected)
    assert not torch.allclose(expected, other)


def state_of_plain():
    torch.manual_seed(5)
    plain = MODELS.build(plain_config())
    for p in plain.parameters():
        torch.nn.init.normal_(p)
    return plain.state_dict()


@pytest.mark.parametrize('prefix,own_teacher', [('', False), ('student.', False),
                                               ('teacher.', False)])
def test_a_plain_checkpoint_fills_both_branches(prefix, own_teacher):
    model, plain = build(), state_of_plain()
    state = {prefix + k: v for k, v in plain.items()}
    _load_checkpoint_to_model(model, dict(state_dict=state))
    for branch in (model.student, model.teacher):
        for key, value in branch.state_dict().items():
            assert torch.equal(value, plain[key]), key
    assert model.teacher_loaded is own_teacher


def test_a_full_checkpoint_keeps_its_teacher():
    model, other = build(), build()
    for p in other.teacher.parameters():
        p.data.add_(3.)
    _load_checkpoint_to_model(model, dict(state_dict=other.state_dict()))
    assert model.teacher_loaded
    torch.testing.assert_close(model.teacher.head.final_layer.weight,
                               other.teacher.head.final_layer.weight)
    assert not torch.equal(model.teacher.head.final_layer.weight,
                           model.student.head.final_layer.weight)


def test_wrong_checkpoints_are_named():
    model = build()
    with pytest.raises(RuntimeError, match='none of its entries.*fc.weight'):
        _load_checkpoint_to_model(model, dict(state_dict={'fc.weight': torch.zeros(2, 2)}))
    state = state_of_plain()
    state['head.final_layer.weight'] = torch.zeros(17, 8, 1, 1)
    with pytest.raises(RuntimeError, match=r'final_layer.weight: \(17, 8, 1, 1\) instead'):
        _load_checkpoint_to_model(model, dict(state_dict=state))


@pytest.mark.parametrize('head,message', [
    (dict(decoder=None), 'no codec'),
    (dict(decoder=dict(type='UDPHeatmap', input_size=(32, 32), heatmap_size=(16, 16), sigma=1.5,
                       heatmap_type='combined')), r'UDPHeatmap\(heatmap_type=.combined.\): its')])
def test_heads_without_a_readout_are_refused(head, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(dict(type='MeanTeacherPoseEstimator', pose_estimator=plain_config(**head)))


def test_heatmap_size_must_match_the_codec():
    codec = dict(CODEC, heatmap_size=(8, 8))
    model = MODELS.build(dict(type='MeanTeacherPoseEstimator',
                              pose_estimator=plain_config(decoder=codec)))
    with pytest.raises(ValueError, match='16x16 pixels, its codec expects 8x8'):
        model.loss(*batch())


def test_labels_must_match_the_model():
    model = MODELS.build(dict(type='MeanTeacherPoseEstimator',
                              pose_estimator=plain_config(out_channels=5)))
    with pytest.raises(ValueError, match=r'shape \(3, 16, 16\), the model predicts \(5, 16, 16\)'):
        model.loss(*batch())


def test_a_batch_without_branches_is_named():
    with pytest.raises(ValueError, match='TwoDomainDataset'):
        build().loss(torch.rand(2, 3, 32, 32), [])


def test_unknown_train_cfg_is_refused():
    with pytest.raises(ValueError, match='confidence_quantil'):
        build(train_cfg=dict(confidence_quantil=0.5))


@MODELS.register_module(force=True)
class _RecordingTerm(torch.nn.Module):
    def __init__(self, key='loss_extra'):
        super().__init__()
        self.key, self.seen = key, None

    def forward(self, batch):
        self.seen = batch
        return {self.key: batch.target.output.mean()}


def test_alignment_terms_get_the_documented_tensors():
    model = build(alignments=dict(extra=dict(type='_RecordingTerm'))).train()
    losses = model.loss(*batch())
    assert 'loss_extra' in losses and losses['loss_extra'].requires_grad
    seen = model.alignments['extra'].seen
    assert seen.source.output.shape == seen.target.output.shape == (2, 3, 16, 16)
    assert seen.teacher.output.shape == seen.pseudo.frame_targets.shape == (2, 3, 16, 16)
    assert seen.aligned_output is seen.target.output  # the frame is the student's view
    assert seen.pseudo.points.shape == (2, 3, 2)
    assert seen.pseudo.frame_mask.shape == (2, 1, 16, 16)
    assert seen.pseudo.confidence.shape == seen.pseudo.weights.shape == (2, 3)
    assert seen.geometry.teacher_to_student.shape == (2, 3, 3) and seen.student is model.student
    assert seen.source.feats[-1].shape == seen.target.feats[-1].shape
    assert 0 <= seen.progress <= 1
    clash = build(alignments=dict(extra=dict(type='_RecordingTerm', key='loss_kpt')))
    with pytest.raises(ValueError, match='loss_kpt'):
        clash.loss(*batch())


def test_a_step_reads_nothing_back_from_the_device():
    """No ``.item()``, no boolean indexing: nothing that makes the host wait for a GPU."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Record(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            names.append(func.overloadpacket.__name__)
            return func(*args, **(kwargs or {}))

    names = []
    model = build(train_cfg=dict(per_joint_quantile=True)).train()
    with Record():
        sum(v for k, v in model.loss(*batch()).items() if 'loss' in k).backward()
        model.update_teacher(0.1)
    assert 'convolution' in names and 'grid_sampler_2d' in names
    assert not {'_local_scalar_dense', 'nonzero', 'is_nonzero', 'masked_select'} & set(names)


def test_number_of_operations_does_not_grow_with_the_batch():
    from torch.utils._python_dispatch import TorchDispatchMode

    class Count(TorchDispatchMode):
        total = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            self.total += 1
            return func(*args, **(kwargs or {}))

    counts = []
    for n in (2, 6):
        model = build().train()
        inputs, samples = batch(n)
        with Count() as count:
            model.forward_teacher(inputs, samples)
        counts.append(count.total)
    assert counts[0] == counts[1]


@pytest.mark.parametrize('peaks_from', ['warped', 'teacher'])
def test_autocast_is_finite_and_close_to_single_precision(peaks_from):
    model = build(train_cfg=dict(peaks_from=peaks_from)).train()
    state = copy.deepcopy(model.state_dict())
    exact = model.loss(*batch())
    model.load_state_dict(state)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        mixed = model.loss(*batch())
    sum(v for k, v in mixed.items() if 'loss' in k).backward()
    assert torch.isfinite(mixed['loss_kpt']) and torch.isfinite(mixed['loss_consistency'])
    assert mixed['loss_kpt'].item() == pytest.approx(exact['loss_kpt'].item(), rel=0.05)
    assert all(torch.isfinite(p.grad).all() for p in model.student.parameters())
    assert mixed['pseudo_coverage'].dtype == torch.float32


def test_the_spread_sees_a_collapsed_teacher_through_random_views():
    """In the student's view the same peak lies somewhere else in each image."""
    model = build(train_cfg=dict(confidence_quantile=0.)).train()
    points = np.array([[12., 14.], [20., 12.], [14., 20.]], np.float32)
    codec = MSRAHeatmap((32, 32), (16, 16), sigma=1.5)
    heatmaps = torch.from_numpy(codec.encode(points[None], np.ones((1, 3)))['heatmaps'])
    inputs, samples = batch(matrices=[(rotated(80, True), True), (rotated(-50, False), False)])
    heatmaps = heatmaps[None].repeat(2, 1, 1, 1)
    model.teacher.head.forward = fixed(heatmaps)
    assert model.loss(inputs, samples)['pseudo_spread'] == 0
    heatmaps[1] = heatmaps[1].roll(4, -1)  # of 16 pixels, in x alone: a deviation of 2
    assert model.loss(inputs, samples)['pseudo_spread'] == pytest.approx(2 / 16 / 2)


def test_a_single_image_has_no_spread():
    model = build().train()
    losses = model.loss(*batch(1))
    assert 'pseudo_spread' not in losses and losses['pseudo_coverage'] <= 1


def old_names(state):
    """As MMPose 0.x saved them."""
    return {k.replace('head.', 'keypoint_head.', 1) if k.startswith('head.') else k: v
            for k, v in state.items()}


def test_a_checkpoint_of_mmpose_0_fills_both_branches():
    model, plain = build(), state_of_plain()
    _load_checkpoint_to_model(model, dict(state_dict=old_names(plain)))
    for branch in (model.student, model.teacher):
        for key, value in branch.state_dict().items():
            assert torch.equal(value, plain[key]), key


def test_parts_without_weights_are_named():
    from mmengine.logging import MMLogger
    logger, seen = MMLogger.get_current_instance(), []
    handler = type('Keep', (__import__('logging').Handler,), dict(
        emit=lambda self, record: seen.append((record.levelname, record.getMessage()))))()
    model, plain = build(), state_of_plain()
    logger.addHandler(handler)
    try:
        backbone = {k: v for k, v in plain.items() if k.startswith('backbone.')}
        _load_checkpoint_to_model(model, dict(state_dict=dict(backbone)))
        assert not [m for level, m in seen if level == 'WARNING']  # e.g. ImageNet weights
        foreign = {k.replace('head.', 'decode_head.'): v for k, v in plain.items()}
        _load_checkpoint_to_model(model, dict(state_dict=foreign))
        assert 'no weights for head' in [m for level, m in seen if level == 'WARNING'][0]
    finally:
        logger.removeHandler(handler)


def test_init_cfg_is_honoured(tmp_path):
    plain = state_of_plain()
    torch.save(dict(state_dict=plain), tmp_path / 'plain.pth')
    model = MODELS.build(dict(
        type='MeanTeacherPoseEstimator', pose_estimator=plain_config(),
        init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'plain.pth'))))
    model.init_weights()
    for branch in (model.student, model.teacher):
        assert torch.equal(branch.head.final_layer.weight, plain['head.final_layer.weight'])


@pytest.mark.parametrize('cfg', [dict(predict_on='techer'), dict(flip_test=True)])
def test_unknown_test_cfg_is_refused(cfg):
    with pytest.raises(ValueError, match='flip_test, belong in pose_estimator.test_cfg'):
        build(test_cfg=cfg)


@pytest.mark.parametrize('given,message', [
    (dict(alignments=[dict(type='StartWeightLoss')]), 'alignments has a name of your choice'),
    (dict(alignments=dict(type='StartWeightLoss', loss_weight=1.)), 'alignments has a name'),
    (dict(alignments=dict(weights=dict(loss_weight=1.))), 'alignments has a name'),
    (dict(student_augments=dict(type='RandomBlockMask')), 'student_augments is a list'),
    (dict(student_augments=['RandomBlockMask']), 'student_augments is a list')])
def test_terms_and_augmentations_in_each_others_form_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        build(**given)


def test_none_takes_inherited_terms_and_augmentations_away():
    model = build(alignments=None, student_augments=None)
    assert len(model.alignments) == len(model.student_augments) == 0
    assert len(build(alignments=dict(weights=None)).alignments) == 0
