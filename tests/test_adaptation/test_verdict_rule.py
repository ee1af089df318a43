"""The verdict without labels: made-up models whose truth is known, and what it must never say."""
import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from fake_adaptation import META, figures, people_of, predictions  # noqa: E402

from udapose.adaptation import rule  # noqa: E402
from udapose.adaptation.people import Predictions  # noqa: E402
from udapose.adaptation.verdict import NAMES, judge  # noqa: E402


@pytest.fixture(scope='module')
def walk():
    points, clip, time = figures(clips=16, frames=5)
    return points, people_of(points, clip, time)


def confused(points, share, seed=0, noise=2.):
    """Predictions with gross errors: in each view another ``share`` of joints is anywhere."""
    random = np.random.default_rng(seed)
    seen = points + random.normal(0, noise, (5, *points.shape))
    wrong = random.random((5, *points.shape[:2])) < share
    seen[wrong] = random.uniform((20, 20), (140, 180), (int(wrong.sum()), 2))
    sure = (np.linalg.norm(seen - np.median(seen, 0), axis=-1) < 10).mean(0)
    return Predictions(seen[0].astype(np.float32), sure.astype(np.float32),
                       seen[1:].astype(np.float32))


def test_fewer_gross_errors_are_better(walk):
    points, people = walk
    verdict = judge(confused(points, 0.4), confused(points, 0.03, 1), people, META)
    assert (verdict.word, verdict.by) == ('better', 'no labels') and 0.6 < verdict.sure <= 0.95
    assert 'better' in verdict.sentence and len(verdict.reasons) == 4
    assert (verdict.people, verdict.groups) == (80, 16)


def test_more_gross_errors_are_worse(walk):
    points, people = walk
    assert judge(confused(points, 0.1), confused(points, 0.4, 1), people, META).word == 'worse'


def test_the_same_model_has_not_changed(walk):
    points, people = walk
    start = confused(points, 0.3)
    verdict = judge(start, start, people, META)
    assert verdict.word == 'no clear change'
    assert all(row['difference'] == 0 for row in verdict.measures)


def test_consistency_and_confidence_alone_are_not_better(walk):
    """Trained to agree with itself and to be confident, with the start model's errors kept."""
    points, people = walk
    start = confused(points, 0.35)
    sharp = Predictions(start.points, np.ones_like(start.confidence),
                        np.repeat(start.points[None], 4, 0))
    verdict = judge(start, sharp, people, META)
    rows = {row['name']: row for row in verdict.measures}
    assert rows['agreement']['difference'] > 30 and rows['confidence']['difference'] > 0.05
    assert verdict.word == 'no clear change'
    # ... and with new errors it is worse
    moved = confused(points, 0.8, 4)
    moved.views = np.repeat(moved.points[None], 4, 0)
    assert judge(start, moved, people, META).word != 'better'


def test_a_collapsed_model_is_worse(walk):
    points, people = walk
    middle = (people.boxes[:, :2] + people.boxes[:, 2:]) / 2
    shape = np.median(points - middle[:, None], 0)  # the mean pose for everybody
    same = (middle[:, None] + shape).astype(np.float32)
    collapsed = Predictions(same, np.ones(same.shape[:2], np.float32), np.repeat(same[None], 4, 0))
    assert judge(confused(points, 0.5, noise=6), collapsed, people, META).word == 'worse'


def test_without_views_nothing_is_said(walk):
    points, people = walk
    none = predictions(points, 3, views=0)
    verdict = judge(none, none, people, META)
    assert (verdict.word, verdict.sure) == ('no clear change', 0)
    assert 'agreement' in verdict.absent and 'no other views' in verdict.reasons[0]


def test_one_person_gets_an_answer(walk):
    points, _ = walk
    people = people_of(points[:1], np.array([-1]), np.zeros(1))
    verdict = judge(confused(points[:1], 0.4), confused(points[:1], 0, 1), people, META)
    assert verdict.word != 'better' and verdict.groups == 1
    assert 'only 1 independent' in verdict.sentence
    json.dumps(verdict.to_dict(), allow_nan=False)


def test_few_pieces_are_never_better():
    names = ('witness', 'agreement', 'moved', 'kept', 'spread')
    before = {n: np.full(51, 40.) for n in names}
    after = dict(before, witness=np.full(51, 60.), kept=np.full(51, 99.))
    assert rule.decide(before, after, 8)[0] == 'better'
    word, _, reasons = rule.decide(before, after, rule.FEWEST - 1)
    assert word == 'no clear change' and 'too few' in reasons[-1]
    for change in (dict(kept=50.), dict(moved=1.), dict(witness=41.)):
        other = {**after, **{k: np.full(51, v) for k, v in change.items()}}
        assert rule.decide(before, other, 8)[0] == 'no clear change', change
    weak = dict(before, witness=np.full(51, 5.))
    assert rule.decide(weak, after, 8)[0] == 'no clear change'


def test_most_resampled_data_must_agree():
    names = ('witness', 'agreement', 'moved')
    before = {n: np.full(101, 40.) for n in names}
    witness = np.full(101, 60.)
    witness[1:31] = 40.  # in 30 of 100 there is no gain
    assert rule.decide(before, dict(before, witness=witness), 8)[0] == 'no clear change'


def test_every_measure_has_a_name_and_plain_words(walk):
    from udapose.adaptation.measures import measure
    from udapose.adaptation.report.explanations import MEASURES
    points, people = walk
    one = confused(points, 0.2)
    assert set(measure(one, one, people, META).before) | {'PCK@0.05', 'PCK@0.1', 'OKS'} == \
        set(NAMES) == set(MEASURES)
