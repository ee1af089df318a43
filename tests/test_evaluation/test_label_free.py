"""Criteria without labels: analytic cases, an independent slow reference, collapse, failures."""
import random
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from mmpose.codecs import MSRAHeatmap
from mmpose.registry import DATASETS, METRICS
from torch import nn

from udapose.evaluation import label_free

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'test_datasets'))
from tiny_data import make_metainfo  # noqa: E402

SIZE, MAPS = 64, 32
NAMES = ['nose', 'left_hand', 'right_hand']
VIEW = [dict(type='RandomFlip'),
        dict(type='RandomBBoxTransform', shift_factor=0.05, scale_factor=(0.9, 1.1),
             rotate_factor=20, rotate_prob=1., shift_prob=1.),
        dict(type='RecordedTopdownAffine', input_size=(SIZE, SIZE))]
FORK = [dict(type='LoadPoseImage'), dict(type='GetBBoxCenterScale', padding=1.),
        dict(type='ForkViews', teacher=VIEW, student=VIEW)]


@pytest.fixture(autouse=True)
def mmpose_scope():
    """As MMPose's runner: data sets build their pipelines in MMPose's scope."""
    with DefaultScope.overwrite_default_scope('mmpose'):
        yield


@pytest.fixture(scope='module')
def dots(tmp_path_factory):
    """Images with a red dot (nose) and two green ones (hands: the left and the right one)."""
    folder, rng = tmp_path_factory.mktemp('dots'), np.random.default_rng(0)
    for i in range(12):
        image = np.zeros((96, 96, 3), np.float32)
        for channel, x, y in ((2, 48, 26), (1, 24, 55), (1, 72, 55)):
            image[y + rng.integers(-12, 13), x + rng.integers(-12, 13), channel] = 1
        image = cv2.GaussianBlur(image, (0, 0), 4)
        cv2.imwrite(str(folder / f'{i:02}.png'), np.uint8(image / image.max() * 255))
    return dict(type='UnlabeledPoseDataset', data_root=str(folder), pipeline=FORK,
                metainfo=make_metainfo(keypoints=NAMES))


def draw(dataset, **kwargs):
    return METRICS.build(dict(dict(
        type='LabelFreeCriteria', dataset=dataset, num_images=12, batch_size=5), **kwargs)
        ).prepare()


class Preprocessor(nn.Module):
    def forward(self, data, training):
        assert training is False
        return dict(inputs=torch.stack(data['inputs']).float() / 255)


class Estimator(nn.Module):
    """``find`` maps images (B, 3, H, W) to heatmaps (B, 3, 32, 32)."""

    def __init__(self, find):
        super().__init__()
        self.find, self.data_preprocessor, self.head = find, Preprocessor(), nn.Module()
        self.head.decoder = MSRAHeatmap((SIZE, SIZE), (MAPS, MAPS), 1.5)
        self.head.forward = lambda feats: feats

    def extract_feat(self, inputs):
        return self.find(inputs)


class Pair(nn.Module):
    plain_names = ('student', 'teacher')

    def __init__(self, teacher, student, predict_on='teacher'):
        super().__init__()
        self.teacher, self.student, self.predict_on = teacher, student, predict_on
        self.data_preprocessor = Preprocessor()


def perfect(images):
    """The left green dot is the left hand, also after a flip: as a detector sees it."""
    small = nn.functional.avg_pool2d(images, 2)
    green, x = small[:, 1], torch.arange(MAPS).float()
    middle = (green.sum(1) * x).sum(-1) / green.sum((1, 2))
    left = (x < middle[:, None])[:, None]
    return torch.stack([small[:, 2], green * left, green * ~left], 1)


def noisy(amount, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def find(images):
        maps = perfect(images)
        return maps + amount * torch.rand(maps.shape, generator=generator)
    return find


def constant(images, where=(16, 16)):
    """What a collapsed model says: the same for each image."""
    y, x = torch.meshgrid(torch.arange(MAPS), torch.arange(MAPS), indexing='ij')
    bump = torch.exp(-((x - where[0]) ** 2 + (y - where[1]) ** 2) / 2.)
    return bump.expand(len(images), 3, -1, -1)


def test_perfect_and_collapsed(dots):
    criteria = draw(dots)
    flips = [[s.metainfo['flip'] for s in criteria.views[v][1]] for v in criteria.views]
    assert any(a != b for a, b in zip(*flips))  # left and right do change places
    good = criteria(Estimator(perfect))
    assert set(good) == {'agreement', 'score', 'confidence', 'entropy', 'mutual_information'}
    assert good['agreement'] > 95 and good['score'] > 95 and good['mutual_information'] > 0.05
    assert criteria(Estimator(perfect)) == good  # the same views again

    lenient = draw(dots, threshold=0.15)  # the views' shifts move a constant prediction by less
    good, collapsed = lenient(Estimator(perfect)), lenient(Estimator(constant))
    assert collapsed['agreement'] > 90 and good['score'] > 80  # the plain criteria are fooled
    assert collapsed['confidence'] > good['confidence'] and collapsed['entropy'] < good['entropy']
    assert abs(collapsed['score']) < 1e-6 and collapsed['mutual_information'] < 1e-6


def test_left_and_right_must_change_places(dots):
    def colour_blind(images):  # names the hands by their place in the heatmap's memory: wrong
        return perfect(images)[:, [0, 2, 1]]
    criteria = draw(dots)
    assert criteria(Estimator(colour_blind))['agreement'] > 95  # consistently wrong is consistent
    for sample in criteria.views['target_teacher'][1]:
        sample.set_metainfo(dict(flip_indices=[0, 1, 2]))
    assert criteria(Estimator(perfect))['agreement'] < 90


def test_more_noise_ranks_lower(dots):
    criteria = draw(dots)
    results = [criteria(Estimator(noisy(a))) for a in (0., 0.6, 1.2, 3.)]
    for key, sign in (('agreement', 1), ('score', 1), ('entropy', -1), ('mutual_information', 1)):
        values = [sign * r[key] for r in results]
        assert values == sorted(values, reverse=True) and values[0] > values[-1] + 0.01, key


def slow(criteria, find_a, find_b, threshold=0.05):
    """Agreement and its chance level in percent: one joint at a time, in input pixels."""
    from udapose.models.utils.pseudo_label import heatmap_peaks
    found = []
    for view, find in zip(('target_teacher', 'target_student'), (find_a, find_b)):
        images, samples = criteria.views[view]
        points = torch.cat([heatmap_peaks(find(x.float() / 255))[0] for x in images.split(5)])
        found.append((points.double().numpy() * 2, [s.metainfo for s in samples]))
    (a, meta_a), (b, meta_b) = found

    def visible(p):
        return bool(-1 <= p[0] <= 63 and -1 <= p[1] <= 63)  # half a heatmap pixel of margin

    def share(pairs):
        hits = total = 0
        for i, j in pairs:
            for k in range(3):
                m = {v: [x[v]['input_matrix'].astype(float) for x in (meta_a, meta_b)]
                     for v in (i, j)}
                differ = meta_a[i]['flip'] != meta_b[i]['flip']
                from_a = a[i, [0, 2, 1][k] if differ else k]
                from_a = (m[i][1] @ np.linalg.inv(m[i][0]) @ [*from_a, 1])[:2]
                back = (m[j][0] @ np.linalg.inv(m[j][1]) @ [*b[j, k], 1])[:2]
                if visible(from_a) and visible(back):
                    total += 1
                    hits += np.linalg.norm(from_a - b[j, k]) / SIZE <= threshold
        return hits / total
    n = len(a)
    same, other = share([(i, i) for i in range(n)]), share(
        [(i, j) for i in range(n) for j in range(n) if j != i])
    return 100 * same, 100 * (same - other) / max(1 - other, 1e-6)


@pytest.mark.parametrize('amount,threshold', [(0.5, 0.05), (1., 0.1)])
def test_equals_a_slow_reference(dots, amount, threshold):
    def find(images):  # noise that depends on the image alone
        return perfect(images) + amount * torch.sin(
            1e3 * nn.functional.avg_pool2d(images, 2) + 50 * torch.arange(MAPS))
    criteria = draw(dots, threshold=threshold)
    model, lazy = Estimator(find), Estimator(constant)
    result = criteria(model)
    expected = slow(criteria, find, find, threshold)
    assert 5 < expected[0] < 95
    np.testing.assert_allclose([result['agreement'], result['score']], expected, atol=1e-3)

    maps = [[find(x.float() / 255) for x in criteria.views[v][0].split(5)]
            for v in criteria.views]
    maps = torch.cat([torch.cat(m) for m in maps]).double().flatten(2).numpy()
    peaks, entropies, mean = [], [], np.zeros(maps.shape[1:])
    for image in maps:
        for k, heatmap in enumerate(image):
            p = np.maximum(heatmap, 0)
            p /= p.sum()
            peaks.append(heatmap.max())
            entropies.append(-sum(x * np.log(x) for x in p if x > 0) / np.log(1024))
            mean[k] += p / len(maps)
    of_mean = np.mean([-sum(x * np.log(x) for x in p if x > 0) for p in mean]) / np.log(1024)
    np.testing.assert_allclose(
        [result['confidence'], result['entropy'], result['mutual_information']],
        [np.mean(peaks), np.mean(entropies), of_mean - np.mean(entropies)], atol=1e-4)

    # the teacher looks at view A and the student at view B, whichever is evaluated
    for predict_on, own in (('teacher', find), ('student', constant)):
        both = criteria(Pair(model, lazy, predict_on))
        np.testing.assert_allclose(both['teacher_student'],
                                   slow(criteria, find, constant, threshold)[0], atol=1e-3)
        np.testing.assert_allclose(both['agreement'], slow(criteria, own, own, threshold)[0],
                                   atol=1e-3)


def test_analytic_entropies(dots):
    criteria = draw(dots)
    flat = criteria(Estimator(lambda x: torch.zeros(len(x), 3, MAPS, MAPS)))
    assert flat['entropy'] == pytest.approx(1, abs=1e-5)
    assert flat['mutual_information'] == pytest.approx(0, abs=1e-5) and flat['confidence'] == 0
    counter = iter(range(10**6))

    def one_hot(images):  # another position for each of the 24 views: as much as there can be
        maps = torch.zeros(len(images), 3, MAPS * MAPS)
        for row in maps:
            row[:, next(counter)] = 2.
        return maps.view(-1, 3, MAPS, MAPS)
    sharp = criteria(Estimator(one_hot))
    assert sharp['entropy'] == pytest.approx(0, abs=1e-5) and sharp['confidence'] == 2
    assert sharp['mutual_information'] == pytest.approx(np.log(24) / np.log(1024), abs=1e-5)


def test_views_are_fixed_and_the_run_keeps_its_random_state(dots):
    def three():
        return random.random(), np.random.rand(), torch.rand(1).item()

    views = []
    for seed in (0, 1):
        random.seed(seed), np.random.seed(seed), torch.manual_seed(seed)
        expected = three()
        random.seed(seed), np.random.seed(seed), torch.manual_seed(seed)
        views.append(draw(dots).views)
        assert three() == expected
    for (images, samples), (again, samples_again) in zip(views[0].values(), views[1].values()):
        assert images.dtype == torch.uint8 and torch.equal(images, again)
        for a, b in zip(samples, samples_again):
            assert (a.metainfo['input_matrix'] == b.metainfo['input_matrix']).all()
    other = draw(dots, seed=5).views['target_teacher'][0]
    assert not torch.equal(other, views[0]['target_teacher'][0])
    names = [Path(s.metainfo['img_path']).stem for s in
             draw(dots, num_images=3).views['target_student'][1]]
    assert names == ['00', '06', '11']  # evenly spread


def test_ranks_share_the_work_and_the_result(dots, monkeypatch):
    model = Pair(Estimator(perfect), Estimator(constant))
    alone = draw(dots)(model)
    monkeypatch.setattr(label_free, 'get_world_size', lambda: 2)
    own = []
    for rank in (0, 1):
        monkeypatch.setattr(label_free, 'get_rank', lambda rank=rank: rank)
        criteria = draw(dots)
        assert len(criteria.indices) == 6
        monkeypatch.setattr(label_free, 'all_gather_object', lambda x: own.append(x) or [x])
        criteria(model)
    monkeypatch.setattr(label_free, 'all_gather_object', lambda x: own)
    assert criteria(model) == pytest.approx(alone, abs=1e-4)


def test_mode_and_gradients_are_left_alone(dots):
    model = Estimator(perfect).train()
    seen = []
    find = model.find
    model.find = lambda x: seen.append((model.training, torch.is_grad_enabled())) or find(x)
    draw(dots)(model)
    assert model.training and set(seen) == {(False, False)}


def test_failures_name_the_remedy(dots):
    def build(**kwargs):
        return METRICS.build(dict(type='LabelFreeCriteria', **kwargs))

    with pytest.raises(ValueError, match='num_images >= 2'):
        build(num_images=1)
    with pytest.raises(ValueError, match=r'no TwoDomainDataset.*label_free\.dataset='):
        build().prepare()
    with pytest.raises(RuntimeError, match='prepare'):
        build()(Estimator(perfect))
    with pytest.raises(ValueError, match='end with ForkViews'):
        build(dataset=dict(dots, pipeline=[])).prepare()
    one = DATASETS.build(dict(dots, indices=1))
    with pytest.raises(ValueError, match='at least 2 target images.*has 1'):
        build(dataset=one).prepare()
    model = Estimator(perfect)
    model.head.decoder = SimpleNamespace()
    with pytest.raises(ValueError, match='no readout is registered for this codec'):
        draw(dots)(model)
