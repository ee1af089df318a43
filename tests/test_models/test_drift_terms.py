"""Terms against drift: each against a slow reference, and with gradients."""
import itertools
import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmpose.registry import KEYPOINT_CODECS, MODELS
from torch.distributions import Beta

sys.path.insert(0, str(Path(__file__).resolve().parent))
from tiny_models import FAMILIES, rotated, source_free, target_batch  # noqa: E402

from udapose.models.utils.pseudo_label import render_gaussians, soft_peaks  # noqa: E402

POINTS = np.array([[20., 24.], [40., 30.], [30., 44.]], np.float32)  # input pixels
MOVES = [(rotated(25), False), (rotated(-15, True), True)]
KINDS = ('heatmap', 'simcc', 'regression')


def built(family, term, **train_cfg):
    """A model with the term alone, whose student has moved away from its start."""
    options = dict(dict(peaks_from='teacher'), **train_cfg)
    model = source_free(family, options, consistency=None, alignments=dict(term=term))
    torch.manual_seed(3)
    for p in model.student.parameters():
        p.data += 0.02 * torch.randn_like(p)
    return model


def encoded(family, points):
    """Labels of (B, 3, 2) points by MMPose's own codec, sample by sample."""
    codec = KEYPOINT_CODECS.build(FAMILIES[family]['head']['decoder'])
    labels = []
    for each in points:
        e = codec.encode(each[None].astype(np.float32), np.ones((1, 3), np.float32))
        labels.append(e['heatmaps'] if family == 'heatmap' else
                      (e['keypoint_x_labels'][0], e['keypoint_y_labels'][0])
                      if family == 'simcc' else e['keypoint_labels'][0])
    if family == 'simcc':
        return tuple(torch.from_numpy(np.stack(x)) for x in zip(*labels, strict=True))
    return torch.from_numpy(np.stack(labels))


def logits_of(family, points):
    """An output of the head that is read as these points, with full confidence."""
    labels = encoded(family, points)
    if family != 'simcc':
        return labels
    return tuple((p + 1e-6).log() for p in labels)


def moved(points):
    """POINTS of each image in the student's view, left and right exchanged by a flip."""
    out = []
    for p, (matrix, flip) in zip(points, MOVES, strict=True):
        p = p @ matrix[:2, :2].T + matrix[:2, 2]
        out.append(p[[0, 2, 1]] if flip else p)
    return np.stack(out)


def teach(model, family, who='start', shift=0.):
    """Let the start model (or the teacher) predict POINTS, moved by ``shift``."""
    points = np.stack([POINTS, POINTS + 2]) + shift
    getattr(model, who).head.forward = lambda feats: logits_of(family, points)
    return points


def student_output(model, images):
    return model.student.head.forward(model.student.extract_feat(images))


def slow_loss(family, output, labels):
    """Written out: mean squared error, KL of both profiles (MMPose's, summed over images), smooth
    L1."""
    if family == 'heatmap':
        return (output - labels).square().mean()
    if family == 'regression':
        d = (output - labels).abs()
        return torch.where(d < 1, 0.5 * d * d, d - 0.5).mean()
    total = 0.
    for logits, p in zip(output, labels, strict=True):
        q = logits.log_softmax(-1)
        total = total + torch.nn.functional.kl_div(q, p, reduction='none').mean(-1).mean(1).sum()
    return total


# ------------------------------------------------------------------ distillation
@pytest.mark.parametrize('family', KINDS)
def test_distillation_equals_the_losses_on_the_start_models_points(family):
    model = built(family, dict(type='StartModelDistillation', loss_weight=0.5), valid_mask=False)
    points = teach(model, family)
    teach(model, family, 'teacher', shift=4.)
    inputs, samples = target_batch(2, MOVES)
    losses = model.loss(inputs, samples)
    expected = slow_loss(family, student_output(model, inputs['target_student']),
                         encoded(family, moved(points)))
    tolerance = dict(rtol=5e-3, atol=1e-6)  # SimCC's confidence term and sub-pixel peaks
    torch.testing.assert_close(losses['loss_distillation'], 0.5 * expected, **tolerance)
    # the teacher says 4 pixels further in x and y
    drift = float(losses['start_drift']) * 64
    assert drift == pytest.approx(4 * math.sqrt(2), abs=0.1)
    losses['loss_distillation'].backward()
    assert all(p.grad is not None for p in model.student.parameters() if p.requires_grad)


def test_distillation_leaves_out_joints_of_which_the_start_model_is_not_sure():
    model = built('heatmap', dict(type='StartModelDistillation'), min_confidence=0.5)
    heatmaps = logits_of('heatmap', np.stack([POINTS, POINTS]))
    heatmaps[:, 1] *= 0.4
    model.start.head.forward = lambda feats: heatmaps
    teach(model, 'heatmap', 'teacher')
    model.run_state.batch_wanted = True
    model.loss(*target_batch(2))
    assert model.run_state.last_batch.start.pseudo.weights.tolist() == [[1, 0, 1]] * 2
    assert model.run_state.last_batch.pseudo.weights.tolist() == [[1, 1, 1]] * 2


# ------------------------------------------------------------------ L2-SP
def test_the_weight_loss_equals_the_loop():
    model = built('heatmap', dict(type='StartWeightLoss', loss_weight=0.3))
    frozen = next(model.student.parameters())
    frozen.requires_grad_(False)  # as MMPose's frozen_stages does
    losses = model.loss(*target_batch())
    pairs = [(p, q) for p, q in zip(model.student.parameters(), model.start.parameters(),
                                    strict=True) if p.requires_grad]
    expected = sum(0.15 * (p - q).square().sum() for p, q in pairs)
    torch.testing.assert_close(losses['loss_start_weights'], expected)
    (2 * losses['loss_start_weights']).backward()
    for p, q in pairs:
        torch.testing.assert_close(p.grad, 2 * 0.3 * (p - q).detach())
    assert frozen.grad is None
    assert 'pseudo_coverage' not in losses  # it needs neither teacher nor image


def test_the_weight_loss_has_a_finite_gradient_at_the_start():
    model = source_free(consistency=None, alignments=dict(w=dict(type='StartWeightLoss')))
    loss = model.loss(*target_batch())['loss_start_weights']
    loss.backward()
    assert loss == 0
    assert all(p.grad.eq(0).all() for p in model.student.parameters())


# ------------------------------------------------------------------ self-mixup
@pytest.mark.parametrize('family', KINDS)
def test_mixup_equals_both_images_losses(family):
    model = built(family, dict(type='SelfMixupLoss', loss_weight=0.7, alpha=0.5))
    model.readout.has_confidence = True
    points = moved(teach(model, family, 'teacher'))
    inputs, samples = target_batch(2, MOVES)
    norms = {k: v.clone() for k, v in model.student.state_dict().items() if 'running' in k}
    torch.manual_seed(5)
    share, partner = float(Beta(0.5, 0.5).sample()), torch.randperm(2)
    torch.manual_seed(5)
    losses = model.loss(inputs, samples)
    losses['loss_mixup'].backward()
    assert all(p.grad is not None for p in model.student.parameters() if p.requires_grad)
    one_pass = {k: v.clone() for k, v in model.student.state_dict().items() if k in norms}
    images = inputs['target_student']
    expected = 0.
    mixed = torch.stack([share * images[i] + (1 - share) * images[j]
                         for i, j in enumerate(partner.tolist())])
    output = student_output(model, mixed)
    labels = encoded(family, points)
    other = tuple(x[partner] for x in labels) if family == 'simcc' else labels[partner]
    expected = 0.7 * (share * slow_loss(family, output, labels)
                      + (1 - share) * slow_loss(family, output, other))
    torch.testing.assert_close(losses['loss_mixup'], expected, rtol=5e-3, atol=1e-6)
    # statistics: of the target images alone
    model.load_state_dict({f'student.{k}': v for k, v in norms.items()}, strict=False)
    student_output(model, images)
    for k, v in model.student.state_dict().items():
        if k in norms:
            torch.testing.assert_close(v, one_pass[k])
    assert model.student.backbone.bn1.num_batches_tracked >= 1


def test_mixup_wants_a_positive_alpha():
    with pytest.raises(ValueError, match='alpha must be > 0'):
        MODELS.build(dict(type='SelfMixupLoss', alpha=0))


# ------------------------------------------------------------------ pose prior
SKELETON = [(0, 1), (1, 2), (2, 3), (4, 5)]


def prior(**kwargs):
    return MODELS.build(dict(dict(type='PosePriorLoss', skeleton=SKELETON), **kwargs))


def slow_proportions(points):
    length = {(a, b): 0.5 * math.log(sum((points[a] - points[b])**2) + 1) for a, b in SKELETON}
    return [length[a] - length[b] for a, b in itertools.combinations(SKELETON, 2)
            if set(a) & set(b)]


def test_proportions_of_neighbouring_bones():
    points = np.random.default_rng(0).uniform(0, 64, (5, 6, 2))
    values = prior().proportions(torch.from_numpy(points))
    expected = torch.tensor([slow_proportions(p) for p in points], dtype=torch.float64)
    torch.testing.assert_close(values, expected)
    assert values.shape == (5, 2)  # 01-12 and 12-23; 45 shares no joint with the others
    turned = points @ rotated(40)[:2, :2].T + 100
    torch.testing.assert_close(prior().proportions(torch.from_numpy(turned)).double(),
                               expected, rtol=1e-5, atol=1e-5)


def test_statistics_are_those_of_all_confident_poses():
    term, rng = prior(min_count=6), np.random.default_rng(1)
    seen = [[], []]
    for _ in range(3):
        points = rng.uniform(0, 64, (4, 6, 2)).astype(np.float32)
        weights = (rng.random((4, 6)) < 0.9).astype(np.float32)
        term.observe(torch.from_numpy(points), torch.from_numpy(weights))
        for p, w in zip(points.astype(float), weights, strict=True):
            for i, joints in enumerate(((0, 1, 2), (1, 2, 3))):
                if all(w[j] for j in joints):
                    seen[i].append(slow_proportions(p)[i])
    mean, sigma, known = term.statistics()
    np.testing.assert_allclose(mean, [np.mean(s) for s in seen], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(sigma, [np.std(s) for s in seen], rtol=1e-3)
    assert known.tolist() == [float(len(s) >= 6) for s in seen]


@pytest.mark.parametrize('family', ['heatmap', 'simcc', 'regression', 'integral'])
def test_poses_with_other_proportions_cost(family):
    term = dict(type='PosePriorLoss', skeleton=[(0, 1), (1, 2)], min_count=4, loss_weight=1.,
                tolerance=1., min_sigma=0.1)
    model = source_free(family, dict(peaks_from='teacher'), consistency=None,
                        alignments=dict(term=term))
    plausible = np.stack([POINTS, POINTS])
    strange = plausible.copy()
    strange[:, 1] = strange[:, 0] + 6  # a far shorter first bone, a longer second one
    read = {}

    def points(output, subpixel=True):  # teacher and start model know the pose
        return torch.from_numpy(plausible) / torch.as_tensor(model.readout.scale_factor), \
            torch.ones(2, 3)
    model.readout.points = points

    def soft(output):
        return read['student'] / torch.as_tensor(model.readout.scale_factor)
    model.readout.soft_points = soft
    read['student'] = torch.from_numpy(plausible)
    assert model.loss(*target_batch(2))['loss_pose_prior'] == 0  # too few observations
    losses = model.loss(*target_batch(2))
    assert losses['loss_pose_prior'] == 0 and losses['implausible'] == 0
    read['student'] = torch.from_numpy(strange).requires_grad_()
    losses = model.loss(*target_batch(2))
    bones = [[math.log(math.hypot(*(p[a] - p[b])) ** 2 + 1) / 2 for a, b in ((0, 1), (1, 2))]
             for p in (plausible[0].astype(float), strange[0].astype(float))]
    excess = abs((bones[1][0] - bones[1][1]) - (bones[0][0] - bones[0][1])) / 0.1 - 1
    assert losses['loss_pose_prior'].item() == pytest.approx(excess**2, rel=1e-4)
    assert losses['implausible'] == 1
    losses['loss_pose_prior'].backward()
    gradient = read['student'].grad
    assert gradient.isfinite().all() and gradient[:, 1].abs().sum() > 0


@pytest.mark.parametrize('family', ['heatmap', 'simcc', 'rle', 'integral', 'mspn'])
def test_soft_points_are_the_points_and_carry_gradients(family):
    model = source_free(family)
    readout = model.readout
    output = student_output(model, target_batch(2)[0]['target_student'])
    if family in ('heatmap', 'mspn'):
        # of a clean label it is the label's centre
        clean = readout.targets(readout.points(torch.zeros(2, 3, *readout.size))[0]
                                + readout.size[0] / 2 + 0.25)
        torch.testing.assert_close(readout.soft_points(clean), readout.points(clean)[0],
                                   atol=0.1, rtol=0)
    if family == 'simcc':
        clean = tuple((p + 1e-6).log() for p in readout.targets(
            torch.tensor(POINTS)[None].repeat(2, 1, 1)))
        torch.testing.assert_close(readout.soft_points(clean), readout.points(clean)[0],
                                   atol=0.1, rtol=0)
    points = readout.soft_points(output)
    assert points.shape == (2, 3, 2) and points.isfinite().all()
    points.sum().backward()
    head = [p.grad for p in model.student.head.parameters() if p.grad is not None]
    assert head and all(g.isfinite().all() for g in head) and any(g.abs().sum() > 0 for g in head)


def test_soft_peaks():
    centres = torch.tensor([[[10.3, 7.6], [3., 12.]]], requires_grad=True)
    heatmaps = render_gaussians(centres, (16, 20), 1.)
    heatmaps = heatmaps + 0.2 * render_gaussians(torch.tensor([[[1., 1.], [18., 2.]]]),
                                                 (16, 20), 1.)  # a second, lower peak far away
    found = soft_peaks(heatmaps, 3.)
    torch.testing.assert_close(found, centres, atol=0.05, rtol=0)
    found[0, 0, 0].backward()
    assert float(centres.grad[0, 0, 0]) == pytest.approx(1, abs=0.1)
    torch.testing.assert_close(soft_peaks(torch.zeros(1, 1, 8, 8), 2.), torch.ones(1, 1, 2))


@pytest.mark.parametrize('arguments,message', [
    (dict(skeleton=None), 'needs the bones'), (dict(metainfo=dict()), 'needs the bones'),
    (dict(skeleton=[(0, 1), (2, 3)]), 'share a joint'), (dict(min_sigma=0.), 'min_sigma'),
    (dict(loss_weight=-1.), 'loss_weight')])
def test_bad_arguments_of_the_prior(arguments, message):
    with pytest.raises(ValueError, match=message):
        prior(**arguments)


def test_a_skeleton_of_other_joints_is_named():
    model = source_free(alignments=dict(p=dict(type='PosePriorLoss', skeleton=SKELETON)))
    with pytest.raises(ValueError, match='joint 5, but the model predicts 3'):
        model.loss(*target_batch())


def test_the_prior_reads_a_data_sets_skeleton_and_survives_a_resume():
    root = Path(__file__).resolve().parents[2]
    path = root / 'configs/_base_/datasets/metainfo/synth_hands_source.py'
    term = MODELS.build(dict(type='PosePriorLoss', metainfo=dict(from_file=str(path))))
    assert term.num_joints == 21
    term.observe(torch.rand(4, 21, 2) * 64, torch.ones(4, 21))
    other = MODELS.build(dict(type='PosePriorLoss', metainfo=dict(from_file=str(path))))
    other.load_state_dict(term.state_dict())
    assert all(map(torch.equal, other.statistics(), term.statistics()))
