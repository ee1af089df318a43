"""MMPose's own configs: the pages say what the record says; one config of each kind adapts."""
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / 'tools/benchmark')]
import stock_configs  # noqa: E402
import stock_report  # noqa: E402
from stock_configs import FAILED  # noqa: E402
from stock_trial import STOCK, try_config  # noqa: E402

from udapose.models.readouts import base  # noqa: E402

COCO = 'body_2d_keypoint/{}/coco/{}-256x192.py'
#: The cheapest config of each kind of head, of several backbones. Name: path, modes.
REPRESENTATIVES = dict(
    heatmap=('animal_2d_keypoint/topdown_heatmap/locust/'
             'td-hm_res50_8xb64-210e_locust-160x160.py', ['two_domain']),
    udp_vit=(COCO.format('topdown_heatmap', 'td-hm_ViTPose-small_8xb64-210e_coco'),
             ['two_domain']),
    vipnas=(COCO.format('topdown_heatmap', 'td-hm_vipnas-mbv3_8xb64-210e_coco'), ['two_domain']),
    megvii=(COCO.format('topdown_heatmap', 'td-hm_rsn18_8xb32-210e_coco'), ['two_domain']),
    rtmpose=('body_2d_keypoint/rtmpose/body8/rtmpose-t_8xb256-420e_body8-256x192.py',
             ['two_domain', 'source_free']),
    rtmw=('wholebody_2d_keypoint/rtmpose/cocktail14/'
          'rtmw-m_8xb1024-270e_cocktail14-256x192.py', ['two_domain']),
    simcc=(COCO.format('simcc', 'simcc_mobilenetv2_wo-deconv-8xb64-210e_coco'), ['two_domain']),
    rle=(COCO.format('topdown_regression', 'td-reg_mobilenetv2_rle-pretrained-8xb64-210e_coco'),
         ['two_domain', 'source_free']),
    regression=(COCO.format('topdown_regression', 'td-reg_res50_8xb64-210e_coco'),
                ['source_free']),
    dsnt=('body_2d_keypoint/integral_regression/coco/'
          'ipr_res50_dsnt-8xb64-210e_coco-256x256.py', ['two_domain']))


@pytest.fixture
def record():
    return stock_configs.read(stock_configs.RECORD)


# ------------------------------------------------------------------ pages
def test_the_pages_are_those_of_the_record(record, tmp_path):
    page, readme = tmp_path / 'page.md', tmp_path / 'README.md'
    readme.write_text((ROOT / 'README.md').read_text())
    stock_report.write_pages(record, page, readme)
    remedy = 'run tools/benchmark/stock_configs.py --report'
    assert page.read_text() == (ROOT / 'docs/benchmarks/stock_configs.md').read_text(), remedy
    assert readme.read_text() == (ROOT / 'README.md').read_text(), remedy


def test_the_record_has_every_config(record):
    from stock_trial import stock_configs as installed
    assert set(record) == set(installed()) and len(record) > 350


def test_page_of_a_record():
    both, refused = dict(two_domain='adapts', source_free='adapts'), 'refused: no\n  head'
    record = {'a/x/1.py': both, 'a/x/2.py': dict(both, source_free='failed: E: NaN'),
              'a/y/3.py': dict.fromkeys(both, refused), 'b/x/4.py': None}
    page = stock_report.markdown(record)
    assert 'Of the 4 top-down 2D configs that MMPose ships, 3 were tried so far, and 1 ' \
           '(33.3 %) of these adapt.' in page
    for line in ('| a | x | 2 | 2 | 2 | 1 | 1 |', '| a | y | 1 | 1 | 0 | 0 | 1 |',
                 '| b | x | 1 | 0 | 0 | 0 |  |', '| **all** |  | 4 | 3 | 2 | 1 | 2 |'):
        assert line in page
    assert 'Failed: E: NaN\n- `a/x/2.py` (source free)\n' in page
    assert 'Refused: no head\n- `a/y/3.py`\n' in page
    assert '1.py' not in page and '4.py' not in page
    del record['b/x/4.py']
    assert stock_report.sentence(record).startswith(
        'Of the 3 top-down 2D configs that MMPose ships, 1 (33.3 %) adapt (')
    assert 'Those that do not' not in stock_report.markdown({'a/x/1.py': both})


# ------------------------------------------------------------------ walk
def result(text):
    return dict.fromkeys(stock_configs.MODES, text)


def test_a_walk_survives_the_death_of_its_processes(tmp_path):
    out, parts = tmp_path / 'part.json', []

    def run(command):
        """Dies at 'c'."""
        parts.append(command[command.index('--here') + 1:])
        assert command[command.index('--out') + 1] == str(out)
        for path in parts[-1]:
            if path == 'c':
                return SimpleNamespace(returncode=-9)
            stock_configs.write_json(out, {**stock_configs.read(out), path: result('adapts')})
        return SimpleNamespace(returncode=0)
    stock_configs.walk([*'abcde'], out, 4, run)
    assert parts == [[*'abcd'], [*'de']]
    found = stock_configs.read(out)
    assert found.pop('c') == result(f'{FAILED}its process ended with exit code -9')
    assert found == {path: result('adapts') for path in 'abde'}


def test_a_trial_that_fails_does_not_end_the_walk(tmp_path, monkeypatch):
    def try_config(path, source):
        if source:
            raise RuntimeError('odd ' + 'x' * 1000)
        return 'adapts'
    monkeypatch.setattr('stock_trial.try_config', try_config)
    stock_configs.walk_here(['a', 'b'], tmp_path / 'part.json')
    found = json.loads((tmp_path / 'part.json').read_text())
    assert set(found) == {'a', 'b'} and found['b']['source_free'] == 'adapts'
    assert found['a']['two_domain'].startswith('failed: RuntimeError: odd x')
    assert len(found['a']['two_domain']) <= 300


def test_parts_are_merged_and_answers_are_not_lost(tmp_path, capsys):
    record = {'a': result('adapts'), 'b': None, 'c': result('adapts'), 'd': result('refused: x')}
    part = tmp_path / 'part.json'
    stock_configs.write_json(part, {'a': result(f'{FAILED}no memory'), 'b': result('adapts'),
                               'c': None, 'd': result('adapts')})
    merged = stock_configs.merge(record, [part])
    assert merged == {path: result('adapts') for path in 'abcd'}
    assert "d: {'two_domain': 'refused: x'" in capsys.readouterr().out
    assert record['b'] is None  # the given one stays
    stock_configs.write_json(part, {'other': result('adapts')})
    with pytest.raises(ValueError, match='1 configs that this MMPose lacks, such as other'):
        stock_configs.merge(record, [part])
    with pytest.raises(ValueError, match='nowhere.json does not exist'):
        stock_configs.merge(record, [tmp_path / 'nowhere.json'])


def test_the_command_tries_what_is_left_and_keeps_the_record(tmp_path, monkeypatch):
    monkeypatch.setattr(stock_configs, 'RECORD', tmp_path / 'record.json')
    monkeypatch.setattr('stock_trial.stock_configs', lambda: ['x/a', 'x/b', 'y/c', 'y/d'])
    pages, walks = [], []
    monkeypatch.setattr('stock_report.write_pages', lambda record: pages.append(record))

    def walk(paths, out, per_process):
        walks.append((paths, per_process))
        stock_configs.write_json(out, {**stock_configs.read(out),
                                  **{path: result('adapts') for path in paths}})
    monkeypatch.setattr(stock_configs, 'walk', walk)
    stock_configs.write_json(tmp_path / 'record.json', {
        'x/a': result('adapts'), 'x/b': result(f'{FAILED}odd'), 'gone': result('adapts')})
    part = tmp_path / 'part.json'
    stock_configs.main(['--only', 'y/', '--out', str(part), '--per-process', '3'])
    assert walks.pop() == (['y/c', 'y/d'], 3) and not pages  # the record is for others
    assert set(stock_configs.read(stock_configs.RECORD)) == {'x/a', 'x/b', 'gone'}
    stock_configs.main(['--merge', str(part)])
    assert not walks and pages.pop()['y/c'] == result('adapts')
    stock_configs.main([])  # what failed is tried again
    assert walks.pop()[0] == ['x/b']
    assert pages.pop() == stock_configs.read(stock_configs.RECORD) == {
        path: result('adapts') for path in ('x/a', 'x/b', 'y/c', 'y/d')}


# ------------------------------------------------------------------ one config of each kind
@pytest.mark.parametrize('name,mode', [
    (name, mode) for name, (_, modes) in REPRESENTATIVES.items() for mode in modes])
def test_representatives_adapt(name, mode):
    assert try_config(REPRESENTATIVES[name][0], stock_configs.MODES[mode]) == 'adapts'


def test_representatives_are_of_every_readout_and_family():
    from mmengine.config import Config
    from mmpose.registry import KEYPOINT_CODECS
    families, readouts = set(), set()
    for path, _ in REPRESENTATIVES.values():
        families.add(path.split('/')[1])
        decoder = Config.fromfile(STOCK / path).model.head.decoder
        decoder = decoder[-1] if isinstance(decoder, list) else decoder
        codec = type(KEYPOINT_CODECS.build(decoder))
        readouts.add(next(base._READOUTS[c] for c in codec.__mro__ if c in base._READOUTS))
    from stock_trial import FAMILIES
    assert families == set(FAMILIES) - {'dwpose'}  # distillers are refused, see below
    shipped = {r for r in base._READOUTS.values() if r.__module__.startswith('udapose.')}
    assert readouts == shipped


@pytest.mark.parametrize('path,reason', [
    ('wholebody_2d_keypoint/dwpose/ubody/s1_dis/rtmpose_x_dis_l_coco-ubody-384x288.py',
     'is a distiller, .* adapt its student'),
    (COCO.format('topdown_heatmap', 'td-hm-vis_res50_8xb64-210e_coco-aic').replace(
        '-256x192.py', '-256x192-merge.py'), 'VisPredictHead predicts visibility')])
def test_what_is_refused_says_why(path, reason):
    import re
    assert re.match(f'refused: .*{reason}', try_config(path))
