"""Pseudo-labels from several views of the teacher: geometry, agreement, all kinds of heads."""
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from test_mean_teacher import fixed
from test_readouts import FAMILIES, HEADS, SIZE, build, two_domains

from udapose.models.pose_estimators.extra_views import ExtraViews, agreed, view_matrix
from udapose.models.utils.pseudo_label import render_gaussians

VIEWS = [dict(flip=True, scale=1.2), dict(rotation=25.), dict(flip=True, rotation=-10., scale=0.9)]


# ------------------------------------------------------------------ what views agree on
def test_views_that_agree_keep_point_and_mean_confidence():
    points = torch.tensor([3., 7.]).expand(2, 1, 1, 2)
    place, confidence = agreed(points, torch.tensor([0.4, 0.8]).view(2, 1, 1), 1.)
    torch.testing.assert_close(place, points[0])
    torch.testing.assert_close(confidence.item(), 0.6)


def test_of_views_that_disagree_the_more_confident_one_wins_with_its_share():
    points = torch.tensor([[0., 0.], [100., 0.]]).view(2, 1, 1, 2)
    place, confidence = agreed(points, torch.tensor([0.4, 0.8]).view(2, 1, 1), 1.)
    torch.testing.assert_close(place[0, 0], torch.tensor([100., 0.]))
    torch.testing.assert_close(confidence.item(), 0.4)  # 0.8 of one view in two


def test_two_hesitant_views_outvote_a_confident_one():
    points = torch.tensor([[0., 0.], [100., 0.], [100., 0.]]).view(3, 1, 1, 2)
    place, confidence = agreed(points, torch.tensor([0.5, 0.3, 0.3]).view(3, 1, 1), 1.)
    torch.testing.assert_close(place[0, 0], torch.tensor([100., 0.]))
    torch.testing.assert_close(confidence.item(), 0.2)


def test_agreement_is_that_of_a_slow_reference_and_knows_no_order():
    g = torch.Generator().manual_seed(0)
    points = 10 * torch.rand(4, 5, 3, 2, generator=g)
    confidence = torch.rand(4, 5, 3, generator=g)
    place, total = agreed(points, confidence, 2.)
    for b in range(5):
        for k in range(3):
            p, c = points[:, b, k].double(), confidence[:, b, k].double()
            votes = [[c[j] * np.exp(-float((p[i] - p[j]).square().sum()) / 8) for j in range(4)]
                     for i in range(4)]
            best = max(votes, key=sum)
            expected = sum(v * q for v, q in zip(best, p, strict=True)) / sum(best)
            torch.testing.assert_close(place[b, k].double(), expected, atol=1e-4, rtol=1e-4)
            torch.testing.assert_close(total[b, k].double(), sum(best) / 4, atol=1e-5, rtol=1e-4)
    order = [2, 0, 3, 1]
    for a, b in zip((place, total), agreed(points[order], confidence[order], 2.), strict=True):
        torch.testing.assert_close(a, b)


def test_no_confidence_at_all_keeps_the_teachers_own_point():
    points = torch.tensor([[1., 2.], [3., 4.]]).view(2, 1, 1, 2)
    place, confidence = agreed(points, torch.zeros(2, 1, 1), 1.)
    assert place.flatten().tolist() == [1., 2.] and confidence.item() == 0.


# ------------------------------------------------------------------ geometry
@pytest.mark.parametrize('codec', ['MSRAHeatmap', 'UDPHeatmap'])
def test_a_seen_point_is_found_at_its_place(codec):
    """A network that finds bright spots: the extra views show them elsewhere, not their points."""
    model = build('heatmap')
    readout = model.readout
    if codec == 'UDPHeatmap':
        readout.scale_factor = (np.array(SIZE) - 1.) / (np.array(readout.size[::-1]) - 1.)
    scale = torch.as_tensor(readout.scale_factor).float()
    points = torch.tensor([[20., 12.], [40., 18.], [30., 22.]]).expand(2, 3, 2)
    image = render_gaussians(points, SIZE[::-1], 4.)

    def spots(images):
        """Sampled at the codec's places: exact, so that only the geometry can be wrong."""
        height, width = readout.size
        y, x = torch.meshgrid(torch.arange(height) * scale[1], torch.arange(width) * scale[0],
                              indexing='ij')
        grid = torch.stack([2 * x / (SIZE[0] - 1) - 1, 2 * y / (SIZE[1] - 1) - 1], -1)
        return F.grid_sample(images, grid.expand(len(images), -1, -1, -1), align_corners=True,
                             padding_mode='border')
    views = ExtraViews(VIEWS, readout)
    found, confidence = views.read(image, spots(image), torch.arange(3), spots)
    assert (found * scale - points).norm(dim=-1).max() < 0.3  # input pixels
    assert confidence.min() > 0.85
    seen = []
    views.read(image, spots(image), torch.arange(3), lambda x: seen.append(x) or spots(x))
    assert len(seen) == 3 and all((x - image).abs().max() > 0.5 for x in seen)


def test_a_view_is_turned_mirrored_and_enlarged_around_the_middle():
    matrix = view_matrix(dict(flip=True, scale=2., rotation=90.), (32, 64))[0]
    middle = torch.tensor([31.5, 15.5, 1.])
    torch.testing.assert_close(matrix @ middle, middle)
    # ten pixels to the right of the middle: twice as far below it (y points down)
    moved = matrix @ (middle + torch.tensor([10., 0., 0.]))
    torch.testing.assert_close(moved, middle + torch.tensor([0., 20., 0.]), atol=1e-4, rtol=0.)


@pytest.mark.parametrize('name', ['heatmap', 'rtmcc', 'rle', 'integral', 'regression'])
def test_a_mirrored_view_exchanges_left_and_right(name):
    """A head that answers the mirror image of its first answer: both agree for every kind."""
    model = build(name, train_cfg=dict(confidence_quantile=0., extra_views=[dict(flip=True)]))
    readout = model.readout
    scale = torch.as_tensor(readout.scale_factor).float()
    own = torch.tensor([[20., 12.], [40., 20.], [28., 16.]])
    mirrored = own[[0, 2, 1]] * torch.tensor([-1., 1.]) + torch.tensor([SIZE[0] - 1., 0.])

    def output(points):
        made = readout.targets(points.expand(2, 3, 2) / scale)
        return torch.cat([made, torch.zeros_like(made)], -1) if name == 'rle' else made
    answers = iter([output(own), output(mirrored)])
    model.teacher.head.forward = lambda feats: next(answers)
    pseudo = model.forward_teacher(*two_domains(HEADS[name]['decoder']))[2]
    tolerance = 0.5 if readout.kind == 'profiles' else 2.9 if readout.kind == 'maps' else 0.01
    assert (pseudo.points - own).norm(dim=-1).max() < tolerance
    assert pseudo.weights.eq(1).all()
    alone = readout.points(output(own))[1]
    assert (pseudo.confidence >= 0.9 * alone).all()


# ------------------------------------------------------------------ in the training step
def test_agreement_gives_regression_a_confidence():
    """Without it nothing is rejected; with it the joints that views disagree on are."""
    model = build('regression',
                  train_cfg=dict(confidence_quantile=0.5, extra_views=[dict(flip=True)]))
    own = torch.tensor([[20., 12.], [40., 20.], [28., 16.]])
    mirrored = own[[0, 2, 1]] * torch.tensor([-1., 1.]) + torch.tensor([SIZE[0] - 1., 0.])
    mirrored[1] -= 25.  # joint 2 of the teacher's view
    answers = iter([model.readout.targets(p.expand(2, 3, 2)) for p in (own, mirrored)])
    model.teacher.head.forward = lambda feats: next(answers)
    pseudo = model.forward_teacher(*two_domains(HEADS['regression']['decoder']))[2]
    assert pseudo.weights[:, 2].eq(0).all()
    assert (pseudo.confidence[:, :2] > 0.99).all() and (pseudo.confidence[:, 2] < 0.6).all()


@pytest.mark.parametrize('name', FAMILIES)
def test_a_step_trains_the_student_alone(name):
    model = build(name, train_cfg=dict(confidence_quantile=0., extra_views=VIEWS))
    looks = []
    model.teacher.backbone.register_forward_hook(lambda m, i, o: looks.append(len(i[0])))
    before = {k: v.clone() for k, v in model.teacher.state_dict().items()}
    losses = model.loss(*two_domains(HEADS[name]['decoder']))
    assert looks == [2] * 4
    losses['loss_consistency'].backward()
    assert sum(p.grad.abs().sum() for p in model.student.parameters() if p.grad is not None) > 0
    assert all(p.grad is None for p in model.teacher.parameters())
    assert all(torch.equal(v, before[k]) for k, v in model.teacher.state_dict().items())


def test_a_joint_outside_of_the_teachers_view_is_no_label():
    """A view of smaller scale sees beyond the border; what lies there must not be taught."""
    model = build('heatmap', train_cfg=dict(confidence_quantile=0.,
                                            extra_views=[dict(scale=0.5)]))
    height, width = model.readout.size
    nothing = torch.zeros(2, 3, height, width)
    corner = nothing.clone()
    corner[:, :, 0, 0] = 1.
    answers = iter([nothing, corner])
    model.teacher.head.forward = lambda feats: next(answers)
    pseudo = model.forward_teacher(*two_domains(HEADS['heatmap']['decoder']))[2]
    assert pseudo.weights.eq(0).all() and pseudo.confidence.eq(0).all()


def test_bfloat16_rounds_no_point():
    model = build('heatmap', train_cfg=dict(confidence_quantile=0., extra_views=VIEWS))
    model.teacher.head.forward = fixed(torch.rand(
        2, 3, *model.readout.size, generator=torch.Generator().manual_seed(0)))
    batch = two_domains(HEADS['heatmap']['decoder'])
    expected = model.forward_teacher(*batch)[2]
    with torch.autocast('cpu', torch.bfloat16):
        found = model.forward_teacher(*batch)[2]
    torch.testing.assert_close(found.points, expected.points)


@pytest.mark.parametrize('given,message', [
    ('flip', r"list such as \[dict\(flip=True"), (dict(flip=True), 'list such as'),
    ([dict(angle=3)], r"unknown \['angle'\].*rotation"), ([dict()], "teacher's own"),
    ([dict(scale=0.)], 'positive'), ([dict(rotation='10')], 'degrees'),
    ([dict(scale=float('nan'))], 'positive')])
def test_odd_views_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        build('heatmap', train_cfg=dict(extra_views=given))


def test_the_published_warp_reads_one_view():
    with pytest.raises(ValueError, match='leave peaks_from out'):
        build('heatmap', train_cfg=dict(extra_views=[dict(flip=True)], peaks_from='warped'))
