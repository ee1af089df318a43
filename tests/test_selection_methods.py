"""The choice between methods: hand-made values, and real models of a finished suite."""
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / 'tools/benchmark')]
import selection_methods  # noqa: E402

PCK, SCORE, ENTROPY = 'target/PCK@0.05', 'label_free/score', 'label_free/entropy'


def models():
    """Two seeds; the score chooses wrongly in the second; a row and a criterion are incomplete."""
    values = {('source_only', 0): (10, 20, .9), ('mean_teacher', 0): (30, 60, .5),
              ('multilevel', 0): (40, 70, .4), ('oracle', 0): (60, 10, .99),
              ('source_only', 1): (12, 20, .8), ('mean_teacher', 1): (30, 75, .6),
              ('multilevel', 1): (36, 70, .5), ('oracle', 1): (62, 10, .99),
              ('mic', 0): (99, 99, 0)}
    found = [dict(row=row, seed=seed, **{PCK: float(v[0]), SCORE: float(v[1]), ENTROPY: v[2]})
             for (row, seed), v in values.items()]
    found[1]['label_free/teacher_student'] = 50.
    return found


def test_page_by_hand(tmp_path):
    path = tmp_path / 'people_methods.json'
    path.write_text(json.dumps(dict(suite='people', metric=PCK, num_images=9, models=models())))
    text = selection_methods.methods_section(path)
    lines = text.splitlines()
    assert '3 methods, 2 seed(s), 9 target images' in text and 'teacher_student' not in text
    assert not any('mic' in line for line in lines)  # of one seed only
    # worst first, the oracle below the candidates
    assert [line.split('`')[1] for line in lines if line.startswith('| `')] == [
        'source_only', 'mean_teacher', 'multilevel', 'oracle', ENTROPY, SCORE]
    assert '| `source_only` | 11.0 | 0.85 | 20 |' in lines
    assert f'| `{ENTROPY}` (less is better) | +1.00 (+1.00) | 0.00 (0.00) |' in lines
    assert f'| `{SCORE}` | +0.75 (+0.50) | 3.00 (6.00) |' in lines  # seed 1 loses 36 - 30
    # 40 - 80 / 3 and 36 - 26
    assert '| random method |  | 11.67 (13.33) |' in lines
    assert selection_methods.methods_section(tmp_path / 'none.json') == ''


def test_real_models(tmp_path, monkeypatch, capsys):
    """A plain and a student-teacher model are loaded from their runs and measured."""
    import torch
    from mmengine.config import Config
    from mmengine.registry import init_default_scope
    from mmpose.registry import MODELS

    from udapose.synthetic import generate
    init_default_scope('mmpose')
    torch.manual_seed(0)
    generate(tmp_path / 'data/synthpose/people', kind='people', size=64, source_train=1,
             target_train=4, val=1, test=1, workers=1)
    runs = tmp_path / 'runs'
    runs.mkdir()
    rows = selection_methods.SUITES['people']['rows']
    for row in ('source_only', 'mean_teacher', 'dann', 'mic'):
        (runs / f'people-{row}-seed0.json').write_text(
            json.dumps(dict(results=dict(target={'PCK@0.05': 7.}))))
        if row == 'dann':  # its checkpoint is gone
            continue
        if row == 'mic':  # half trained here, the JSON is of another machine
            folder = tmp_path / f'work/people/{row}/seed0'
            folder.mkdir(parents=True)
            (folder / 'last_checkpoint').write_text('iter_400.pth')
            continue
        cfg = Config.fromfile(selection_methods.CONFIGS / rows[row]['config'])
        folder = tmp_path / f'work/people/{row}/seed0'
        folder.mkdir(parents=True)
        torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), folder / 'a.pth')
        (folder / 'last_checkpoint').write_text(str(folder / 'a.pth'))
        (folder / 'tested.json').write_text('{"target": {"PCK@0.05": 7.0}}')
    monkeypatch.setattr(selection_methods, 'RUNS', runs)
    monkeypatch.chdir(tmp_path)  # configs name the data relative to the checkout
    found = selection_methods.measure('people', tmp_path / 'work', 4, 'cpu')
    assert [(m['row'], m['seed'], m[PCK]) for m in found] == [
        ('source_only', 0, 7.), ('mean_teacher', 0, 7.)]
    assert all(0 <= m[ENTROPY] <= 1 for m in found)
    assert 'label_free/teacher_student' in found[1] and 'label_free/teacher_student' not in found[0]
    said = capsys.readouterr().out
    assert 'dann, seed 0 is left out' in said and 'mic, seed 0 is left out' in said
