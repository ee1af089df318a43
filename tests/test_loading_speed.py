"""tools/benchmark/loading_speed.py: realistic images, all pipelines, the page."""
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / 'tools/benchmark')]
import loading_speed  # noqa: E402


def test_the_images_are_as_large_as_crops_of_photographs(tmp_path):
    assert 15 < loading_speed.write_images(tmp_path, 3) < 30


def test_rates_count_views_and_the_page_gets_the_table(tmp_path):
    page = tmp_path / 'page.md'
    page.write_text('a\n{}\nold\n{}\nb\n'.format(*loading_speed.MARKS))
    result = loading_speed.main(['--images', '3', '--rounds', '1', '--page', str(page),
                                 '--out', str(tmp_path / 'x.json')])
    assert json.loads((tmp_path / 'x.json').read_text()) == result
    rates = result['rates']
    assert len(rates) == 6 and all(0 < r['low'] <= r['median'] <= r['high']
                                   for r in rates.values())
    text = page.read_text()
    assert 'old' not in text and text.startswith('a\n') and text.endswith('\nb\n')
    assert all(f'| {name} |' in text for name in rates)
    page.write_text('no markers')
    with pytest.raises(ValueError, match='needs one line'):
        loading_speed.into_page(page, 'x', loading_speed.MARKS)
