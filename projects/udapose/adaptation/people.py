"""People (boxes) in frames, and what a model predicts for them, as files of a run."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..datasets.json_files import load_json
from ..file_io import write_json
from .predictor import VIEWS, Predictor


@dataclass
class People:
    """N boxes in frames; those of one ``clip`` and ``track`` follow each other in time.

    Attributes:
        files (list[str]): The frame's file, relative to ``root``.
        root (Path): Folder of the frames.
        boxes (np.ndarray): (N, 4) float32 xyxy in pixels.
        sizes (np.ndarray): (N, 2) width and height of the frame.
        clip (np.ndarray): (N,) int number of the run of consecutive frames, -1: a single frame.
        time (np.ndarray): (N,) seconds in the video; 0 for images.
        track (np.ndarray): (N,) int number of the person within the clip.
        sources (list[str]): (N) the video or image that the frame is of.
    """
    files: list[str]
    root: Path
    boxes: np.ndarray
    sizes: np.ndarray
    clip: np.ndarray
    time: np.ndarray
    track: np.ndarray
    sources: list[str]

    def __len__(self) -> int:
        return len(self.files)

    @classmethod
    def load(cls, path: str | Path, root: str | Path | None = None) -> People:
        """Read a COCO file of a run (``people.json``): ``images`` may have ``clip``, ``time`` and
        ``source``, ``annotations`` ``track_id``.

        Args:
            path (str | Path): The file.
            root (str | Path, optional): Folder of the frames. Defaults to ``frames`` beside it.
        """
        path = Path(path)
        content = load_json(str(path), 'people', 'a COCO file with boxes')
        images = {image['id']: image for image in content['images']}
        found = [(images[a['image_id']], a) for a in content['annotations']]
        boxes = np.array([a['bbox'] for _, a in found], np.float32).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        return cls(
            files=[i['file_name'] for i, _ in found],
            root=Path(root) if root is not None else path.parent / 'frames', boxes=boxes,
            sizes=np.array([(i['width'], i['height']) for i, _ in found],
                           np.int64).reshape(-1, 2),
            clip=np.array([i.get('clip', -1) for i, _ in found], np.int64),
            time=np.array([i.get('time', 0.) for i, _ in found], np.float64),
            track=np.array([a.get('track_id', 0) for _, a in found], np.int64),
            sources=[i.get('source', i['file_name']) for i, _ in found])


@dataclass
class Predictions:
    """What one model says of :class:`People`.

    Attributes:
        points (np.ndarray): (N, K, 2) float32 pixels of the frame.
        confidence (np.ndarray): (N, K).
        views (np.ndarray): (V, N, K, 2): the same people from other views, in pixels of the frame.
    """
    points: np.ndarray
    confidence: np.ndarray
    views: np.ndarray

    def save(self, path: str | Path) -> None:
        """Write an ``.npz`` file, whole or not at all."""
        path = Path(path)
        part = path.with_suffix('.part.npz')
        np.savez(part, points=self.points, confidence=self.confidence, views=self.views)
        part.replace(path)

    @classmethod
    def load(cls, path: str | Path) -> Predictions:
        """Read such a file."""
        with np.load(path) as file:
            return cls(**{key: file[key] for key in ('points', 'confidence', 'views')})


def predict_people(predictor: Predictor, people: People, views=VIEWS) -> Predictions:
    """Ask a model for all people, frame by frame.

    Args:
        predictor (Predictor): The model.
        people (People): Whose frames exist.
        views (Sequence[View]): For the agreement; may be empty.

    Raises:
        OSError: A frame cannot be read.
    """
    joints = len(predictor.names)
    points = np.zeros((len(people), joints, 2), np.float32)
    confidence = np.zeros((len(people), joints), np.float32)
    seen = np.zeros((len(views), len(people), joints, 2), np.float32)
    order: dict[str, list[int]] = {}
    for index, file in enumerate(people.files):
        order.setdefault(file, []).append(index)
    for file, indices in order.items():
        image = cv2.imread(str(people.root / file))
        if image is None:
            raise OSError(f'cannot read the frame {people.root / file}: remove the run folder\'s '
                          'frames/ and repeat the command')
        where, sure = predictor.views(image, people.boxes[indices], views)
        points[indices], confidence[indices], seen[:, indices] = where[0], sure[0], where[1:]
    return Predictions(points, confidence, seen)


def write_people(path: str | Path, images: list[dict], annotations: list[dict],
                 meta: dict | None = None) -> None:
    """Write a COCO file of a run; categories name the joints if ``meta`` is given."""
    names = (meta or {}).get('keypoint_id2name') or {}
    category = dict(id=1, name='person')
    if names:
        category.update(keypoints=[names[i] for i in sorted(names)],
                        skeleton=[[int(a) + 1, int(b) + 1]
                                  for a, b in (meta or {}).get('skeleton_links', [])])
    write_json(path, dict(images=images, annotations=annotations, categories=[category]), None)
