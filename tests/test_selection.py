"""Statistics of the choice of checkpoints, against independent values."""
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / 'tools/benchmark')]
import selection  # noqa: E402

PCK, SCORE, ENTROPY = 'target/PCK@0.05', 'label_free/score', 'label_free/entropy'


def make_run(row, seed, pck, **criteria):
    names = {f'label_free/{k}': v for k, v in criteria.items()}
    return dict(row=row, seed=seed, checkpoints=[
        {'iteration': 100 * i + 100, PCK: float(p), **{k: float(v[i]) for k, v in names.items()}}
        for i, p in enumerate(pck)])


@pytest.mark.parametrize('seed', range(5))
def test_rank_correlation_equals_scipys(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 6, (2, 15)), rng.normal(size=15)  # with ties, and without
    for x, y in ((a[0], a[1]), (a[0], b), (b, b**3), (b, -b)):
        assert selection.spearman(x, y) == pytest.approx(spearmanr(x, y).statistic, abs=1e-12)


def test_constant_has_no_correlation():
    assert selection.spearman([1, 1, 1], [1, 2, 3]) is None


def test_statistics_by_hand():
    runs = [make_run('a', 0, [10, 30, 20], score=[1, 2, 3], entropy=[.3, .1, .2]),
            make_run('b', 0, [5, 40, 25], score=[9, 1, 1]),
            make_run('a', 1, [10, 20, 30], score=[1, 2, 3], entropy=[.5, .5, .5])]
    found = selection.statistics(runs, PCK)
    score = found[SCORE]
    assert score['runs'] == 3 and score['checkpoints'] == 9
    assert score['regret'] == [10, 35, 0]
    assert score['across'] == [35, 0]  # seed 0: 9 is the greatest, its PCK 5, the best 40
    assert score['within'][0] == pytest.approx(0.5) and score['within'][2] == pytest.approx(1)
    assert score['pooled'] == pytest.approx(spearmanr(
        [1, 2, 3, 9, 1, 1, 1, 2, 3], [10, 30, 20, 5, 40, 25, 10, 20, 30]).statistic)
    entropy = found[ENTROPY]  # less is better, and one run does not have it
    assert entropy['runs'] == 2 and entropy['regret'] == [0, 20]  # a tie: the first, as save_best
    assert entropy['within'][0] == pytest.approx(1) and entropy['within'][1] is None
    last, any_one = found['last checkpoint'], found['random checkpoint']
    assert last['regret'] == [10, 15, 0] and last['across'] == [40 - 22.5, 0]
    assert any_one['regret'] == pytest.approx([10, 40 - 70 / 3, 10])


def write_log(folder, entries):
    path = folder / 'vis_data/scalars.json'
    path.parent.mkdir(parents=True)
    path.write_text('\n'.join(e if isinstance(e, str) else json.dumps(e) for e in entries))


def validation(value, step=0):
    return {PCK: value, SCORE: value / 2, 'time': 1., 'step': step}


def test_logs_of_a_resumed_run(tmp_path):
    write_log(tmp_path / '20260101_000000', [
        dict(iter=50), dict(iter=100), validation(1.), dict(iter=200), validation(2., 200),
        '{"loss": 0.'])
    write_log(tmp_path / '20260102_000000', [
        dict(iter=200), validation(3., 200), validation(4., 300)])
    found = selection.read_run(tmp_path, PCK)
    assert [(c['iteration'], c[PCK], c[SCORE]) for c in found] == [
        (100, 1., .5), (200, 3., 1.5), (300, 4., 2.)]


def test_from_logs_to_the_page(tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    for row in ('mean_teacher', 'source_only', 'oracle', 'mic'):
        for seed in (0, 1):
            log = [validation(float(v), 100 * i + 100) for i, v in enumerate(rng.uniform(0, 50, 8))]
            write_log(tmp_path / f'work/people/{row}/seed{seed}/20260101_000000',
                      log[:3] if row == 'mic' else log)
    monkeypatch.setattr(sys, 'argv', [
        'x', '--suite', 'people', 'hands', '--work-dir', str(tmp_path / 'work'),
        '--out', str(tmp_path / 'out')])
    selection.main()
    text = capsys.readouterr().out
    assert 'people: 4 runs' in text and 'hands: no run' in text and 'val_cfg.label_free' in text
    data = json.loads((tmp_path / 'out/people.json').read_text())
    # too few validations, and training on target labels, are no candidates
    assert {run['row'] for run in data['runs']} == {'mean_teacher', 'source_only'}
    section = selection.selection_section(tmp_path / 'out/people.json')
    assert '](out/people.png)' in section  # for the report in the folder above
    own = (tmp_path / 'out/people.md').read_text()
    assert own == section.replace('](out/people.png)', '](people.png)')
    line = next(x for x in section.splitlines() if x.startswith(f'| `{SCORE}`'))
    assert line == f'| `{SCORE}` | +1.00 (+1.00) | +1.00 | 0.00 (0.00) | 0.00 (0.00) | 4 |'
    assert '4 runs, 32 checkpoints' in section
    assert (tmp_path / 'out/people.png').stat().st_size > 1000
    assert selection.selection_section(tmp_path / 'none.json') == ''
