"""The benchmark of the verdict: its plan, its truth and its tables."""
import json
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / 'tools/benchmark'))
import verdict_report  # noqa: E402
from verdict_plan import PLAN, SETTINGS, SOURCES, TARGETS, WEIGHTS, run_name  # noqa: E402


def test_plan_has_good_and_harmful_runs_on_both_halves():
    assert len({run_name(*plan) for plan in PLAN}) == len(PLAN)
    trained = [plan for plan in PLAN if plan[2] in SETTINGS]
    assert len(trained) >= 40 and len(PLAN) > len(trained)
    for half in (0, 1):
        settings = Counter(setting for *_, setting, seed in trained if seed == half)
        assert set(settings) == set(SETTINGS)
    assert {TARGETS[target]['gap'] for target, *_ in trained} == {'large', 'small', 'none'}
    for target, checkpoint, setting, _ in PLAN:
        assert checkpoint in SOURCES[TARGETS[target]['source']]['checkpoints']
        assert setting in {**SETTINGS, **WEIGHTS}
    # no start model and target of the half that the rule was chosen on is in the other half
    halves = [{(t, c, seed if SOURCES[TARGETS[t]['source']].get('seeded') else 0)
               for t, c, _, seed in PLAN if seed == half} for half in (0, 1)]
    assert not halves[0] & halves[1]


@pytest.mark.parametrize('change,word', [
    (1.01, 'better'), (1., 'no clear change'), (-1., 'no clear change'), (-1.01, 'worse')])
def test_truth_is_more_than_a_point(change, word):
    assert verdict_report.word_of(change) == word


@pytest.mark.parametrize('verdict,interval,fits', [
    ('better', [0.5, 1.5], True), ('better', [-1., 0.9], False), ('worse', [-1.2, 0.], True),
    ('worse', [-0.9, 2.], False), ('no clear change', [0.9, 3.], True),
    ('no clear change', [1.1, 3.], False), ('cannot be told', [-1., 1.], False)])
def test_a_verdict_may_be_compatible_with_the_truths_interval(verdict, interval, fits):
    assert verdict_report.compatible(
        dict(verdict=verdict, certainty=dict(interval=interval))) is fits


def test_how_well_the_truth_is_known(tmp_path, monkeypatch):
    """Of 100 images with one joint, the second model gets 20 more right."""
    import numpy as np
    import verdict_runs

    from udapose.adaptation.people import Predictions
    labels = np.concatenate([np.full((100, 1, 2), 50.), np.ones((100, 1, 1))], -1)
    people = type('People', (), dict(sizes=np.full((100, 2), 100)))
    monkeypatch.setattr(verdict_runs, 'labelled', lambda *_: (people, labels))
    for name, right in (('a', 40), ('b', 60)):
        points = np.full((100, 1, 2), 50., np.float32)
        points[right:] += 40
        Predictions(points, np.ones((100, 1)), points[None]).save(tmp_path / f'{name}_truth.npz')
    found = verdict_runs.certainty('people', tmp_path / 'a', tmp_path / 'b', tmp_path, singles=50)
    low, high = found['interval']
    assert found['held_back'] == 20  # 10 of its 50
    # 20 of 100 images differ: standard error of 4 points
    assert low == pytest.approx(20 - 1.64 * 4, abs=1.1) and high == pytest.approx(26.6, abs=1.1)


def test_rows_of_the_suites_are_a_part_of_their_own(tmp_path):
    import verdict_suite
    for place in ('people/source_init/seed0', 'people/source_free/seed0', 'people/dann/seed0',
                  'people/mic/seed0', 'people/mean_teacher/seed1'):
        (tmp_path / place).mkdir(parents=True)
        for iteration in (400, 800):
            (tmp_path / place / f'iter_{iteration}.pth').touch()
        (tmp_path / place / 'last_checkpoint').write_text(f'{tmp_path}/{place}/iter_800.pth')
        if 'dann' not in place:  # half trained
            (tmp_path / place / 'tested.json').write_text('{}')
    names = [name for name, _ in verdict_suite.pairs(tmp_path, tmp_path, tmp_path)]
    # seed 1 has no start model; each checkpoint on each domain
    targets = ('people', 'people_same', 'people_dim')
    assert names == [f'{t}-people_{row}-{i}-seed0' for row, i in (
        ('mic', 800), ('source_free', 400), ('source_free', 800)) for t in targets]
    row = dict(kind='suite', seed=0, target='people_same', setting='source_free')
    assert verdict_report.part_of(row) == 2
    assert verdict_report.part_of(dict(row, setting='hamipose')) == 3
    assert verdict_report.part_of(dict(row, target='people_simcc_same', setting='multilevel')) == 3


def test_tables(tmp_path, monkeypatch):
    page = tmp_path / 'verdict.md'
    first, last = verdict_report.MARKERS
    page.write_text(f'before\n{first}\nyesterday\n{last}\nafter')
    monkeypatch.setattr(verdict_report, 'PAGE', page)
    (tmp_path / 'runs').mkdir()
    rows = [('better', 'better', 0), ('better', 'worse', 1), ('worse', 'worse', 1),
            ('no clear change', 'better', 1), ('cannot be told', 'no clear change', 1)]
    for number, (verdict, true, seed) in enumerate(rows):
        (tmp_path / f'runs/{number}.json').write_text(json.dumps([dict(
            run=f'r{number}', seed=seed, verdict=verdict, true=true, sure=.5, iterations=10,
            certainty=dict(interval=[0.5, 2.5], held_back=1.5),
            kind='trained', setting='recommended',
            harmful=number > 1, truth={'PCK@0.05': [10., 11.5]})]))
    verdict_report.report(tmp_path)
    found = json.loads((tmp_path / 'confusion.json').read_text())
    assert found['0']['share'] == 1 and found['1']['share'] == pytest.approx(1 / 3, abs=1e-3)
    assert found['1']['false_better'] == 1 and found['1']['false_worse'] == 0
    one = found['1']
    assert (one['count'], one['told'], one['right'], one['right_if_same']) == (4, 3, 1, 2)
    # a change of 0.5 to 2.5: 'better' and 'no clear change' fit; its labels say 'better'
    assert (one['compatible'], one['by_labels']) == (2, 1)
    text = page.read_text()
    assert text.startswith('before\n') and text.endswith('\nafter') and 'yesterday' not in text
    assert '| verdict better | 1 | 0 | 0 | 0 | 0 | 1 |' in text
    assert '| verdict cannot be told | 0 | 0 | 0 | 0 | 1 | 0 |' in text and 'fresh' not in text
    assert '| short adaptation, harmful settings | 2 of 3 | 1 (50 %) | 1 (50 %) | 0 | 0 | ' \
        '+1.5, +1.5 |' in text
    assert '(!)' in (tmp_path / 'README.md').read_text()


def test_the_committed_table_is_of_the_committed_records():
    out = ROOT / 'docs/benchmarks/verdict'
    records = [r for path in (out / 'runs').glob('*.json') for r in json.loads(path.read_text())]
    assert records, 'run tools/benchmark/verdict.py'
    found = json.loads((out / 'confusion.json').read_text())
    for part in verdict_report.PARTS:
        assert found[str(part)] == json.loads(json.dumps(verdict_report.confusion(
            [r for r in records if verdict_report.part_of(r) == part])))
