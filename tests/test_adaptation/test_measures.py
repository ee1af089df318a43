"""Label-free measures of predictions: analytic values, collapse, and joint sets without a body."""
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from fake_adaptation import META, figures, people_of, predictions  # noqa: E402

from udapose.adaptation import bodies  # noqa: E402
from udapose.adaptation.bootstrap import groups, interval, resampled  # noqa: E402
from udapose.adaptation.measures import agreement, measure, neighbours  # noqa: E402
from udapose.adaptation.people import Predictions  # noqa: E402


@pytest.fixture(scope='module')
def walk():
    points, clip, time = figures()
    return points, people_of(points, clip, time)


def values(before, after, people, meta=META):
    found = measure(before, after, people, meta)
    return ({k: float(m.value()) for k, m in found.before.items()},
            {k: float(m.value()) for k, m in found.after.items()}, found.absent)


def exact(points, views=3):
    return Predictions(points, np.ones(points.shape[:2], np.float32), np.stack([points] * views))


def test_a_model_that_sees_agrees_fully_and_a_collapsed_one_not_at_all(walk):
    points, people = walk
    middle = (people.boxes[:, :2] + people.boxes[:, 2:]) / 2
    collapsed = np.repeat(middle[:, None], points.shape[1], 1).astype(np.float32)
    seeing, blind, absent = values(exact(points), exact(collapsed), people)
    assert seeing['agreement'] == pytest.approx(100)
    assert blind['agreement'] == 0  # 100 % of the views agree, and those of all others
    assert blind['spread'] == pytest.approx(0, abs=1e-4) and seeing['spread'] > 1
    assert blind['implausible'] == 100 and seeing['implausible'] == 0
    assert 'confidence' in absent  # all ones: the model gives none


def test_agreement_is_what_counting_gives():
    random = np.random.default_rng(0)
    points, views = random.uniform(-.5, .5, (6, 5, 2)), random.uniform(-.5, .5, (2, 6, 5, 2))
    views[:, :, :3] = points[:, :3] + 0.01
    near = [[np.linalg.norm(views[v, j] - points[i], axis=-1) <= 0.05 for v in range(2)]
            for i in range(6) for j in range(6)]
    near = np.array(near).reshape(6, 6, -1).mean(-1)
    own, chance = np.diag(near).mean(), near[~np.eye(6, dtype=bool)].mean()
    assert float(agreement(points, views).value()) == pytest.approx(
        100 * (own - chance) / (1 - chance))


def test_jitter_of_a_known_path():
    """Joints at 0, 1, 0, 1, ...: second differences of 2, a motion of 0."""
    points = np.zeros((6, 3, 2), np.float32) + 50
    points[:, :, 0] += np.arange(6)[:, None] % 2
    people = people_of(points, np.zeros(6, int), np.arange(6) / 25)
    people.boxes = np.tile((0, 0, 100, 50), (6, 1)).astype(np.float32)
    before, _, _ = values(exact(points), exact(points), people, {})
    assert before['jitter'] == pytest.approx(2)  # percent of 100 pixels
    assert before['jitter_ratio'] == pytest.approx(100 * 2e-2 / 1e-4)
    # steady motion has none, whatever its speed
    steady = points.copy()
    steady[:, :, 0] = 50 + 3 * np.arange(6)[:, None]
    _, after, _ = values(exact(points), exact(steady), people, {})
    assert after['jitter'] == pytest.approx(0, abs=1e-4)


def test_neighbours_are_of_one_person_and_close_in_time():
    points, clip, time = figures(clips=2, frames=5)
    people = people_of(points, clip, time)
    people.track = np.array([0, 1, 0, 1, 0, 0, 0, 0, 0, 0])
    people.time[9] += 3  # a gap
    found = {tuple(t) for t in neighbours(people)}
    assert found == {(0, 2, 4), (5, 6, 7), (6, 7, 8)}


def test_a_better_model_is_better_in_each_measure(walk):
    points, people = walk
    before, after, absent = values(predictions(points, 8), predictions(points, 2, 1), people)
    for name in ('agreement', 'witness', 'confidence'):
        assert after[name] > before[name]
    for name in ('jitter', 'jitter_ratio', 'bones', 'symmetry'):
        assert after[name] < before[name]
    assert before['kept'] == 100 and after['kept'] > 90 and not absent


def test_training_for_consistency_cannot_raise_the_witness(walk):
    """A model that agrees with itself perfectly, at the wrong places."""
    points, people = walk
    start = predictions(points, 5)
    wrong = predictions(points, 0, 3, common=40)
    before, after, _ = values(start, wrong, people)
    assert after['agreement'] > before['agreement'] + 20
    assert after['witness'] < before['witness'] - 20 and after['kept'] < 40


def test_joint_sets_without_a_body(walk):
    points, people = walk
    before = predictions(points, 4)
    *_, absent = values(before, before, people, {})
    assert 'skeleton_links' in absent['bones'] and 'symmetry' in absent
    hand = dict(META, flip_indices=list(range(7)))
    *_, absent = values(before, before, people, hand)
    assert set(absent) == {'symmetry'} and 'left and right' in absent['symmetry']


def test_single_images_and_no_views_are_said(walk):
    points, people = walk
    people = people_of(points, np.full(len(points), -1), np.zeros(len(points)))
    one = predictions(points, 4, views=0)
    found = measure(one, one, people, META)
    assert {'jitter', 'jitter_ratio', 'agreement', 'witness'} <= set(found.absent)
    assert set(found.before) == set(found.after) >= {'bones', 'implausible', 'spread'}


def test_a_bone_too_long_and_a_joint_outside_are_implausible(walk):
    points, people = walk
    start = exact(points)
    start.confidence = np.random.default_rng(0).random(start.confidence.shape)
    moved = points.copy()
    moved[0, 0] += (0, -400)
    moved[1, 0] += (0, -45)  # within the margin, but the neck would be three times as long
    _, after, _ = values(start, exact(moved), people)
    assert after['implausible'] == pytest.approx(100 * 2 / len(points))


def test_symmetric_bones_by_the_flip():
    links = bodies.bones(META, 7)
    pairs = bodies.symmetric_bones(links, META)
    assert pairs.tolist() == [[1, 2], [4, 5]]
    length = np.array([[10., 20., 10., 5., 8., 8.]])
    assert bodies.asymmetry(length, np.array([100.]), pairs)[0] == pytest.approx(np.log(2) / 2)
    with pytest.raises(ValueError, match='joint 6, but the model predicts 5'):
        bodies.bones(META, 5)


def test_bone_variation_is_within_tracks(walk):
    """Two people of other proportions, each steady: nothing varies."""
    shape = figures(clips=2, frames=1)[0]
    points = np.repeat(shape, 4, 0)
    people = people_of(points, np.repeat([0, 1], 4), np.tile(np.arange(4) / 25, 2))
    length = bodies.lengths(points, bodies.bones(META, 7))
    sides = np.full(8, 100.)
    assert bodies.variation(length, sides, people).max() < 1e-6
    people.clip[:] = -1
    assert bodies.variation(length, sides, people).min() > 1e-3


def test_groups_are_videos_and_pieces_of_few_videos(walk):
    _, people = walk
    assert len(np.unique(groups(people))) == 10
    assert all(len(np.unique(groups(people)[people.clip == c])) == 1 for c in range(10))
    people.sources = ['one.mp4' if c < 5 else 'two.mp4' for c in people.clip]
    people.time = np.arange(len(people)) / 5
    group = groups(people)
    assert len(np.unique(group)) == 8
    assert not set(group[:30]) & set(group[30:])  # no group is of two videos
    assert (np.diff(group) >= 0).all()  # pieces of time
    weights = resampled(group, 50)
    assert (weights[:, group == 3].std(1) == 0).all()  # a group is drawn as a whole
    assert weights.shape == (50, 60)


def test_interval_leaves_out_what_is_no_number():
    assert interval(np.array([np.nan, 1., 2., 3.]), 1.) == (1., 3.)
    assert np.isnan(interval(np.array([np.nan]))).all()


def test_predictions_of_others_are_refused(walk):
    points, people = walk
    one = predictions(points, 4)
    with pytest.raises(ValueError, match='7 joints of 60 people, the adapted one 3 of 60'):
        measure(one, predictions(points[:, :3], 4), people, META)
    few = predictions(points[:5], 4)
    with pytest.raises(ValueError, match='5 predictions for 60 people'):
        measure(few, few, people, META)
