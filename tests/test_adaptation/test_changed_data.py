"""Files that were replaced under the same name between two calls."""
import csv
import json
import os
import shutil

import cv2
import numpy as np
import pytest
from media import picture, write_video
from test_predict import Corners
from test_run import images, options, write_labels  # noqa: F401

from udapose.adaptation import file_states
from udapose.adaptation.boxes import Boxes
from udapose.adaptation.file_states import (
    content_state,
    identity,
    images_state,
    media_states,
    what_changed,
)
from udapose.adaptation.find_media import find_media
from udapose.adaptation.predicting import predict_media
from udapose.adaptation.predictor import Predictor
from udapose.adaptation.run import Adaptation


def write(path, step, size=(160, 120)):
    assert cv2.imwrite(str(path), picture(step, size, seed=step))


def test_content_counts_and_not_the_time(tmp_path):
    write(tmp_path / 'a.bmp', 1)
    write_video(tmp_path / 'v.avi', 3)
    before = media_states(find_media(tmp_path))
    os.utime(tmp_path / 'a.bmp', (1e9, 1e9))  # as a copy of the data has
    touched = media_states(find_media(tmp_path), before)
    assert touched['a.bmp'] != before['a.bmp'] and touched['v.avi'] == before['v.avi']
    assert [*map(identity, touched.values())] == [*map(identity, before.values())]
    write(tmp_path / 'a.bmp', 9)  # as long as the other one
    changed = media_states(find_media(tmp_path), touched)
    assert changed['a.bmp'][0] == before['a.bmp'][0]
    assert identity(changed['a.bmp']) != identity(before['a.bmp'])
    (tmp_path / 'a.bmp').unlink()
    assert media_states([*find_media(tmp_path), *find_media(tmp_path)]).keys() == {'v.avi'}


@pytest.mark.parametrize('place', [0, 40_000, 79_999])
def test_a_byte_at_the_begin_in_the_middle_or_at_the_end(tmp_path, place):
    content = bytearray(80_000)
    (tmp_path / 'a.png').write_bytes(content)
    before = media_states(find_media(tmp_path))
    content[place] = 1
    (tmp_path / 'a.png').write_bytes(content)
    os.utime(tmp_path / 'a.png', (1e9, 1e9))
    assert identity(media_states(find_media(tmp_path), before)['a.png']) != identity(
        before['a.png'])


def test_of_very_many_images_size_and_time_are_enough(tmp_path, monkeypatch):
    for i in range(3):
        write(tmp_path / f'{i}.png', i)
    write_video(tmp_path / 'v.avi', 3)
    monkeypatch.setattr(file_states, '_MOST_IMAGES', 2)
    states = media_states(find_media(tmp_path))
    assert [bool(states[n][2]) for n in ('0.png', '2.png', 'v.avi')] == [False, False, True]
    os.utime(tmp_path / '0.png', (1e9, 1e9))
    again = media_states(find_media(tmp_path))
    assert identity(again['0.png']) != identity(states['0.png'])
    assert identity(again['1.png']) == identity(states['1.png'])


def test_what_changed_in_words():
    sources = [dict(path=n, state=[1, 2, n]) for n in ('a', 'b', 'c')] + [dict(path='old')]
    states = dict(a=[1, 9, 'a'], b=[1, 2, 'x'], new=[1, 2, 'c'], old=[1, 2, 'o'])
    assert what_changed(sources, states) == (
        '1 new file(s) (new); 1 changed file(s) (b); 1 file(s) gone (c)')
    assert what_changed(sources, {s['path']: s.get('state') or [5, 5, 5] for s in sources}) == ''


def test_a_run_notices(synth_like_model, images, tmp_path, capfd):  # noqa: F811
    def run():
        Adaptation(options(synth_like_model, images, tmp_path / 'run', dry_run=True)).run()
        return capfd.readouterr().out
    run()
    file = json.loads((tmp_path / 'run/frames.json').read_text())['frames'][3]
    shutil.copy(images / '20.png', images / file['source'])
    shown = run()
    assert f'1 changed file(s) ({file["source"]}). Frames are chosen anew' in shown
    assert 'start model: done before' in shown and 'frames: done before' not in shown
    now = cv2.imread(str(tmp_path / 'run/frames' / file['file'])).astype(int)
    assert np.abs(now - cv2.imread(str(images / '20.png'))).mean() < 4
    for path in images.iterdir():
        path.touch()
    shown = run()
    assert 'has changed' not in shown and 'plan: done before' in shown


def test_labelled_source_images_that_were_replaced(synth_like_model, images, tmp_path,  # noqa: F811
                                                   capfd):
    joints = Predictor(*synth_like_model).names
    (tmp_path / 'source').mkdir()
    for i in range(4):
        write(tmp_path / f'source/{i}.png', 5 * i)
    source = write_labels(tmp_path / 'source/labels.json', joints,
                          images=[f'{i}.png' for i in range(4)])

    def run():
        Adaptation(options(synth_like_model, images, tmp_path / 'run', dry_run=True,
                           source=str(source))).run()
        return capfd.readouterr().out
    shown = run()
    assert 'plan: done before' not in shown and 'have changed' not in shown
    for path in (tmp_path / 'source').iterdir():  # as copies have
        os.utime(path, (1e9, 1e9))
    assert 'plan: done before' in run()
    write(tmp_path / 'source/2.png', 50)
    shown = run()
    assert 'labelled source images have changed since the last run' in shown
    assert 'plan: done before' not in shown and 'frames: done before' in shown
    assert 'plan: done before' in run()
    content = source.read_text()
    source.write_text('[]')  # although a plan is there
    with pytest.raises(ValueError, match='expected a COCO keypoint file'):
        run()
    source.write_text(content)
    (tmp_path / 'source/2.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'1 of its 4 images.*2\.png'):
        run()


@pytest.mark.parametrize('name', ['sub/0.bin', 'link.bin', 'folder', '', 'loop', 'nul\0.png',
                                  '\ud800.png', 300 * 'x', '../outside.bin'])
def test_names_that_files_of_labels_hold(tmp_path, name):
    folder = tmp_path / 'data'
    (folder / 'sub').mkdir(parents=True)
    (folder / 'folder').mkdir()
    (folder / 'sub/0.bin').write_bytes(b'a')
    (tmp_path / 'outside.bin').write_bytes(b'a')
    (folder / 'link.bin').symlink_to(folder / 'sub/0.bin')
    (folder / 'loop').symlink_to(folder / 'loop')
    state = images_state(folder, [name])
    assert state == images_state(folder, [name, name]) != images_state(folder, ['other'])
    (folder / 'sub/0.bin').write_bytes(b'b')
    (tmp_path / 'outside.bin').write_bytes(b'b')
    assert (images_state(folder, [name]) != state) == name.endswith('.bin')


def test_all_of_a_file_of_labels_counts_and_not_its_time(tmp_path):
    path, content = tmp_path / 'a.json', bytearray(3 << 20)
    path.write_bytes(content)
    before = content_state(path)
    os.utime(path, (1e9, 1e9))
    assert content_state(path) == before and before[0] == 3 << 20
    content[1 << 20] = 1
    path.write_bytes(content)
    assert content_state(path) != before


def test_of_many_source_images_sizes_and_some_contents_count(tmp_path, monkeypatch):
    monkeypatch.setattr(file_states, '_SOURCE_IMAGES', 2)
    names = [f'{i}.bin' for i in range(6)]
    for name in names:
        (tmp_path / name).write_bytes(bytes(100))
    before = images_state(tmp_path, names)
    assert images_state(tmp_path, names[::-1] + names[:1]) == before
    (tmp_path / '3.bin').write_bytes(b'1' + bytes(99))  # every third one is read
    changed = images_state(tmp_path, names)
    assert changed != before
    (tmp_path / '3.bin').write_bytes(bytes(100))
    (tmp_path / '4.bin').write_bytes(bytes(101))
    assert images_state(tmp_path, names) not in (before, changed)
    assert images_state(tmp_path, [*names, 'gone.bin']) != images_state(tmp_path, names)


def test_predictions_of_changed_files_are_made_again(tmp_path):
    data, out = tmp_path / 'data', tmp_path / 'out'
    data.mkdir()
    for i in range(4):
        write(data / f'{i}.png', i)
    for name in ('a', 'b'):
        write_video(data / f'{name}.avi', 3)

    def predict(stop_after=None):
        return predict_media(Corners(stop_after), find_media(data), out, Boxes())

    def rows():
        with open(out / 'images.csv', newline='') as file:
            return [(row['source'], row['x2']) for row in csv.DictReader(file)]
    predict()
    assert rows() == [(f'{i}.png', '160.0') for i in range(4)]
    write(data / '0.png', 3, (80, 64))
    write(data / '2.png', 3, (96, 64))
    write_video(data / 'b.avi', 5)
    for file in (data / 'a.avi', data / '1.png'):
        file.touch()
    with pytest.raises(KeyboardInterrupt):  # the video, one image
        predict(stop_after=6)
    assert not (out / '2.jpg').exists()  # nothing of the old content stays
    result = predict()
    assert (result['skipped'], result['changed'], result['frames']) == (5, 0, 1)
    assert rows() == [('1.png', '160.0'), ('3.png', '160.0'), ('0.png', '80.0'), ('2.png', '96.0')]
    assert len(json.loads((out / 'b.json').read_text())) == 5
    assert predict()['skipped'] == 6

    (out / 'images.csv').unlink()  # a row is not to be lost in silence
    assert predict()['frames'] == 4
    assert [name for name, _ in rows()] == [f'{i}.png' for i in range(4)]
    write(data / '3.png', 1)
    assert predict()['changed'] == 1
