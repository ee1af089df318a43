"""The picture of a real video in docs/adapt.md, and the caption that a script writes."""
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from udapose.adaptation.prediction_files import Poses

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / 'tools/benchmark'))
import adapt_picture  # noqa: E402


def poses(*boxes):
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    return Poses(boxes, np.ones(len(boxes)), np.zeros(len(boxes), int),
                 np.zeros((len(boxes), 3, 2)), np.ones((len(boxes), 3)))


def test_the_frames_whose_person_is_in_the_middle():
    def beside(x):
        return [40 + x, 40, 60 + x, 60]
    found = {n: poses(beside(30 - n), beside(40)) for n in range(0, 101, 2)}
    found[96], found[10] = poses(), poses(beside(-1))
    # 10: one pixel away; 30: none; 60: as far as the 30 is to its right; the end: 90, and not 96
    assert adapt_picture.moments(found, (100, 100), 0.1) == [10, 30, 60, 90]
    assert adapt_picture.moments({0: poses(beside(0))}, (100, 100), 0.1) == [0]


def test_the_caption_is_of_the_run(tmp_path):
    (tmp_path / 'start').mkdir()
    (tmp_path / 'start/config.py').write_text(
        "model = dict(backbone=dict(type='ResNet', depth=18), "
        'head=dict(decoder=dict(input_size=(48, 64))))')
    for name, content in dict(
            plan=dict(iterations=70, device='cpu', cores=3),
            run=dict(options=dict(boxes='motion'),
                     steps=dict(training=dict(summary=dict(seconds=12.4))))).items():
        (tmp_path / f'{name}.json').write_text(json.dumps(content))
    text = adapt_picture.caption(tmp_path, 'It is so.')
    for part in ('ResNet-18, 48 x 64 pixels', '70 iterations (12 s on CPU, 3 cores)',
                 '`--boxes motion`', '*It is so.*'):
        assert part in text


def test_the_pages_caption_stands_between_the_markers():
    page = (ROOT / 'docs/adapt.md').read_text(encoding='utf-8')
    begin, end = (page.index(mark) for mark in adapt_picture.MARKS)
    assert 'iterations (' in page[begin:end] and begin < end < page.index('![real video]')
    with pytest.raises(ValueError, match='needs one line'):
        adapt_picture.into_page(ROOT / 'README.md', '', adapt_picture.MARKS)
