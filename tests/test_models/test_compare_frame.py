"""Comparing in the base crop and in the student's view, with the model of test_mean_teacher."""
import numpy as np
import pytest
import torch
from mmpose.codecs import MSRAHeatmap
from test_mean_teacher import FLIP, batch, build, fixed, rotated, sample

from udapose.models.utils.view_geometry import view_geometry
from udapose.models.utils.warp import transform_points

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
    _, geometry, pseudo = model.forward_teacher(inputs, samples)
    tolerance = 0.6 if peaks_from == 'warped' else 0.03
    assert (pseudo.points[0] - in_student).norm(dim=-1).max() < tolerance
    assert pseudo.weights.eq(1).all() and pseudo.confidence.gt(0.8).all()
    # in the frame, a student that is right agrees with the pseudo-labels, a wrong one does not
    aligned = geometry.align_student(gaussians(in_student).float())
    error = (aligned - pseudo.frame_targets).abs().amax()
    wrong = geometry.align_student(gaussians(in_student[[1, 2, 0]]).float())
    assert error < 0.4 < (wrong - pseudo.frame_targets).abs().amax()
    if frame == 'base':
        expected = gaussians(torch.from_numpy(POINTS))
        assert (pseudo.frame_targets - expected).abs().max() < 0.4
    else:
        assert torch.equal(aligned, gaussians(in_student).float())
    composed = torch.from_numpy(matrices[1] @ np.linalg.inv(matrices[0]))[None]
    found = transform_points(in_teacher[None] / 2, geometry.teacher_to_student)
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


def based_batch(student=(10, -10)):
    inputs, samples = batch()
    for key, (one, two) in dict(target_teacher=(10, -10), target_student=student).items():
        samples[key] = [based(rotated(one, False), False), based(rotated(two, True), True)]
    return inputs, samples


def test_a_whole_step_in_the_base_frame():
    model = build(train_cfg=dict(compare_frame='base', confidence_quantile=0.)).train()
    model.teacher.head.forward = fixed(gaussians(torch.from_numpy(POINTS)).repeat(2, 1, 1, 1))
    losses = model.loss(*based_batch())
    assert losses['pseudo_coverage'] == 1 and losses['loss_consistency'] > 0
    (grad,) = torch.autograd.grad(losses['loss_consistency'],
                                  [model.student.head.final_layer.weight])
    assert grad.abs().max() > 0


@pytest.mark.parametrize('masked', [True, False])
@pytest.mark.parametrize('frame', ['student', 'base'])
def test_valid_mask_is_optional(masked, frame):
    """The published comparison includes what the views do not cover, where warps give 0."""
    model = build(train_cfg=dict(compare_frame=frame, confidence_quantile=0., valid_mask=masked),
                  alignments=dict(extra=dict(type='_RecordingTerm'))).train()
    model.teacher.head.forward = fixed(gaussians(torch.from_numpy(POINTS)).repeat(2, 1, 1, 1))
    losses = model.loss(*based_batch(student=(50, -40)))
    seen = model.alignments['extra'].seen
    covered = seen.geometry.covered((16, 16))
    assert 0.5 < covered.mean() < 1  # the views are rotated
    assert torch.equal(seen.pseudo.frame_mask, covered) if masked \
        else seen.pseudo.frame_mask is None
    error = (seen.aligned_output - seen.pseudo.frame_targets).square()
    assert seen.pseudo.frame_weights.all()
    counted = covered if masked else 1
    torch.testing.assert_close(losses['loss_consistency'], (error * counted).mean())
    outside = (error * (1 - covered)).mean()
    if frame == 'student':  # its own heatmaps reach everywhere
        assert outside > 1e-3 * error.mean()


def test_valid_mask_must_be_a_bool():
    with pytest.raises(ValueError, match="valid_mask must be one of .*got 'no'"):
        build(train_cfg=dict(valid_mask='no'))


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
