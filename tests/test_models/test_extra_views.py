"""Pseudo-labels from several views of the teacher: geometry, agreement, all kinds of heads."""
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import ConfigDict
from mmpose.registry import MODELS
from test_mean_teacher import fixed, rotated
from test_readouts import FAMILIES, HEADS, SIZE, build, plain_config, two_domains

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
    place, confidence = agreed(points, torch.full((2, 1, 1), -0.3), 1.)
    assert place.flatten().tolist() == [1., 2.] and confidence.item() == 0.


@pytest.mark.parametrize('height', [1e-11, 1e-20, 1e-37])
def test_an_untrained_heads_tiny_peaks_keep_their_place(height):
    """They must not be pulled to the corner."""
    points = torch.tensor([[30., 40.], [30., 42.]]).view(2, 1, 1, 2)
    place, confidence = agreed(points, torch.full((2, 1, 1), height), 1e3)
    torch.testing.assert_close(place.flatten(), torch.tensor([30., 41.]))
    assert confidence.item() == pytest.approx(height, rel=1e-4)


def test_of_equal_views_that_disagree_the_first_one_wins():
    points = torch.tensor([[0., 0.], [100., 0.]]).view(2, 1, 1, 2)
    for order in ([0, 1], [1, 0]):
        place, confidence = agreed(points[order], torch.ones(2, 1, 1), 1.)
        assert torch.equal(place, points[order][0]) and confidence.item() == 0.5


def test_a_view_that_is_not_a_number_makes_the_joint_no_label():
    """Known by its confidence, which no threshold lets through."""
    points = torch.tensor([[1., 2.], [torch.nan, 4.]]).view(2, 1, 1, 2)
    place, confidence = agreed(points, torch.ones(2, 1, 1), 1.)
    assert place.flatten().tolist() == [1., 2.] and confidence.isnan().all()


# ------------------------------------------------------------------ geometry
@pytest.mark.parametrize('codec', ['MSRAHeatmap', 'UDPHeatmap'])
def test_a_seen_point_is_found_at_its_place(codec):
    """A network that finds bright spots: the extra views show them elsewhere, not their points."""
    cfg = plain_config('heatmap')
    cfg['head']['decoder']['type'] = codec
    readout = MODELS.build(dict(type='MeanTeacherPoseEstimator', pose_estimator=cfg)).readout
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


def test_a_mirrored_view_exchanges_the_confidence_too():
    model = build('heatmap', train_cfg=dict(confidence_quantile=0., extra_views=[dict(flip=True)]))
    scale = torch.as_tensor(model.readout.scale_factor).float()
    own = torch.tensor([[20., 12.], [40., 20.], [28., 16.]])
    mirrored = own[[0, 2, 1]] * torch.tensor([-1., 1.]) + torch.tensor([SIZE[0] - 1., 0.])
    heights = torch.tensor([0.9, 0.6, 0.3])
    answers = iter([model.readout.targets(p.expand(2, 3, 2) / scale) * h[:, None, None]
                    for p, h in ((own, heights), (mirrored, heights[[0, 2, 1]]))])
    model.teacher.head.forward = lambda feats: next(answers)
    pseudo = model.forward_teacher(*two_domains(HEADS['heatmap']['decoder']))[2]
    assert (pseudo.confidence - heights).abs().max() < 0.08  # a third of a step between joints


def test_a_data_set_without_pairs_is_mirrored_without_exchange():
    model = build('regression', train_cfg=dict(extra_views=[dict(flip=True)]))
    own = torch.tensor([[20., 12.], [40., 20.], [28., 16.]])
    mirrored = own * torch.tensor([-1., 1.]) + torch.tensor([SIZE[0] - 1., 0.])
    answers = iter([model.readout.targets(p.expand(2, 3, 2)) for p in (own, mirrored)])
    model.teacher.head.forward = lambda feats: next(answers)
    inputs, samples = two_domains(HEADS['regression']['decoder'])
    for sample in sum(samples.values(), []):
        sample.set_metainfo(dict(flip_indices=[0, 1, 2]))
    pseudo = model.forward_teacher(inputs, samples)[2]
    torch.testing.assert_close(pseudo.points, own.expand(2, 3, 2))
    torch.testing.assert_close(pseudo.confidence, torch.ones(2, 3))


def test_views_agree_by_a_gaussian_of_a_twentieth_of_the_longer_side():
    readout = build('regression').readout
    own = torch.tensor([[20., 12.], [40., 20.], [28., 16.]]).expand(2, 3, 2)
    distance = torch.tensor([[0., 0.], [0., 0.05 * SIZE[0]], [0.1 * SIZE[0], 0.]])
    turned = torch.tensor(SIZE) - 1. - (own + distance)
    views = ExtraViews([dict(rotation=180.)], readout)
    _, confidence = views.read(torch.zeros(2, 3, *SIZE[::-1]), readout.targets(own),
                               torch.arange(3), lambda images: readout.targets(turned))
    expected = (1 + torch.tensor([0., -0.5, -2.]).exp()) / 2
    torch.testing.assert_close(confidence, expected.expand(2, 3))


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


def test_batch_norms_track_the_teachers_own_view_alone():
    """The statistics of turned images with grey corners are not the target's."""
    states = []
    for views in ([], VIEWS):
        model = build('heatmap', train_cfg=dict(teacher_norm='batch', extra_views=views))
        looks = []
        model.teacher.backbone.bn1.register_forward_hook(
            lambda m, i, o, looks=looks: looks.append(float(o.mean((0, 2, 3)).abs().max())))
        model.forward_teacher(*two_domains(HEADS['heatmap']['decoder']))
        states.append(model.teacher.state_dict())
    assert len(looks) == 4 and max(looks) < 1e-5  # each view is normalised by its own statistics
    moved = {k for k, v in states[0].items() if 'running' in k and v.abs().sum() > 0}
    assert moved and all(torch.equal(states[0][k], v) for k, v in states[1].items())


@pytest.mark.parametrize('name', ['heatmap', 'rtmcc', 'regression'])
def test_the_start_model_is_read_as_the_teacher_is(name):
    """Before the first step both are the same model: nothing has drifted, both select alike."""
    cfg = dict(extra_views=VIEWS, confidence_quantile=(0.7, 0.5), min_confidence=[0., 0., -1.])
    model = build(name, train_cfg=cfg, alignments=dict(d=dict(type='StartModelDistillation')))
    for p in model.student.head.parameters():  # peaks above 0
        p.data = p.data.abs() + 0.05 * torch.rand_like(p)
    model.copy_student_to_teacher()
    model.copy_student_to_start()
    looks = []
    model.start.backbone.register_forward_hook(lambda *args: looks.append(1))
    model.run_state.batch_wanted = True
    losses = model.loss(*two_domains(HEADS[name]['decoder']))
    batch = model.run_state.last_batch
    assert losses['start_drift'] == 0 and len(looks) == 4
    assert torch.equal(batch.start.pseudo.weights, batch.pseudo.weights)
    assert torch.equal(batch.start.pseudo.points, batch.pseudo.points)
    assert 0 < batch.pseudo.weights.mean() <= 0.5  # as the schedule says
    model.set_joint_thresholds([2., 2., 2.])
    model.run_state.batch_wanted = True
    model.loss(*two_domains(HEADS[name]['decoder']))
    batch = model.run_state.last_batch
    assert batch.pseudo.weights.sum() == batch.start.pseudo.weights.sum() == 0


def test_points_are_the_same_in_the_base_crop():
    """compare_frame='base' brings the points there, and back into the student's view."""
    found = []
    for frame in ('student', 'base'):
        model = build('heatmap', train_cfg=dict(confidence_quantile=0., extra_views=VIEWS,
                                                compare_frame=frame))
        model.teacher.head.forward = fixed(torch.rand(
            2, 3, *model.readout.size, generator=torch.Generator().manual_seed(0)))
        inputs, samples = two_domains(HEADS['heatmap']['decoder'], rotated(10, True), True)
        for sample in samples['target_teacher'] + samples['target_student']:
            sample.set_metainfo(dict(base_matrix=np.eye(3, dtype=np.float32)))
        found.append(model.forward_teacher(inputs, samples)[2])
    torch.testing.assert_close(found[0].points, found[1].points, atol=1e-3, rtol=0.)
    torch.testing.assert_close(found[0].confidence, found[1].confidence)
    assert found[0].weights.sum() > 0


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


def test_bfloat16_rounds_neither_points_nor_views():
    model = build('heatmap', train_cfg=dict(confidence_quantile=0., extra_views=VIEWS))
    model.teacher.head.forward = fixed(torch.rand(
        2, 3, *model.readout.size, generator=torch.Generator().manual_seed(0)))
    seen = []
    model.teacher.backbone.register_forward_hook(lambda m, i, o: seen.append(i[0]))
    batch = two_domains(HEADS['heatmap']['decoder'])
    expected = model.forward_teacher(*batch)[2]
    with torch.autocast('cpu', torch.bfloat16):
        found = model.forward_teacher(*batch)[2]
    torch.testing.assert_close(found.points, expected.points)
    for a, b in zip(seen[:4], seen[4:], strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize('given,message', [
    ('flip', r"list such as \[dict\(flip=True"), (dict(flip=True), 'list such as'),
    ([dict(flip=True), None], 'list such as'), ([[('flip', True)]], 'list such as'),
    ([dict(angle=3)], r"unknown \['angle'\].*rotation"), ([{1: 2, 'a': 3}], r"\['1', 'a'\]"),
    ([dict()], "teacher's own"), ([dict(rotation=-360.)], "teacher's own"),
    ([dict(flip='no')], 'flip is True or False'), ([dict(flip=None)], 'flip is True or False'),
    ([dict(scale=0.)], 'from 0.1 to 10'), ([dict(scale=True, flip=True)], 'from 0.1 to 10'),
    ([dict(scale=1e-46)], 'from 0.1 to 10'), ([dict(scale=10**400)], 'from 0.1 to 10'),
    ([dict(scale=float('nan'))], 'from 0.1 to 10'), ([dict(rotation='10')], 'degrees'),
    ([dict(rotation=float('inf'))], 'degrees'), ([dict(rotation=True)], 'degrees')])
def test_odd_views_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        build('heatmap', train_cfg=dict(extra_views=given))


@pytest.mark.parametrize('given', [None, [], ()])
def test_a_config_that_inherits_views_takes_them_away(given):
    model = build('heatmap', train_cfg=ConfigDict(extra_views=given))
    assert model.extra_views is None and model.train_cfg['peaks_from'] == 'warped'


@pytest.mark.parametrize('given', [ConfigDict(a=[dict(flip=True)]).a, (dict(flip=True),),
                                   [dict(flip=True, scale=np.float32(1.))]])
def test_views_of_a_config_are_complete(given):
    model = build('heatmap', train_cfg=dict(extra_views=given))
    assert model.extra_views.views == (dict(flip=True, scale=1., rotation=0.),)
    assert model.train_cfg['peaks_from'] == 'teacher'


def test_the_published_warp_reads_one_view():
    with pytest.raises(ValueError, match="peaks_from='teacher'"):
        build('heatmap', train_cfg=dict(extra_views=[dict(flip=True)], peaks_from='warped'))
