"""model-index.yml and the metafiles say what the runs say."""
import json
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
RUNS = ROOT / 'docs/benchmarks/runs'


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / 'tools/benchmark'))
    sys.modules.pop('metafiles', None)
    import metafiles
    return metafiles


def test_the_committed_files_are_those_of_the_runs(tool, tmp_path):
    written = tool.write_metafiles(RUNS, tmp_path)
    for path in written:
        assert path.read_text() == (ROOT / path.relative_to(tmp_path)).read_text(), \
            'run tools/benchmark/metafiles.py'
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text())
    assert index['Import'] == [str(p.relative_to(tmp_path)) for p in written[:-1]]


def test_entries_name_configs_and_the_mean_over_seeds(tool):
    seen = 0
    for name in yaml.safe_load((ROOT / 'model-index.yml').read_text())['Import']:
        content = yaml.safe_load((ROOT / name).read_text())
        collection = content['Collections'][0]
        assert (ROOT / collection['README']).exists()
        for model in content['Models']:
            assert (ROOT / model['Config']).exists()
            assert model['In Collection'] == collection['Name']
            if model['Name'] == 'multilevel_synth-people_res18-w32_64x64':
                scores = [json.loads(p.read_text())['results']['target']['PCK@0.05']
                          for p in RUNS.glob('people-multilevel-seed*.json')]
                assert model['Results'][0]['Metrics']['PCK@0.05'] == pytest.approx(
                    sum(scores) / len(scores), abs=0.051)
                seen += 1
    assert seen == 1


def test_names_tell_entries_apart_and_a_row_with_a_part_changed_is_none(tool):
    names = [model['Name'] for name in yaml.safe_load((ROOT / 'model-index.yml').read_text())[
        'Import'] for model in yaml.safe_load((ROOT / name).read_text())['Models']]
    assert len(names) == len(set(names)) > 20
    assert tool.as_shipped('people', 'multilevel')  # options for validations only
    assert not tool.as_shipped('people_vit', 'mean_teacher')  # without the attention term
    assert not tool.as_shipped('hands3d_96', 'scratch_augment')  # without the pre-training
    assert not tool.as_shipped('photos2_trials', 'mean_teacher')  # shorter
