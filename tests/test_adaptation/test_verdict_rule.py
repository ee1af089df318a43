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
from udapose.adaptation.verdict import NAMES, judge, warn_of_start  # noqa: E402


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
    assert 'better' in verdict.sentence and len(verdict.reasons) == 6
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
    # ... and with new errors it is not
    moved = confused(points, 0.8, 4)
    moved.views = np.repeat(moved.points[None], 4, 0)
    assert judge(start, moved, people, META).word != 'better'


def test_a_collapsed_model_is_worse(walk):
    points, people = walk
    middle = (people.boxes[:, :2] + people.boxes[:, 2:]) / 2
    shape = np.median(points - middle[:, None], 0)  # the mean pose for everybody
    same = (middle[:, None] + shape).astype(np.float32)
    collapsed = Predictions(same, np.ones(same.shape[:2], np.float32), np.repeat(same[None], 4, 0))
    verdict = judge(confused(points, 0.3), collapsed, people, META)
    assert verdict.word == 'worse' and verdict.collapsed
    assert 'nearly the same of everybody' in verdict.reasons[-1]
    # of a start model that is no witness it is not the word, but it is seen
    verdict = judge(confused(points, 0.5, noise=6), collapsed, people, META)
    assert verdict.word == 'cannot be told' and verdict.collapsed


def test_of_a_start_model_at_chance_nothing_is_told(walk):
    """... whatever the other one does: neither its gain nor its agreement has a witness."""
    points, people = walk
    start = confused(points, 0.9)
    for after in (confused(points, 0.03, 1), confused(points, 0.95, 2), start):
        verdict = judge(start, after, people, META)
        assert (verdict.word, verdict.sure) == ('cannot be told', 0)
        assert '--labels' in verdict.sentence and 'knows too little' in verdict.reasons[0]
    assert warn_of_start(start, people).startswith(verdict.reasons[0])
    assert warn_of_start(confused(points, 0.2), people) == ''
    assert warn_of_start(predictions(points, 3, views=0), people) == ''


@pytest.mark.parametrize('right,new', [(0.8, 0.9), (0.8, 0.6), (0.4, 0.7), (0.6, 0.6)])
def test_the_estimate_is_the_change_of_accuracy_if_looks_err_independently(right, new):
    """Looks agree in p * p, p * q and q * q: both estimates then have the sign of q - p."""
    before = dict(agreement=np.array([100 * right ** 2]))
    after = dict(agreement=np.array([100 * new ** 2]), witness=np.array([100 * right * new]),
                 converse=np.array([100 * right * new]))
    for trust in (0., 0.6, 1.):
        found = rule.estimate(before, after, rule.Rule(trust=trust))[0]
        assert np.sign(found.round(9)) == np.sign(new - right)
        assert found == pytest.approx(
            100 * right * (new - right), abs=50 * (new - right) ** 2 + 1e-9)


def test_errors_that_a_model_repeats_do_not_make_it_better(walk):
    """A third of the joints is put a little wrongly, in all views the same: new sure errors."""
    points, people = walk
    random = np.random.default_rng(5)
    start = confused(points, 0.1)
    wrong = random.random(points.shape[:2]) < 0.3
    places = np.where(wrong[..., None], points + random.uniform(-12, 12, points.shape), points)
    verdict = judge(start, confused(places.astype(np.float32), 0., 3), people, META)
    change = {r['name']: r['difference'] for r in verdict.measures}
    assert change['agreement'] > 5 and verdict.word != 'better'


def test_without_views_nothing_is_said(walk):
    points, people = walk
    none = predictions(points, 3, views=0)
    verdict = judge(none, none, people, META)
    assert (verdict.word, verdict.sure) == ('cannot be told', 0)
    assert 'agreement' in verdict.absent and 'no other views' in verdict.reasons[0]


def test_one_person_gets_an_answer(walk):
    points, _ = walk
    people = people_of(points[:1], np.array([-1]), np.zeros(1))
    verdict = judge(confused(points[:1], 0.4), confused(points[:1], 0, 1), people, META)
    assert verdict.word != 'better' and verdict.groups == 1
    assert 'only 1 independent' in verdict.sentence
    json.dumps(verdict.to_dict(), allow_nan=False)


def told(**after):
    """Before and after as :func:`udapose.adaptation.rule.decide` gets them: 'better' by default."""
    values = dict(agreement=60., witness=45., converse=45., moved=40., kept=99., spread=40.)
    names = values.keys()
    before = {n: np.full(101, 40.) for n in names}
    return before, {n: np.broadcast_to({**values, **after}[n], 101) for n in names}


def test_what_better_and_worse_need():
    assert rule.decide(*told(), 8)[0] == 'better'
    word, sure, reasons = rule.decide(*told(), rule.FEWEST - 1)
    assert (word, sure) == ('cannot be told', 0) and 'too few' in reasons[-1]
    for change in (dict(kept=50.), dict(moved=18.), dict(witness=27., converse=63.),
                   dict(agreement=40., witness=40., converse=40.)):
        word, sure, reasons = rule.decide(*told(**change), 8)
        assert (word, sure) == ('cannot be told', 0) and 'too weak' in reasons[-1], change
    word, sure, reasons = rule.decide(*told(moved=1.), 8)
    assert word == 'no clear change' and sure > 0 and 'too few to matter' in reasons[-2]
    assert rule.decide(*told(agreement=30., witness=35., converse=35.), 8)[0] == 'worse'
    # the estimate is between the limits of 'better' and 'worse'
    small = dict(agreement=43., witness=41., converse=41.)
    assert 0 < rule.estimate(*told(**small))[0] < rule.Rule().gain
    assert rule.decide(*told(**small), 8)[0] == 'cannot be told'
    before, after = told()
    before = dict(before, agreement=np.full(101, 15.))
    assert rule.decide(before, after, 8)[0] == 'cannot be told'


def test_most_resampled_data_must_agree():
    agreement = np.full(101, 60.)
    agreement[1:31] = 20.  # in 30 of 100 there is a loss
    assert rule.decide(*told(agreement=agreement), 8)[0] == 'cannot be told'
    agreement[11:31] = 60.
    assert rule.decide(*told(agreement=agreement), 8)[0] == 'better'


def test_every_measure_has_a_name_and_plain_words(walk):
    from udapose.adaptation.measures import measure
    from udapose.adaptation.report.explanations import MEASURES
    points, people = walk
    one = confused(points, 0.2)
    assert set(measure(one, one, people, META).before) | {'PCK@0.05', 'PCK@0.1', 'OKS'} == \
        set(NAMES) == set(MEASURES)
