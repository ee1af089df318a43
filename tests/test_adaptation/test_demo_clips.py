"""The clips of `udapose adapt --demo`: videos, boxes and labels that fit each other."""
import json

import cv2
import numpy as np
import pytest

from udapose.adaptation import demo_clips
from udapose.adaptation.boxes import FileBoxes
from udapose.adaptation.demo_clips import FPS, render_clips
from udapose.adaptation.demo_motion import AroundEllipse, PosePath, Sway, spline, to_pose, to_vector
from udapose.adaptation.find_media import find_media
from udapose.synthetic.body import load_body
from udapose.synthetic.keypoints import PEOPLE
from udapose.synthetic.poses import sample_body_pose

FRAMES, SIZE = 12, (160, 120)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp('clips')
    render_clips(out, seed=4, frames=FRAMES, size=SIZE)
    return out


def read(folder, name):
    return json.loads((folder / name).read_text())


def test_clips_are_videos_of_what_was_asked_for(folder):
    media = find_media(folder)
    assert [m.name for m in media] == ['one_person.mp4', 'two_people.mp4']
    for clip in media:
        assert (clip.is_video, clip.frames, clip.fps, clip.size) == (True, FRAMES, FPS, SIZE)
        pictures = [frame.image for frame in clip]
        assert len(pictures) == FRAMES and clip.problem == ''
        steps = [np.abs(a.astype(int) - b).mean() for a, b in zip(pictures, pictures[1:])]
        assert 0.5 < min(steps)  # it moves, and there is noise
        # Nothing pops up: clothes and walls stay what they are.
        assert max(steps) < 2 * np.median(steps) + 2
        assert np.ptp([picture.mean() for picture in pictures]) < 8


def test_boxes_file_gives_everybodys_box_of_each_frame(folder):
    boxes = FileBoxes(str(folder / 'boxes.json'))
    labels = read(folder, 'labels.json')
    for clip, count in zip(find_media(folder), (1, 2)):
        boxes.prepare(clip)
        wanted = {}
        for image in labels['images']:
            if image['file_name'] == clip.name:
                wanted[image['frame']] = [a['bbox'] for a in labels['annotations']
                                          if a['image_id'] == image['id']
                                          and a['visible_share'] >= 0.25]
        assert sorted(wanted) == list(range(FRAMES))
        for frame in clip:
            found, scores = boxes.boxes(frame)
            expected = np.array(wanted[frame.index])
            expected[:, 2:] += expected[:, :2]
            assert len(found) <= count and np.abs(found - expected).max() < 0.02
            assert (scores >= 0.25).all() and (scores <= 1).all()
    assert not any('without a box' in text for text in boxes.counts)


def test_labels_are_a_coco_file_of_all_frames_and_people(folder):
    labels = read(folder, 'labels.json')
    assert [(i['file_name'], i['frame']) for i in labels['images']] == [
        (f'{name}.mp4', k) for name in ('one_person', 'two_people') for k in range(FRAMES)]
    assert labels['categories'][0]['keypoints'] == list(PEOPLE.names)
    tracks = {}
    for annotation in labels['annotations']:
        joints = np.array(annotation['keypoints']).reshape(22, 3)
        assert annotation['num_keypoints'] == (joints[:, 2] > 0).sum() >= 18
        x, y, w, h = annotation['bbox']
        inside = joints[joints[:, 2] > 0]
        assert (inside[:, :2] >= [x - 1, y - 1]).all()
        assert (inside[:, :2] <= [x + w + 1, y + h + 1]).all()
        tracks.setdefault(annotation['image_id'], []).append(annotation['track_id'])
    assert list(tracks.values()) == [[0]] * FRAMES + [[0, 1]] * FRAMES


def test_joints_move_smoothly_and_tracks_keep_their_person(folder):
    labels = read(folder, 'labels.json')
    paths = {}
    names = {i['id']: i['file_name'] for i in labels['images']}
    for annotation in labels['annotations']:
        key = names[annotation['image_id']], annotation['track_id']
        paths.setdefault(key, []).append(np.array(annotation['keypoints']).reshape(22, 3)[:, :2])
    assert len(paths) == 3
    for path in paths.values():
        path = np.stack(path) / SIZE[1]
        speed = np.linalg.norm(np.diff(path, axis=0), axis=-1)
        assert 0.002 < speed.max() < 0.12  # of the frame's height in a 15th of a second
        assert np.linalg.norm(np.diff(path, n=2, axis=0), axis=-1).max() < 0.05


@pytest.mark.parametrize('build, people', [(demo_clips.one_person, 1), (demo_clips.two_people, 2)])
def test_labels_lie_on_the_person_that_they_are_of(build, people):
    stage = build([4, people - 1], 6., (320, 240))
    hidden = []
    for time in np.arange(0, 6, 0.75):
        picture, seen = stage.shoot(time, np.random.default_rng(0))
        assert picture.shape == (240, 320, 3) and len(seen) == people
        for one in seen:
            rows, columns = np.nonzero(one.mask)
            x, y, w, h = one.box
            assert x - 1 <= columns.min() and columns.max() + 1 <= x + w + 1
            assert y - 1 <= rows.min() and rows.max() + 1 <= y + h + 1
            assert h > 60  # someone is to be seen
            # Visible joints lie within a few pixels of the person's own visible pixels.
            grown = cv2.dilate(one.mask.astype(np.uint8), np.ones((5, 5)))
            joints = np.round(one.keypoints[one.visibility == 2]).astype(int)
            assert grown[joints[:, 1].clip(0, 239), joints[:, 0].clip(0, 319)].mean() > 0.9
            if one.share > 0.99:
                assert abs(rows.min() - y) < 2 and abs(rows.max() + 1 - y - h) < 2
            hidden.append(1 - one.share)
        for one, other in zip(seen, seen[1:]):
            assert not (one.mask & other.mask).any()
            met = (one.box[:2] < other.box[:2] + other.box[2:]) & (
                other.box[:2] < one.box[:2] + one.box[2:])
            assert met.all() or one.share == other.share == 1
    assert (max(hidden) > 0.1) == (people == 2)  # the two hide each other


def test_equal_seeds_give_equal_clips_and_other_seeds_other_people(folder, tmp_path):
    again = tmp_path / 'again'
    render_clips(again, seed=4, frames=FRAMES, size=SIZE)
    for one, other in zip(find_media(folder), find_media(again)):
        pictures = [np.stack([frame.image for frame in clip]) for clip in (one, other)]
        assert np.array_equal(*pictures)
    for name in ('boxes.json', 'labels.json'):
        assert read(folder, name) == read(again, name)
    render_clips(tmp_path / 'other', seed=5, frames=2, size=SIZE)
    first, other = (read(path, 'labels.json')['annotations'][0]
                    for path in (folder, tmp_path / 'other'))
    assert first['keypoints'] != other['keypoints']


def test_complete_clips_stay_and_others_are_replaced(tmp_path):
    calls = []
    def render(**kwargs):
        calls.clear()
        return render_clips(tmp_path, frames=2, size=(64, 64), **kwargs,
                            progress=lambda done, total: calls.append((done, total)))
    clips = render()
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        'boxes.json', 'labels.json', 'one_person.mp4', 'two_people.mp4']
    assert render() == clips and not calls
    render(seed=1)
    assert len(calls) == 4
    clips[1].unlink()
    render(seed=1)
    assert len(calls) == 4 and clips[1].exists()


def test_smoke_is_short(tmp_path):
    clips = render_clips(tmp_path, smoke=True)
    frames, size = demo_clips.SMOKE
    for clip in find_media(tmp_path):
        assert (clip.frames, clip.size) == (frames, size)
    assert clips == [tmp_path / 'one_person.mp4', tmp_path / 'two_people.mp4']


@pytest.mark.parametrize('wrong', [dict(frames=1), dict(size=(321, 240)), dict(size=(32, 32))])
def test_impossible_clips_are_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match='at least 2 frames, and even sides'):
        render_clips(tmp_path / 'new', **wrong)
    assert not (tmp_path / 'new').exists()


def test_a_video_that_cannot_be_written_is_an_error_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(demo_clips.cv2, 'VideoWriter_fourcc', lambda *code: -2)
    monkeypatch.setattr(demo_clips.cv2.VideoWriter, 'isOpened', lambda self: False, raising=False)
    with pytest.raises((RuntimeError, TypeError), match='cannot write mp4'):
        render_clips(tmp_path, frames=2, size=(64, 64))
    assert not list(tmp_path.iterdir())


def test_spline_is_smooth_and_within_its_keys():
    keys = np.random.default_rng(0).uniform(-1, 1, (8, 3))
    times = np.linspace(0, 5, 501)
    path = np.stack([spline(keys, t) for t in times])
    assert (path.max(0) <= keys.max(0)).all() and (path.min(0) >= keys.min(0)).all()
    # second differences of a twice differentiable path shrink with the square of the step
    assert np.abs(np.diff(path, n=2, axis=0)).max() < 6 * 0.01 ** 2
    np.testing.assert_allclose(spline(np.ones((5, 2)) * 3, 1.37), 3)
    np.testing.assert_allclose(spline(np.arange(6.)[:, None], 1.25), 2.25)  # linear stays linear
    np.testing.assert_allclose(spline(keys, 99.), spline(keys, 5.))


def test_poses_survive_the_vector_and_paths_avoid_the_impossible():
    rng, body = np.random.default_rng(1), load_body()
    pose = sample_body_pose(rng)
    np.testing.assert_allclose(to_vector(to_pose(to_vector(pose))), to_vector(pose))
    rest = body.identity(7)
    rotations = body.rotations(rest, to_pose(to_vector(pose)))
    np.testing.assert_allclose(body.pose(rest, rotations).heads,
                               body.pose(rest, body.rotations(rest, pose)).heads)
    path = PosePath(rng, body, rest, 6.)
    bad = [body.intersects_itself(body.pose(rest, body.rotations(rest, path.at(t))))
           for t in np.arange(0, 6, 0.1)]
    assert np.mean(bad) < 0.1


def test_walkers_face_where_they_go_and_step_in_turn():
    walk = AroundEllipse((2., 2.), -90., 1.)
    place, heading, distance = walk(0.)
    np.testing.assert_allclose(place, [0, -2], atol=1e-9)
    assert heading == pytest.approx(90) and distance == 0  # towards +X
    later, _, distance = walk(0.5)
    assert np.linalg.norm(later - place) == pytest.approx(0.5, abs=0.01) and distance == 0.5
    body = load_body()
    path = PosePath(np.random.default_rng(0), body, body.identity(0), 2., walks=True)
    left, right = path.at(0., 0.).legs
    assert left[0] > 20 and right[0] < 0
    half = path.at(0., 1.25 / 2).legs
    np.testing.assert_allclose(half, [right, left])


def test_sway_stays_within_its_sizes():
    sway = Sway(np.random.default_rng(0), (.5, 2.), 5.)
    values = np.abs([sway(t) for t in np.linspace(0, 200, 4000)]).max(0)
    assert (values <= [.5, 2.]).all() and (values > [.4, 1.6]).all()
