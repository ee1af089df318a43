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
    assert verdict_report.truth_of(dict(truth={'PCK@0.05': [20., 20. + change]})) == word


def test_tables(tmp_path, monkeypatch):
    page = tmp_path / 'verdict.md'
    page.write_text(f'before\n{verdict_report.MARKERS[0]}\nold\n{verdict_report.MARKERS[1]}\nafter')
    monkeypatch.setattr(verdict_report, 'PAGE', page)
    (tmp_path / 'runs').mkdir()
    rows = [('better', 'better', 0), ('better', 'worse', 1), ('worse', 'worse', 1),
            ('no clear change', 'better', 1)]
    for number, (verdict, true, seed) in enumerate(rows):
        (tmp_path / f'runs/{number}.json').write_text(json.dumps([dict(
            run=f'r{number}', seed=seed, verdict=verdict, true=true, sure=.5, iterations=10,
            kind='trained', setting='recommended',
            harmful=number > 1, truth={'PCK@0.05': [10., 11.5]})]))
    verdict_report.report(tmp_path)
    found = json.loads((tmp_path / 'confusion.json').read_text())
    assert found['0']['share'] == 1 and found['1']['share'] == pytest.approx(1 / 3, abs=1e-3)
    assert found['1']['false_better'] == 1 and found['1']['false_worse'] == 0
    text = page.read_text()
    assert text.startswith('before\n') and text.endswith('\nafter') and 'old' not in text
    assert '| verdict better | 1 | 0 | 0 | 0 | 0 | 1 |' in text
    assert '| short adaptation, harmful settings | 2 | 50 % | 0 | 0 | +1.5, +1.5 |' in text
    assert '(!)' in (tmp_path / 'README.md').read_text()


def test_the_committed_table_is_of_the_committed_records():
    out = ROOT / 'docs/benchmarks/verdict'
    records = [r for path in (out / 'runs').glob('*.json') for r in json.loads(path.read_text())]
    assert records, 'run tools/benchmark/verdict.py'
    found = json.loads((out / 'confusion.json').read_text())
    for half in (0, 1):
        assert found[str(half)] == json.loads(json.dumps(verdict_report.confusion(
            [r for r in records if verdict_report.half_of(r) == half])))
