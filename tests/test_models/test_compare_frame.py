"""Comparing in the base crop and in the student's view; feature taps; teacher-free training.

Uses the tiny model of test_mean_teacher.
"""
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmpose.codecs import MSRAHeatmap
from mmpose.registry import MODELS

sys.path.insert(0, str(Path(__file__).resolve().parent))
from test_mean_teacher import FLIP, batch, build, fixed, plain_config, rotated, sample  # noqa: E402

from udapose.models.utils.feature_taps import tapped  # noqa: E402
from udapose.models.utils.view_geometry import view_geometry  # noqa: E402
from udapose.models.utils.warp import transform_points  # noqa: E402

POINTS = np.array([[12., 14.], [19., 12.], [14., 20.]], np.float32)  # in the base crop
SCALE = np.array([2., 2.], np.float32)


def based(matrix, flip):
    s = sample(matrix, flip)
    s.set_metainfo(dict(base_matrix=np.eye(3, dtype=np.float32)))
    return s


def moved(matrix, flip):
    """The base crop's points in a view; a flip exchanges left and right."""
    points = transform_points(torch.from_numpy(POINTS)[None], torch.from_numpy(matrix)[None])[0]
    return points[FLIP] if flip else points


def gaussians(points):
    codec = MSRAHeatmap((32, 32), (16, 16), sigma=1.5, unbiased=True)
    maps = codec.encode(points[None].numpy(), np.ones((1, 3)))['heatmaps']
    return torch.from_numpy(maps)[None]


VIEWS = [((20, False), (-35, False)), ((20, True), (-35, False)), ((20, False), (40, True)),
         ((-70, True), (10, True))]


@pytest.mark.parametrize('teacher,student', VIEWS)
@pytest.mark.parametrize('peaks_from', ['warped', 'teacher'])
@pytest.mark.parametrize('frame', ['student', 'base'])
def test_pseudo_labels_agree_in_both_frames(teacher, student, peaks_from, frame):
    """Known points in the base crop, exact heatmaps in both views, any pair of flips."""
    model = build(train_cfg=dict(compare_frame=frame, peaks_from=peaks_from,
                                 confidence_quantile=0.)).train()
    matrices = [rotated(*teacher), rotated(*student)]
    in_teacher, in_student = (moved(m, v[1]) for m, v in
                              zip(matrices, (teacher, student), strict=True))
    inputs, samples = batch(1)
    samples['target_teacher'] = [based(matrices[0], teacher[1])]
    samples['target_student'] = [based(matrices[1], student[1])]
    model.teacher.head.forward = fixed(gaussians(in_teacher))
    out = model.forward_teacher(inputs, samples)
    tolerance = 0.6 if peaks_from == 'warped' else 0.03
    assert (out['pseudo_points'][0] - in_student).norm(dim=-1).max() < tolerance
    torch.testing.assert_close(out['pseudo_points'], 2 * out['pseudo_keypoints'])
    assert out['pseudo_weights'].eq(1).all() and out['confidence'].gt(0.8).all()
    # in the frame, a student that is right agrees with the pseudo-labels, a wrong one does not
    aligned = out['geometry'].align_student(gaussians(in_student).float())
    error = (aligned - out['pseudo_heatmaps']).abs().amax()
    wrong = out['geometry'].align_student(gaussians(in_student[[1, 2, 0]]).float())
    assert error < 0.4 < (wrong - out['pseudo_heatmaps']).abs().amax()
    if frame == 'base':
        expected = gaussians(torch.from_numpy(POINTS))
        assert (out['pseudo_heatmaps'] - expected).abs().max() < 0.4
    else:
        assert torch.equal(aligned, gaussians(in_student).float())
    composed = torch.from_numpy(matrices[1] @ np.linalg.inv(matrices[0]))[None]
    found = transform_points(in_teacher[None] / 2, out['teacher_to_student'])
    torch.testing.assert_close(found, transform_points(in_teacher[None], composed) / 2,
                               atol=1e-3, rtol=1e-4)


def geometry(frame='base', flip=True):
    teacher, student = [based(rotated(15, False), False)] * 2, [
        based(rotated(-25, flip), flip), based(rotated(30, False), False)]
    return view_geometry(teacher, student, SCALE, torch.device('cpu'), frame)


def test_points_go_to_the_frame_and_back():
    g = geometry()
    points = torch.rand(2, 3, 2) * 15
    there = transform_points(points, g.student_to_frame)
    there[0] = there[0][FLIP]  # the first sample is flipped
    torch.testing.assert_close(g.points_in_student(there), points, atol=1e-4, rtol=1e-4)
    values = torch.rand(2, 3)
    assert torch.equal(g.joints_of_student(values), torch.stack([values[0, FLIP], values[1]]))
    same = geometry('student')
    assert same.points_in_student(points) is points and same.align_student(values) is values


def test_the_gradient_passes_through_the_alignment():
    heatmaps = torch.rand(2, 3, 16, 16, requires_grad=True)
    g = geometry()
    aligned = g.align_student(heatmaps)
    aligned[0, 1].sum().backward()  # joint 1 of the frame is joint 2 of the flipped view
    assert heatmaps.grad[0, FLIP[1]].abs().sum() > 50
    assert heatmaps.grad[0, [0, 1]].abs().sum() == 0 and heatmaps.grad[1].abs().sum() == 0


def test_covered_needs_both_views():
    shift = np.eye(3, dtype=np.float32)
    shift[0, 2] = 8.  # four heatmap pixels
    back = shift.copy()
    back[0, 2] = -8.
    g = view_geometry([based(shift, False)], [based(back, False)], SCALE, torch.device('cpu'),
                      'base')
    # base x shows in the teacher's view at x + 4 and in the student's at x - 4
    assert g.covered((16, 16))[0, 0, 5].tolist() == [0] * 4 + [1] * 8 + [0] * 4


def test_a_whole_step_in_the_base_frame():
    model = build(train_cfg=dict(compare_frame='base', confidence_quantile=0.)).train()
    model.teacher.head.forward = fixed(gaussians(torch.from_numpy(POINTS)).repeat(2, 1, 1, 1))
    losses = model.loss(*based_batch())
    assert losses['pseudo_coverage'] == 1 and losses['loss_consistency'] > 0
    (grad,) = torch.autograd.grad(losses['loss_consistency'],
                                  [model.student.head.final_layer.weight])
    assert grad.abs().max() > 0


def test_a_view_without_the_base_matrix_is_named():
    model = build(train_cfg=dict(compare_frame='base')).train()
    with pytest.raises(ValueError, match='no base_matrix.*ForkViews behind GetBBoxCenterScale'):
        model.loss(*batch())
    with pytest.raises(ValueError, match="compare_frame must be one of .*got 'teacher'"):
        build(train_cfg=dict(compare_frame='teacher'))


@pytest.mark.parametrize('frame', ['student', 'base'])
def test_positions_are_exact_under_autocast(frame):
    """8 bits would move a warp by a quarter of a pixel."""
    samples = [based(rotated(37, False), False)] * 2, [based(rotated(-11, True), True)] * 2
    heatmaps, points = torch.rand(2, 3, 64, 64), 60 * torch.rand(2, 3, 2)

    def everything():
        g = view_geometry(*samples, SCALE, torch.device('cpu'), frame)
        return (g.teacher_to_student, g.points_in_student(points), g.align_student(heatmaps),
                transform_points(points, g.teacher_to_frame), g.covered((64, 64)))

    exact = everything()
    with torch.autocast('cpu', torch.bfloat16):
        mixed = everything()
    torch.testing.assert_close(mixed, exact)


# ------------------------------------------------------------------ features by name
@MODELS.register_module(force=True)
class _FeatureTerm(torch.nn.Module):
    def __init__(self, features):
        super().__init__()
        self.features = features

    def forward(self, batch):
        self.batch = batch
        return dict(loss_features=sum(f.mean() for f in batch['source_features'].values()))


@pytest.mark.parametrize('joint', [True, False])
def test_the_tapped_tensors_are_the_modules_outputs(joint):
    names = ['head.deconv_layers', 'backbone', 'backbone.layer2.0']
    model = build(alignments=dict(f=dict(type='_FeatureTerm', features=names)),
                  train_cfg=dict(joint_forward=joint)).train()
    calls = []
    handle = model.student.head.deconv_layers.register_forward_hook(
        lambda m, i, o: calls.append(o))
    losses = model.loss(*batch())
    handle.remove()
    seen = model.alignments['f'].batch
    for domain in ('source', 'target'):
        features = seen[f'{domain}_features']
        assert sorted(features) == sorted(names)
        assert torch.equal(features['backbone'], seen[f'{domain}_feats'][-1])
        assert features['backbone.layer2.0'].shape == (2, 8, 4, 4)
        # the last layer applied to the last deconvolution gives the very heatmaps
        heatmaps = model.student.head.final_layer(features['head.deconv_layers'])
        torch.testing.assert_close(heatmaps, seen[f'{domain}_heatmaps'])
    assert len(calls) == (1 if joint else 2)
    losses['loss_features'].backward()
    assert model.student.backbone.conv1.weight.grad.abs().sum() > 0
    # the hooks are gone
    assert not any(m._forward_hooks for m in model.student.modules())


def test_unknown_features_are_listed():
    with pytest.raises(ValueError, match=r"alignments.adv: the pose estimator has no feature "
                                         r"'backbone.layer9'.*backbone.layer4.*head.deconv_layers"):
        build(alignments=dict(adv=dict(type='DomainAdversarialLoss', feature='backbone.layer9')))


def test_a_module_that_does_not_run_is_named():
    """The head's forward is called past its hooks; a loss is no feature either."""
    for name in ('head', 'head.loss_module'):
        model = build(alignments=dict(f=dict(type='_FeatureTerm', features=[name]))).train()
        with pytest.raises(ValueError, match=f"feature '{name}': this module exists"):
            model.loss(*batch())
        assert not any(m._forward_hooks for m in model.student.modules())


def test_taps_are_removed_after_an_error():
    model = MODELS.build(plain_config())
    with pytest.raises(RuntimeError), tapped(model, ['backbone']):
        model.extract_feat(torch.zeros(1, 7, 32, 32))
    assert not model.backbone._forward_hooks


# ------------------------------------------------------------------ what a step needs
ADVERSARIAL = dict(type='DomainAdversarialLoss', feature='backbone.layer4',
                   discriminator=dict(type='PatchDiscriminator', in_channels=32,
                                      hidden_channels=(8,), kernel_size=1))


def refuse(*args):
    raise AssertionError('the teacher was run')


def test_adversarial_training_alone_runs_no_teacher():
    model = build(consistency=None, alignments=dict(feature=ADVERSARIAL)).train()
    model.teacher.backbone.register_forward_pre_hook(refuse)
    assert not model.uses_teacher
    losses = model.loss(*batch())
    assert set(losses) == {'loss_kpt', 'loss_adversarial', 'adversarial_accuracy'}
    sum(v for k, v in losses.items() if 'loss' in k).backward()
    assert model.student.backbone.conv1.weight.grad.abs().sum() > 0
    with_teacher = build(alignments=dict(feature=ADVERSARIAL)).train()
    with_teacher.teacher.backbone.register_forward_pre_hook(refuse)
    with pytest.raises(AssertionError, match='the teacher was run'):
        with_teacher.loss(*batch())


def test_information_maximization_needs_no_teacher_either():
    model = build(consistency=None, alignments=dict(
        pose=dict(type='InformationMaximizationLoss'))).train()
    model.teacher.backbone.register_forward_pre_hook(refuse)
    assert 'entropy_mean' in model.loss(*batch())


def test_a_term_may_ask_for_the_teacher():
    model = build(consistency=None, alignments=dict(extra=dict(type='_RecordingTerm'))).train()
    assert not model.uses_teacher
    model.alignments['extra'].needs_teacher = True
    assert model.uses_teacher and 'pseudo_coverage' in model.loss(*batch())


def test_a_term_that_is_none_is_left_out():
    assert len(build(alignments=dict(feature=None)).alignments) == 0


def test_student_augments_see_the_teacher_and_change_only_the_students_input():
    """Masked image consistency: the loss is computed on the masked view."""
    model = build(student_augments=[dict(type='RandomBlockMask', ratio=0.5, block_size=8)],
                  alignments=dict(extra=dict(type='_RecordingTerm'))).train()
    inputs, samples = batch()
    before = {k: v.clone() for k, v in inputs.items()}
    given = []
    model.student_augments[0].register_forward_pre_hook(lambda m, args: given.append(set(args[1])))
    model.loss(inputs, samples)
    seen = model.alignments['extra'].seen
    hidden = seen['target_inputs'] == 0
    assert 0 < hidden.float().mean() < 1
    assert torch.equal(seen['target_inputs'], torch.where(hidden, 0, before['target_student']))
    assert torch.equal(seen['source_inputs'], before['source'])
    assert torch.equal(seen['teacher_inputs'], before['target_teacher'])
    assert all(torch.equal(inputs[k], v) for k, v in before.items())  # the batch itself stays
    assert {'pseudo_points', 'confidence', 'teacher_heatmaps'} <= given[0]


def test_occlusion_in_a_whole_step_covers_the_pseudo_label():
    model = build(student_augments=[dict(type='AdaptiveKeypointOcclusion', prob=1., threshold=0.5,
                                         half_size=4)],
                  alignments=dict(extra=dict(type='_RecordingTerm')),
                  train_cfg=dict(confidence_quantile=0.)).train()
    heatmaps = torch.zeros(2, 3, 16, 16)
    heatmaps[:, 1, 10, 6] = 1.  # input pixel (12, 20)
    model.teacher.head.forward = fixed(heatmaps)
    inputs, samples = batch()
    model.loss(inputs, samples)
    changed = (model.alignments['extra'].seen['target_inputs'] != inputs['target_student']).any(1)
    for mask in changed:
        y, x = mask.nonzero().unbind(1)
        assert (x.min(), x.max(), y.min(), y.max()) == (8, 15, 16, 23)


# ------------------------------------------------------------------ source images alone
def test_the_first_phase_trains_on_source_images_alone():
    model = build(alignments=dict(feature=ADVERSARIAL)).train()
    model.adapting = False
    for module in (model.teacher.backbone, model.alignments['feature'].discriminator):
        module.register_forward_pre_hook(refuse)
    inputs, samples = batch()
    sizes = []
    model.student.backbone.register_forward_hook(lambda m, i, o: sizes.append(len(i[0])))
    losses = model.loss(inputs, samples)
    assert sizes == [2] and losses['loss_unused'] == 0
    sum(v for k, v in losses.items() if 'loss' in k).backward()
    # DDP waits for a gradient of every trainable parameter
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)
    assert all(p.grad.eq(0).all() for p in model.alignments.parameters())


# ------------------------------------------------------------------ all parts together
def everything():
    return build(
        alignments=dict(feature=ADVERSARIAL, pose=dict(
            type='InformationMaximizationLoss', form='joint', temperature=0.1, normalize='log')),
        student_augments=[dict(type='AdaptiveKeypointOcclusion', threshold=0., half_size=4)],
        train_cfg=dict(compare_frame='base')).train()


def based_batch():
    inputs, samples = batch()
    for key in ('target_teacher', 'target_student'):
        samples[key] = [based(rotated(10, False), False), based(rotated(-10, True), True)]
    return inputs, samples


def test_all_parts_are_finite_under_autocast():
    model = everything()
    with torch.autocast('cpu', torch.bfloat16):
        losses = model.loss(*based_batch())
    assert {'loss_kpt', 'loss_consistency', 'loss_adversarial', 'loss_information'} <= set(losses)
    assert all(torch.isfinite(v).all() for v in losses.values())
    sum(v for k, v in losses.items() if 'loss' in k).backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.requires_grad)


def test_all_parts_read_nothing_back():
    from torch.utils._python_dispatch import TorchDispatchMode

    class Record(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            names.append(func.overloadpacket.__name__)
            return func(*args, **(kwargs or {}))

    names, model, data = [], everything(), based_batch()
    with Record():
        sum(v for k, v in model.loss(*data).items() if 'loss' in k).backward()
    assert 'convolution' in names and 'softplus' in names
    assert not {'_local_scalar_dense', 'nonzero', 'is_nonzero', 'masked_select'} & set(names)
