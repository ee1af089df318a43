"""The verdict by labels: PCK and OKS, their intervals, and labels that do not fit."""
import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from fake_adaptation import META, NAMES, figures, people_of, predictions  # noqa: E402

from udapose.adaptation.labels import read_labels, scores  # noqa: E402
from udapose.adaptation.people import Predictions  # noqa: E402
from udapose.adaptation.tracking import iou  # noqa: E402
from udapose.adaptation.verdict import judge  # noqa: E402


@pytest.fixture(scope='module')
def walk():
    points, clip, time = figures()
    return points, people_of(points, clip, time)


def write_labels(path, people, points, chosen, names=NAMES, folder='', box=True):
    images = [dict(id=int(i), file_name=folder + people.files[i]) for i in chosen]
    annotations = []
    for i in chosen:
        tight = [*map(float, points[i].min(0)), *map(float, np.ptp(points[i], axis=0))]
        annotations.append(dict(
            id=int(i), image_id=int(i), category_id=1, area=5000.,
            keypoints=np.concatenate([points[i], np.full((len(points[i]), 1), 2)], 1)
            .ravel().tolist(), **(dict(bbox=tight) if box else {})))
    path.write_text(json.dumps(dict(images=images, annotations=annotations, categories=[
        dict(id=1, name='person', keypoints=list(names))])))
    return path


def test_pck_and_oks_by_hand(walk, tmp_path):
    points, people = walk
    path = write_labels(tmp_path / 'l.json', people, points, [3, 4])
    labels = read_labels(path, people, META, 7)
    moved = points.copy()
    side = (people.boxes[3, 2:] - people.boxes[3, :2]).max()
    moved[3, :2, 0] += 0.07 * side  # 2 of 14 joints: outside of 5 %, within 10 %
    one = Predictions(moved, np.ones((60, 7)), moved[None])
    meta = dict(META, sigmas=[.1] * 7)
    found = {k: float(m.value()) for k, m in scores(one, labels, people, meta).items()}
    assert found['PCK@0.05'] == pytest.approx(100 * 12 / 14) and found['PCK@0.1'] == 100
    similarity = np.exp(-(0.07 * side) ** 2 / (2 * 5000 * 0.2 ** 2))  # COCO: k is twice sigma
    assert found['OKS'] == pytest.approx(100 * (1 + (5 + 2 * similarity) / 7) / 2)


@pytest.mark.parametrize('noise,word', [((8, 2), 'better'), ((2, 8), 'worse'),
                                        ((5, 5), 'no clear change')])
def test_twenty_labels_are_enough(walk, tmp_path, noise, word):
    points, people = walk
    path = write_labels(tmp_path / 'l.json', people, points, range(0, 60, 3), folder='frames/')
    before, after = (predictions(points, n, i) for i, n in enumerate(noise))
    verdict = judge(before, after, people, META, labels=path)
    assert (verdict.word, verdict.by, verdict.labelled) == (word, 'labels', 20)
    rows = {row['name']: row for row in verdict.measures}
    low, high = rows['PCK@0.05']['interval']
    assert low <= rows['PCK@0.05']['difference'] <= high
    assert rows['PCK@0.05']['difference'] == pytest.approx(
        rows['PCK@0.05']['after'] - rows['PCK@0.05']['before'], abs=2e-3)
    assert 'labels of 20 people' in verdict.sentence
    assert json.loads(json.dumps(verdict.to_dict()))['word'] == word
    if word != 'no clear change':
        assert verdict.sure > 0.9


def test_labels_decide_over_the_label_free_measures(walk, tmp_path):
    """A consistent but wrong model: every label-free measure is better, the labels say worse."""
    points, people = walk
    path = write_labels(tmp_path / 'l.json', people, points, range(20))
    before = predictions(points, 4)
    wrong = Predictions(points + 25, np.ones((60, 7), np.float32),
                        np.repeat((points + 25)[None], 4, 0))
    assert judge(before, wrong, people, META, labels=path).word == 'worse'


def test_joints_are_found_by_name_in_any_order(walk, tmp_path):
    points, people = walk
    order = [3, 0, 6, 1, 2, 5, 4]
    path = write_labels(tmp_path / 'l.json', people, points[:, order], [0, 1],
                        [NAMES[i] for i in order])
    assert read_labels(path, people, META, 7).points[0, :, :2] == pytest.approx(points[0])


def test_other_joints_are_one_clear_error(walk, tmp_path):
    points, people = walk
    fewer = write_labels(tmp_path / 'a.json', people, points[:, :5], [0], NAMES[:5])
    with pytest.raises(ValueError, match='has 5 joints a person, the model predicts 7.*left_foot'):
        read_labels(fewer, people, META, 7)
    other = write_labels(tmp_path / 'b.json', people, points, [0], ('nose', *NAMES[1:]))
    with pytest.raises(ValueError, match='it has no head; rename'):
        read_labels(other, people, META, 7)


def test_labels_of_other_frames_and_untouched_predictions(walk, tmp_path):
    points, people = walk
    path = write_labels(tmp_path / 'l.json', people, points, [0, 1])
    content = json.loads(path.read_text())
    content['images'][0]['file_name'] = 'elsewhere.jpg'
    path.write_text(json.dumps(content))
    after = predictions(points, 3, 1)
    verdict = judge(predictions(points, 5), after, people, META, labels=path)
    assert verdict.note == '1 labelled people are in other frames' and verdict.labelled == 1
    content['images'][1]['file_name'] = 'nowhere.jpg'
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match='none of the 2 people.*worth_labelling.json'):
        read_labels(path, people, META, 7)
    write_labels(path, people, np.round(after.points.astype(float), 2), range(20))
    with pytest.raises(ValueError, match='are the predictions of the adapted model'):
        judge(predictions(points, 5), after, people, META, labels=path)


def test_two_people_in_a_frame_are_told_apart_by_their_boxes(tmp_path):
    points, clip, time = figures(clips=2, frames=1)
    points[1] += (70, 0)
    people = people_of(points, np.full(2, -1), time)
    people.files = ['both.jpg', 'both.jpg']
    path = write_labels(tmp_path / 'l.json', people, points, [1])
    assert read_labels(path, people, META, 7).index.tolist() == [1]
    path = write_labels(tmp_path / 'l.json', people, points, [0], box=False)
    assert read_labels(path, people, META, 7).index.tolist() == [0]
    path = write_labels(tmp_path / 'l.json', people, points + 500, [0])
    with pytest.raises(ValueError, match='none of the 1 people'):
        read_labels(path, people, META, 7)


def test_overlap_by_hand():
    assert iou(np.array([[0, 0, 10, 10]]),
               np.array([[5, 0, 15, 10], [20, 20, 30, 30.]]))[0] == \
        pytest.approx([50 / 150, 0])
