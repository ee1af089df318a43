"""`udapose predict`: its files, and what it does about interruptions and bad input."""
import csv
import json
import re
import sys
import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import pytest

from udapose import cli
from udapose.adaptation.boxes import Boxes, build_boxes
from udapose.adaptation.find_media import find_media
from udapose.adaptation.predicting import predict_media
from udapose.adaptation.prediction_files import CsvRows, read_frames
from udapose.adaptation.predictor import Predictor
from udapose.adaptation.start_model import find_model
from udapose.adaptation.video import Frame, Media
from udapose.cli._progress import Progress
from udapose.cli.predict import find_plain
from udapose.visualization.side_by_side import side_by_side
from udapose.visualization.video_file import VideoFile

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'test_deploy'))
from small_models import NAMES, plain_folder  # noqa: E402

META = dict(skeleton_links=[(0, 1), (1, 2)], skeleton_link_colors=np.array([[255, 0, 0]] * 2),
            keypoint_colors=np.array([[0, 255, 0]] * 3))


class Corners:
    """Says that the joints are corners of the box; interrupts itself if told to."""

    names, meta, is_3d = list(NAMES), META, False

    def __init__(self, stop_after=None):
        self.left = stop_after

    def with_depths(self, image, boxes):
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
        boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
        points = np.stack([boxes[:, :2], boxes[:, 2:], boxes[:, [0, 3]]], 1)
        return points, np.full((len(boxes), 3), 0.9, np.float32), None


def write_video(path, frames=9, size=(96, 80), fps=10., code='mp4v'):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*code), fps, size)
    for i in range(frames):
        image = np.full((size[1], size[0], 3), 60, np.uint8)
        cv2.rectangle(image, (5 + 4 * i, 20), (25 + 4 * i, 70), (30, 200, 220), -1)
        writer.write(image)
    writer.release()
    return path


def write_images(folder, count=4):
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        cv2.imwrite(str(folder / f'{i}.png'), np.full((50, 40 + i, 3), 40 * i, np.uint8))
    return folder


def rows(path):
    with open(path, newline='', encoding='utf-8') as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope='module')
def model(tmp_path_factory):
    return plain_folder('rtmpose', tmp_path_factory.mktemp('model') / 'plain')


def test_a_video_gives_csv_json_and_a_video_that_agree(model, tmp_path, capsys):
    write_video(tmp_path / 'clip.mp4')
    out = tmp_path / 'out'
    assert cli.main(['predict', str(model), '--data', str(tmp_path / 'clip.mp4'), '--out',
                     str(out), '--boxes', 'whole', '--every', '2']) == 0
    assert '5 frames with 5 people' in capsys.readouterr().out
    assert sorted(p.name for p in out.iterdir()) == [
        'clip.csv', 'clip.json', 'clip.mp4', 'predictions.jsonl']
    content = json.loads((out / 'clip.json').read_text())
    assert [f['frame_id'] for f in content] == [0, 2, 4, 6, 8]
    table = rows(out / 'clip.csv')
    assert [(r['frame'], r['time'], r['person']) for r in table][:2] == [
        ('0', '0.000', '0'), ('2', '0.200', '0')]
    predictor = Predictor(model / 'config.py', model / 'model.pth')
    frames = {f.index: f.image for f in Media(tmp_path / 'clip.mp4')}
    for row, frame in zip(table, content, strict=True):
        (person,) = frame['instances']
        points, scores = predictor(frames[frame['frame_id']], np.array([[0, 0, 96, 80]]))
        np.testing.assert_allclose(person['keypoints'], points[0], atol=0.006)
        np.testing.assert_allclose(person['keypoint_scores'], scores[0], atol=1e-4)
        for name, point in zip(NAMES, points[0], strict=True):
            assert abs(float(row[f'{name}_x']) - point[0]) < 0.01
        assert [row[k] for k in ('x1', 'y1', 'x2', 'y2')] == ['0.0', '0.0', '96.0', '80.0']
    film = Media(out / 'clip.mp4')
    assert (film.frames, film.fps, film.size) == (5, 5., (96, 80))
    numbers, poses = zip(*read_frames(out / 'clip.json'), strict=True)
    assert numbers == (0, 2, 4, 6, 8) and poses[0].points.shape == (1, 3, 2)


def test_the_json_is_that_of_mmposes_inferencer(model, tmp_path):
    from udapose.apis import MMPoseInferencer
    folder = write_images(tmp_path / 'photos', 1)
    write_video(folder / 'clip.mp4', 3)
    inferencer = MMPoseInferencer(str(model / 'config.py'), str(model / 'model.pth'),
                                  det_model='whole_image', device='cpu')
    for name in ('0.png', 'clip.mp4'):
        list(inferencer(str(folder / name), pred_out_dir=str(tmp_path / 'theirs')))
    predictor = Predictor(model / 'config.py', model / 'model.pth')
    predict_media(predictor, find_media(folder), tmp_path / 'ours', Boxes())
    for name in ('0.json', 'clip.json'):
        ours, theirs = (json.loads((tmp_path / who / name).read_text())
                        for who in ('ours', 'theirs'))
        assert len(ours) == len(theirs) == (1 if name == '0.json' else 3)
        for a, b in zip(ours, theirs, strict=True):
            if name == 'clip.json':
                assert set(a) == set(b) and a['frame_id'] == b['frame_id']
                (a,), (b,) = a['instances'], b['instances']
            assert set(a) - {'track_id'} == set(b)
            for key in b:
                np.testing.assert_allclose(a[key], b[key], atol=0.01, err_msg=key)
    assert [n for n, _ in read_frames(tmp_path / 'theirs/clip.json')] == [0, 1, 2]


def test_people_keep_their_number_and_images_share_a_table(tmp_path):
    folder = write_images(tmp_path / 'data/sub')
    write_video(tmp_path / 'data/clip.mp4', 5)
    boxes = [dict(file_name='clip.mp4', frame=i, category_id=1, score=0.9, bbox=[x, 10, 20, 60])
             for i in range(5) for x in ((5 + 4 * i, 70 - 4 * i) if i % 2 else
                                         (70 - 4 * i, 5 + 4 * i))]
    boxes += [dict(file_name=f'sub/{i}.png', category_id=1, score=1., bbox=[1, 1, 30, 40])
              for i in range(3)]
    (tmp_path / 'boxes.json').write_text(json.dumps(boxes))
    assert folder.is_dir()
    result = predict_media(Corners(), find_media(tmp_path / 'data'), tmp_path / 'out',
                           build_boxes(str(tmp_path / 'boxes.json')))
    assert (result['frames'], result['people']) == (9, 13)
    assert any('without a box' in what and n == 1 for what, n in result['counts'].items())
    table = rows(tmp_path / 'out/clip.csv')
    left = [float(r['x1']) for r in table if r['person'] == '1'][:3]
    assert left == [5, 9, 13] and {r['person'] for r in table} == {'0', '1'}
    assert [(r['source'], r['x2']) for r in rows(tmp_path / 'out/images.csv')] == [
        (f'sub/{i}.png', '31.0') for i in range(3)]
    assert json.loads((tmp_path / 'out/sub/3.json').read_text()) == []
    picture = cv2.imread(str(tmp_path / 'out/sub/0.jpg'))
    assert picture.shape == (50, 40, 3) and picture.any()


def test_an_interrupted_command_continues(tmp_path):
    for name in ('a.mp4', 'b.mp4'):
        write_video(tmp_path / name, 4)
    write_images(tmp_path)
    media, out = find_media(tmp_path), tmp_path / 'out'
    with pytest.raises(KeyboardInterrupt):
        predict_media(Corners(stop_after=6), media, out, Boxes())
    assert sorted(p.name for p in out.iterdir()) == [
        'a.csv', 'a.json', 'a.mp4', 'b.csv.part', 'b.json.part', 'b.part.mp4',
        'predictions.jsonl']
    with pytest.raises(KeyboardInterrupt):  # four frames of b, two images
        predict_media(Corners(stop_after=6), media, out, Boxes())
    assert (out / 'images.csv.part').is_file() and (out / 'b.json').is_file()
    with (out / 'images.csv.part').open('a') as file:
        file.write('2.png,0,0.000,0,half a row')
    with (out / 'predictions.jsonl').open('a') as file:
        file.write('{"source": "2.p')
    result = predict_media(Corners(), media, out, Boxes())
    assert (result['skipped'], result['restarted'], result['frames']) == (4, 0, 2)
    assert [r['source'] for r in rows(out / 'images.csv')] == [f'{i}.png' for i in range(4)]
    assert not list(out.glob('*.part*'))

    cv2.imwrite(str(tmp_path / 'new.png'), np.zeros((20, 20, 3), np.uint8))  # the folder grows
    result = predict_media(Corners(), [m for m in find_media(tmp_path) if m.name == 'new.png'],
                           out, Boxes())
    assert result['frames'] == 1
    assert [r['source'] for r in rows(out / 'images.csv')][-2:] == ['3.png', 'new.png']


def test_a_video_that_was_interrupted_starts_over_and_this_is_said(model, tmp_path, capsys):
    write_video(tmp_path / 'a.mp4', 3)
    out = tmp_path / 'out'
    out.mkdir()
    (out / 'a.csv.part').write_text('frame\n')
    assert cli.main(['predict', str(model), '--data', str(tmp_path / 'a.mp4'), '--out', str(out),
                     '--boxes', 'whole', '--no-video']) == 0
    assert '1 video had been interrupted and started over' in capsys.readouterr().out
    assert sorted(p.name for p in out.iterdir()) == ['a.csv', 'a.json', 'predictions.jsonl']


def test_what_cannot_be_read_is_said_and_the_rest_is_done(model, tmp_path, capsys):
    data, out = write_images(tmp_path / 'data', 1), tmp_path / 'data/out'
    (data / 'broken.jpg').write_bytes(b'no picture')
    (data / 'empty.mp4').write_bytes(b'')
    whole = write_video(tmp_path / 'whole.avi', 60, code='MJPG').read_bytes()
    (data / 'torn.avi').write_bytes(whole[:len(whole) // 3])
    command = ['predict', str(model), '--data', str(data), '--out', str(out), '--boxes', 'whole']
    assert cli.main(command) == 0
    text = capsys.readouterr().out
    for problem in ('broken.jpg cannot be read', 'empty.mp4 is empty'):
        assert f'  {problem}\n' in text
    assert re.search(r'  torn.avi ends after \d+ of 60 frames\n', text)
    frames = json.loads((out / 'torn.json').read_text())
    assert 5 < len(frames) < 30 and Media(out / 'torn.mp4').frames == len(frames)
    assert f'{1 + len(frames)} frames with' in text and not list(out.glob('empty*'))

    assert cli.main(command) == 0  # its own results are no data
    text = capsys.readouterr().out
    assert '2 files are left out: they are results' in text and '2 files of an earlier call' in text
    for name in ('0.png', 'torn.avi'):
        (data / name).unlink()
    assert cli.main([*command[:-4], '--out', str(tmp_path / 'other'), '--boxes', 'whole']) == 1
    assert 'no frame could be read' in capsys.readouterr().err


def test_files_are_never_overwritten_or_mixed(tmp_path):
    write_video(tmp_path / 'a.mp4', 2)
    media = find_media(tmp_path)
    with pytest.raises(ValueError, match=r'--out .* would overwrite .*a\.mp4'):
        predict_media(Corners(), media, tmp_path, Boxes())
    predict_media(Corners(), media, tmp_path / 'out', Boxes(), dict(model='x'))
    with pytest.raises(ValueError, match="made with model 'x', now it is 'y': give another --out"):
        predict_media(Corners(), media, tmp_path / 'out', Boxes(), dict(model='y'))
    write_images(tmp_path, 1)
    (tmp_path / '0.png').rename(tmp_path / 'a.png')
    predict_media(Corners(), find_media(tmp_path / 'a.mp4') + find_media(tmp_path / 'a.png'),
                  tmp_path / 'both', Boxes())
    assert {p.name for p in (tmp_path / 'both').iterdir()} > {'a_mp4.json', 'a_png.json'}


@pytest.mark.parametrize('place', ['', 'model', 'exported', 'adapted_model'])
def test_the_plain_model_is_found_where_each_command_leaves_it(place, tmp_path):
    """By `predict` and `export --onnx` as by `adapt --model`."""
    (tmp_path / place).mkdir(exist_ok=True)
    (tmp_path / 'config.py').write_text('')  # a training's
    files = tmp_path / place / 'config.py', tmp_path / place / 'model.pth'
    for file in files:
        file.write_text('')
    assert find_plain(tmp_path) == (*files, {})
    assert find_model(str(tmp_path)) == (files[0], str(files[1]))


def test_the_model_of_a_run_and_its_boxes_are_found(tmp_path, monkeypatch):
    run = tmp_path / 'run'
    for name in ('config.py', 'model.pth'):
        (run / 'model').mkdir(parents=True, exist_ok=True)
        (run / 'model' / name).write_text('')

    def settings(spec):
        (run / 'run.json').write_text(json.dumps(dict(
            options=dict(detector_checkpoint='d.pth'), steps=dict(boxes=dict(
                fingerprint='', seconds=1, summary=dict(spec=spec))))))
        return find_plain(run)
    assert settings('motion') == (run / 'model/config.py', run / 'model/model.pth', dict(
        boxes='motion', detector_checkpoint='d.pth'))
    assert settings('boxes.json')[2]['boxes'] is None
    assert find_plain(run / 'model')[2] == {}
    (run / 'model/model.pth').unlink()
    with pytest.raises(FileNotFoundError, match='has no model yet: repeat its `udapose adapt`'):
        find_plain(run)
    with pytest.raises(FileNotFoundError, match='holds neither config.py and model.pth nor'):
        find_plain(tmp_path)
    with pytest.raises(FileNotFoundError, match='nowhere is no folder'):
        find_plain(tmp_path / 'nowhere')
    for given in ((None, None, None), (run, run, run), (None, run, None)):
        with pytest.raises(ValueError, match='name a MODEL folder, or --config and --checkpoint'):
            find_plain(*given)


@pytest.mark.parametrize('extra,message', [
    (['--every', '0'], '--every 0: at least 1'),
    (['--boxes', 'nowhere.json'], 'neither a file nor one of auto, whole'),
    (['--out', 'DATA'], 'data is the folder of the data: give another one'),
    (['--data', 'EMPTY'], 'no video and no image in .*empty')])
def test_errors_are_one_line(extra, message, model, tmp_path):
    (tmp_path / 'empty').mkdir()
    extra = [str(tmp_path / word.lower()) if word.isupper() else word for word in extra]
    with pytest.raises(SystemExit, match=f'^(\n)?error: .*{message}'):
        cli.main(['predict', str(model), '--data', str(write_images(tmp_path / 'data', 1)),
                  '--out', str(tmp_path / 'out'), *extra])
    assert not (tmp_path / 'out').exists()


def test_a_full_disk_loses_nothing_that_is_finished(model, tmp_path, monkeypatch):
    for name in ('a.mp4', 'b.mp4'):
        write_video(tmp_path / name, 2)
    write, out = CsvRows.write, tmp_path / 'out'

    def full(self, frame, poses):
        if self.path.name == 'b.csv':
            raise OSError(28, 'No space left on device')
        write(self, frame, poses)
    monkeypatch.setattr(CsvRows, 'write', full)
    with pytest.raises(SystemExit, match=r'No space left .* .--out .*. What is fin'):
        cli.main(['predict', str(model), '--data', str(tmp_path), '--out', str(out), '--boxes',
                  'whole'])
    assert {p.name for p in out.iterdir()} >= {'a.csv', 'a.json', 'a.mp4', 'predictions.jsonl'}
    assert not (out / 'b.csv').exists() and not (out / 'b.json').exists()


class LongVideo(Media):
    """A video of any length that takes no memory."""

    def __init__(self, frames):
        self.path, self.name, self.is_video = Path('long.mp4'), 'long.mp4', True
        self.frames, self.fps, self.size, self.problem = frames, 25., (64, 64), ''

    def read(self, every=1, wanted=None):
        for i in range(self.frames):
            yield Frame(np.zeros((64, 64, 3), np.uint8), i, i / 25, self.name)


def test_memory_does_not_grow_with_a_videos_length(tmp_path):
    peaks = []
    for frames in (100, 2000):
        tracemalloc.start()
        predict_media(Corners(), [LongVideo(frames)], tmp_path / str(frames), Boxes(), video=False)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0] + 50_000, peaks
    tracemalloc.start()
    assert sum(1 for _ in read_frames(tmp_path / '2000/long.json')) == 2000
    assert tracemalloc.get_traced_memory()[1] < 200_000
    tracemalloc.stop()


# ------------------------------------------------------------------ videos
def test_side_by_side_draws_both_models_into_the_same_frames(tmp_path):
    video = write_video(tmp_path / 'clip.mp4', 9)

    class Narrower(Corners):
        def with_depths(self, image, boxes):
            return super().with_depths(image, boxes + [[0, 0, -40, 0]])

    for name, predictor in (('before', Corners()), ('after', Narrower())):
        predict_media(predictor, find_media(video), tmp_path / name, Boxes(), video=False, every=3)
    out = tmp_path / 'both.mp4'
    frames = side_by_side(tmp_path / 'before/clip.json', tmp_path / 'after/clip.json', video, out,
                          META)
    film = Media(out)
    assert frames == film.frames == 3 and film.size == (192, 80)
    assert film.fps == pytest.approx(10 / 3, abs=0.01)
    image = next(iter(film)).image.astype(int)
    assert np.abs(image[:, :96] - image[:, 96:]).max() > 100
    (tmp_path / 'wrong.json').write_text('{"a": 1}')
    with pytest.raises(ValueError, match='wrong.json does not hold the predictions of a video'):
        side_by_side(tmp_path / 'wrong.json', tmp_path / 'wrong.json', video, out, META)


def test_a_video_is_whole_or_not_there(tmp_path):
    with pytest.raises(KeyError), VideoFile(tmp_path / 'a.mp4', 10) as film:
        film.write(np.zeros((40, 60, 3), np.uint8))
        raise KeyError
    assert [p.name for p in tmp_path.iterdir()] == ['a.part.mp4']
    with VideoFile(tmp_path / 'b.mp4', 0) as film:
        film.write(np.zeros((40, 60, 3), np.uint8))
        film.write(np.full((80, 60, 3), 255, np.uint8))  # fitted: 30 wide
        film.finish()
    first, second = (frame.image for frame in Media(tmp_path / 'b.mp4'))
    assert second.shape == (40, 60, 3) and first.max() < 20
    assert second[:, 20:40].min() > 200 and second[:, :10].max() < 60
    (tmp_path / 'file').write_text('')
    with pytest.raises(OSError), VideoFile(tmp_path / 'file/c.mp4', 10) as film:
        film.write(np.zeros((40, 60, 3), np.uint8))


def test_progress_tells_speed_and_time_left(capsys):
    now = iter([0., 10., 40., 41.])
    progress = Progress(500, clock=lambda: next(now))
    for _ in range(4):
        progress.update('clip.mp4', 10)
    assert capsys.readouterr().out == 'clip.mp4: 30 of 500 frames, 0.5 a second, 16 min left\n'
    progress.skip(400)
    assert progress.text(41.) == '40 of 100 frames, 0.732 a second, 82 s left'
    assert Progress(0).text(0.) == '0 frames'
