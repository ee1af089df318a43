"""The report: one file, nothing from elsewhere, whatever part of the run is missing."""
import base64
import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from fake_adaptation import META, NAMES, fake_run  # noqa: E402

from udapose.adaptation.labels import read_labels  # noqa: E402
from udapose.adaptation.people import People, Predictions  # noqa: E402
from udapose.adaptation.report import write_report  # noqa: E402
from udapose.adaptation.report.folder import read_run  # noqa: E402
from udapose.adaptation.report.pictures import Album, spaced  # noqa: E402
from udapose.adaptation.report.worth import choose_frames  # noqa: E402

CHROMIUM = next(filter(None, map(shutil.which, (
    'chromium', 'chromium-browser', 'google-chrome', 'chrome'))), None)
VOID = ('meta', 'link', 'img', 'br', 'hr')


class Page(HTMLParser):
    """Elements, and the text that a reader sees; unbalanced tags fail."""

    def __init__(self, path):
        super().__init__()
        self.elements, self.words, self.open = [], [], []
        self.feed(path.read_text(encoding='utf-8'))
        assert not self.open

    def handle_starttag(self, name, attributes):
        self.elements.append((name, dict(attributes)))
        if name not in VOID:
            self.open.append(name)

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_data(self, text):
        if self.open and self.open[-1] not in ('style', 'script'):
            self.words.append(text)

    @property
    def text(self):
        return ' '.join(' '.join(self.words).split())

    def all(self, name):
        return [attributes for kind, attributes in self.elements if kind == name]


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    path = fake_run(tmp_path_factory.mktemp('run') / 'kitchen')
    write_report(path)
    return path


@pytest.fixture(scope='module')
def page(run):
    return Page(run / 'report.html')


def test_nothing_is_fetched(run, page):
    for name, attributes in page.elements:
        for key in ('src', 'href', 'srcset', 'data', 'poster', 'action', 'xlink:href'):
            value = attributes.get(key)
            assert value is None or value.startswith(('data:', '#')), (name, key, value[:80])
    content = (run / 'report.html').read_text()
    style = re.search('<style>(.*?)</style>', content, re.S).group(1)
    assert 'url(' not in style and '@import' not in style
    script = re.search('<script>(.*?)</script>', content, re.S).group(1)
    assert not re.search(r'fetch|XMLHttp|import|src', script)
    assert len(content) < 5_000_000


def test_pictures_are_small_jpegs_with_alternative_texts(page):
    pictures = page.all('img')
    assert len(pictures) == 24
    for picture in pictures:
        head, content = picture['src'].split(',')
        assert head == 'data:image/jpeg;base64' and len(picture['alt']) > 20
        image = cv2.imdecode(np.frombuffer(base64.b64decode(content), np.uint8), 1)
        assert image.shape[0] <= 440 and 200 < image.shape[1] <= 2 * 440 + 6
    assert all(chart['role'] == 'img' and chart['aria-label'] for chart in page.all('svg'))


def test_the_verdict_comes_first_and_all_parts_are_there(run, page):
    verdict = json.loads((run / 'verdict.json').read_text())
    assert page.all('section')[0]['id'] == 'verdict' and verdict['sentence'] in page.text
    identifiers = {section['id'] for section in page.all('section')}
    assert {link['href'].strip('#') for link in page.all('a')} == identifiers
    for words in ('near duplicates: 31', 'the tail is broken', 'rtmpose-m', '300 iterations',
                  'udapose predict', 'worth_labelling.json', 'MeanTeacherPoseEstimator',
                  'left_foot', 'torch 2.9', 'Jitter between frames', 'Label-free score'):
        assert words in page.text, words
    assert 'No verdict' not in page.text


def test_names_are_escaped(run, page):
    content = (run / 'report.html').read_text()
    assert '<kitchen>' not in content and 'data my <videos>' in page.text
    assert any('wide <kitchen> & "co".mp4' in picture['alt'] for picture in page.all('img'))
    assert '# <b>' in page.text and not page.all('b')


def test_what_changed_most_comes_first(run, page):
    amounts = [float(x) for x in re.findall(r'moved by (\d+) % of the box', page.text)]
    assert len(amounts) == 12 and amounts == sorted(amounts, reverse=True)
    doubts = [float(x) for x in re.findall(r'doubt (\d+) of 100', page.text)]
    assert len(doubts) == 12 and doubts == sorted(doubts, reverse=True)


def test_frames_worth_labelling_are_a_coco_file_for_the_verdict(run):
    content = json.loads((run / 'worth_labelling.json').read_text())
    people = People.load(run / 'held_back.json')
    after = Predictions.load(run / 'predictions/after.npz')
    assert len(content['images']) == len(content['annotations']) == 20
    assert len({image['source'] for image in content['images']}) == 10  # all videos
    assert all((run / image['file_name']).exists() for image in content['images'])
    assert content['categories'][0]['keypoints'] == list(NAMES)
    labels = read_labels(run / 'worth_labelling.json', people, META, 7)
    assert np.abs(labels.points[..., :2] - after.points[labels.index]).max() < 0.01
    assert set(np.unique(labels.points[..., 2])) == {1, 2}


def test_choice_prefers_doubt_and_avoids_the_same_moment(run):
    people = People.load(run / 'held_back.json')
    after = Predictions.load(run / 'predictions/after.npz')
    after.views = np.repeat(after.points[None], 4, 0).copy()
    after.views[:, 7] += 40  # the only person that the model is unsure of
    assert choose_frames(people, None, after, 3)[0] == people.files[7]
    scores = np.zeros(len(people))
    scores[[0, 1, 2, 30]] = 4, 3, 2, 1
    assert spaced(scores, people, 2) == [0, 30]


CHANGES = dict(
    dry_run=('predictions', 'verdict.json', 'model', 'work'),
    only_before=('predictions/after.npz', 'verdict.json', 'model', 'work'),
    no_frames=('frames',), nothing=(
        'predictions', 'verdict.json', 'model', 'work', 'frames', 'frames.json', 'held_back.json',
        'config.py', 'plan.json', 'run.json'))


@pytest.mark.parametrize('case', CHANGES)
def test_missing_parts_are_a_sentence(run, tmp_path, case):
    path = shutil.copytree(run, tmp_path / 'run')
    (path / 'report.html').unlink()
    for name in CHANGES[case]:
        (shutil.rmtree if (path / name).is_dir() else Path.unlink)(path / name)
    page = Page(write_report(path))
    expected = dict(
        dry_run='This was a dry run', only_before='There are no predictions of two models',
        no_frames='12 pictures are left out', nothing='No frames were chosen yet')[case]
    assert expected in page.text
    assert ('No verdict yet' in page.text) == (case != 'no_frames')
    assert bool(page.all('img')) == (case == 'only_before')


def test_damaged_files_are_named(run, tmp_path):
    path = shutil.copytree(run, tmp_path / 'run')
    (path / 'verdict.json').write_text('{"word": "bet')
    (path / 'predictions/after.npz').write_bytes(b'PK')
    page = Page(write_report(path))
    assert 'verdict.json cannot be read' in page.text and 'after.npz cannot be read' in page.text


def test_a_kept_start_model_is_said(run, tmp_path):
    path = shutil.copytree(run, tmp_path / 'run')
    verdict = json.loads((path / 'verdict.json').read_text())
    (path / 'verdict.json').write_text(json.dumps(dict(verdict, word='worse', model='start')))
    page = Page(write_report(path))
    assert 'The model in this folder is the start model' in page.text
    assert any('worse' in s.get('class', '') for s in page.all('section'))


def test_what_cannot_be_told_is_said_with_what_to_do(run, tmp_path):
    path = shutil.copytree(run, tmp_path / 'run')
    verdict = json.loads((path / 'verdict.json').read_text())
    (path / 'verdict.json').write_text(json.dumps(dict(verdict, word='cannot be told')))
    page = Page(write_report(path))
    assert 'Cannot be told without labels' in page.text
    assert 'Label the 20 frames of worth_labelling.json' in page.text


def test_the_skeleton_may_come_from_the_models_config(run, tmp_path):
    path = shutil.copytree(run, tmp_path / 'run')
    content = json.loads((path / 'held_back.json').read_text())
    content['categories'][0]['skeleton'] = []
    (path / 'held_back.json').write_text(json.dumps(content))
    assert read_run(path).meta['skeleton_links'] == []  # model/ holds no config: only dots
    keypoints = {i: dict(name=name, id=i, color=[i, 0, 0], type='', swap='')
                 for i, name in enumerate(NAMES)}
    metainfo = dict(dataset_name='figures', keypoint_info=keypoints, joint_weights=[1.] * 7,
                    sigmas=[.1] * 7, skeleton_info={0: dict(
                        link=('head', 'neck'), id=0, color=[9, 8, 7])})
    (path / 'model/config.py').write_text(
        f"test_dataloader = dict(dataset=dict(type='CocoDataset', metainfo={metainfo!r}))\n")
    meta = read_run(path).meta
    assert meta['skeleton_links'] == [(0, 1)]
    assert np.asarray(meta['skeleton_link_colors']).tolist() == [[9, 8, 7]]
    write_report(path)
    content = json.loads((path / 'worth_labelling.json').read_text())
    assert content['categories'][0]['skeleton'] == [[1, 2]]


def test_no_such_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match='is no folder'):
        write_report(tmp_path / 'nowhere')


def test_the_page_stays_small():
    album, noise = Album(300_000), np.random.default_rng(0).integers(0, 255, (400, 800, 3))
    added = [album.add(noise.astype(np.uint8)) for _ in range(4)]
    assert sum(a is not None for a in added) == 4 - album.left_out and album.left_out >= 1
    assert album.used <= 300_000 and album.add(None) is None


@pytest.mark.skipif(CHROMIUM is None, reason='no Chromium')
@pytest.mark.parametrize('width', [1280, 390])
def test_in_a_browser(run, tmp_path, width):
    """All pictures load, nothing is wider than the window, and the network is not asked."""
    probe = ('<script>window.onload = function () { setTimeout(function () {'
             'document.body.dataset.probe = JSON.stringify({'
             'pictures: Array.from(document.images).filter(i => i.naturalWidth > 50).length,'
             'all: document.images.length, wide: document.documentElement.scrollWidth,'
             'window: window.innerWidth,'
             'fetched: performance.getEntriesByType("resource").map(e => e.name).filter('
             'n => !n.startsWith("data:"))}); '
             'var zoom = document.querySelector(".zoom"); zoom.click();'
             'document.body.dataset.full = document.querySelectorAll(".full").length; zoom.click();'
             'document.body.dataset.closed = document.querySelectorAll(".full").length;'
             '}, 300); };</script>')
    content = (run / 'report.html').read_text().replace('loading="lazy" ', '')
    path = tmp_path / 'page.html'
    # a frame has any width, a headless window not less than 500
    (tmp_path / 'inner.html').write_text(content.replace('</body>', probe + '</body>'))
    path.write_text(f'<iframe id="f" src="inner.html" width="{width}" height="800"></iframe>'
                    '<script>window.onload = function () { setTimeout(function () {'
                    'var d = document.getElementById("f").contentDocument.body.dataset;'
                    'document.body.dataset.all = JSON.stringify(Object.assign({}, d));'
                    '}, 1200); };</script>')
    done = subprocess.run(
        [CHROMIUM, '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
         '--allow-file-access-from-files', f'--user-data-dir={tmp_path / "profile"}',
         '--virtual-time-budget=6000', '--dump-dom', path.as_uri()],
        capture_output=True, text=True, timeout=120)
    found = re.search(r'<body data-all="(.*?)">', done.stdout)
    assert found, done.stderr[-2000:]
    outer = json.loads(found.group(1).replace('&quot;', '"'))
    probe = json.loads(outer['probe'])
    assert probe['pictures'] == probe['all'] == 24
    assert probe['fetched'] == []
    assert probe['wide'] <= probe['window'] == width
    assert outer['full'] == '1' and outer['closed'] == '0'
