"""Boxes from files, detectors and motion; tracks."""
import json

import numpy as np
import pytest
import torch
from media import write_video

from udapose.adaptation.boxes import (
    ANIMALS,
    PERSON,
    FileBoxes,
    build_boxes,
    detector_categories,
)
from udapose.adaptation.tracking import Tracker, iou
from udapose.adaptation.video import Frame, Media

COCO = ['nose', 'left_shoulder', 'right_shoulder', 'left_hip', 'right_hip', 'left_knee']


def frame(index=0, source='a.mp4', size=(100, 200)):
    return Frame(np.zeros((*size, 3), np.uint8), index, index / 10, source)


def test_whole():
    boxes, scores = build_boxes('whole').boxes(frame())
    assert boxes.tolist() == [[0, 0, 200, 100]] and scores.tolist() == [1]


def test_which_detector():
    assert detector_categories(COCO) == PERSON
    assert detector_categories(['left_eye', 'left_front_paw', 'tail_root']) == ANIMALS
    assert detector_categories(['wrist', 'thumb1']) == ()
    with pytest.raises(ValueError, match='--boxes detector: .* wrist, thumb1'):
        build_boxes('detector', ['wrist', 'thumb1'])
    with pytest.raises(ValueError, match='--boxes nothing.json is neither a file'):
        build_boxes('nothing.json')


@pytest.mark.parametrize('form', ['detections', 'coco'])
def test_file_of_a_video(tmp_path, form):
    boxes = {3: [10, 20, 30, 40], 9: [50, 20, 30, 40]}
    if form == 'detections':
        content = [dict(file_name='a.mp4', frame=f, bbox=b, score=0.9) for f, b in boxes.items()]
    else:
        content = dict(images=[dict(id=str(f), file_name='a.mp4', frame=f) for f in boxes],
                       annotations=[dict(id=f, image_id=str(f), bbox=b) for f, b in boxes.items()])
    (tmp_path / 'b.json').write_text(json.dumps(content), encoding='utf-8-sig')
    finder = build_boxes(str(tmp_path / 'b.json'))
    assert finder.boxes(frame(3))[0].tolist() == [[10, 20, 40, 60]]
    assert finder.boxes(frame(7, 'sub/a.mp4'))[0].tolist() == [[50, 20, 80, 60]]  # the nearest
    assert finder.boxes(frame(3), scale=0.5)[0].tolist() == [[5, 10, 20, 30]]
    assert len(finder.boxes(frame(100))[0]) == 0
    assert finder.counts['frames without a box in b.json'] == 1


def test_file_of_images_and_its_faults(tmp_path):
    path = tmp_path / 'b.json'
    path.write_text(json.dumps([dict(file_name='x/a.jpg', bbox=[0, 0, 500, 50], score=0.2),
                                dict(file_name='x/a.jpg', bbox=[1, 1, 2, 2], score=1)]))
    finder = FileBoxes(str(path))
    assert finder.boxes(frame(source='x/a.jpg'))[0].tolist() == [[0, 0, 200, 50]]  # clipped
    assert finder.counts['tiny boxes left out'] == 1
    path.write_text('[]')
    with pytest.raises(ValueError, match='holds no box'):
        FileBoxes(str(path))


def test_motion_finds_who_walks_through(tmp_path):
    media = Media(write_video(tmp_path / 'a.avi', frames=60, present=lambda s: s % 20 < 12))
    finder = build_boxes('motion')
    finder.prepare(media)
    for shown in media:
        found = finder.boxes(shown)[0]
        if shown.index % 20 >= 12:
            assert len(found) == 0
        else:
            x = int(10 + 3 * shown.index) % 130
            assert iou(found, np.array([[x, 14, x + 21, 101]])).max() > 0.7, shown.index
    with pytest.raises(ValueError, match='needs a video'):
        finder.boxes(frame(source='other.mp4'))


def test_detector_from_a_checkpoint(tmp_path):
    detection = pytest.importorskip('torchvision.models.detection')
    torch.manual_seed(0)
    model = detection.ssdlite320_mobilenet_v3_large(weights=None, weights_backbone=None)
    torch.save(model.state_dict(), tmp_path / 'd.pth')
    finder = build_boxes('detector', COCO, checkpoint=str(tmp_path / 'd.pth'), threshold=0.999)
    boxes, scores = finder.boxes(frame(size=(64, 64)))
    assert boxes.shape == (len(scores), 4)
    assert len(boxes) or finder.counts['frames in which nobody was found'] == 1
    torch.save(dict(weight=torch.zeros(1)), tmp_path / 'other.pth')
    with pytest.raises(ValueError, match='is neither of torchvision'):
        build_boxes('detector', COCO, checkpoint=str(tmp_path / 'other.pth'))
    with pytest.raises(FileNotFoundError, match='--detector-checkpoint'):
        build_boxes('detector', COCO, checkpoint=str(tmp_path / 'none.pth'))


def test_detector_without_network(monkeypatch):
    detection = pytest.importorskip('torchvision.models.detection')

    def refuse(**kwargs):
        raise OSError('no network')
    monkeypatch.setattr(detection, 'fasterrcnn_mobilenet_v3_large_320_fpn', refuse)
    with pytest.raises(RuntimeError, match='cannot be downloaded .* --boxes whole'):
        build_boxes('detector', COCO)


def test_tracks_keep_their_people():
    tracker = Tracker()
    a, b = np.array([0, 0, 10, 20.]), np.array([50, 0, 60, 20.])
    assert tracker.update(np.stack([a, b])).tolist() == [0, 1]
    assert tracker.update(np.stack([b + 2, a + 1])).tolist() == [1, 0]  # in another order
    assert tracker.update(np.zeros((0, 4))).tolist() == []  # both hidden for a frame
    assert tracker.update(np.stack([a + 2, np.array([90, 0, 99, 20.])])).tolist() == [0, 2]


def test_iou():
    a = np.array([[0, 0, 10, 10.]])
    assert iou(a, np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 0, 30, 10.]]))[0].tolist() == \
        pytest.approx([1, 1 / 3, 0])
