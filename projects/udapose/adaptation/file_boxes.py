"""Boxes of people from a json file, of images and of the frames of videos."""
from __future__ import annotations

from pathlib import Path

import numpy as np

from ..datasets.box_files import BOX_FORMS, parse_boxes
from ..datasets.json_files import load_json
from .box_finder import Boxes
from .video import Frame, Media

#: Between a video's name and a frame's number: no file's name has it.
_MARK = '\0'


class FileBoxes(Boxes):
    """Boxes of a json file: COCO detections or a COCO file.

    ``file_name`` is the image's name relative to the data folder, its last part, or a longer path
    that ends in it; for frames of a video it is the video's, and entries (or ``images``) have
    ``frame``, counted from 0. A frame between two listed ones takes the nearest within half a
    second.

    Args:
        path (str): The file.
        threshold (float): Lowest score. Defaults to 0.

    Raises:
        ValueError: See :func:`~udapose.datasets.box_files.parse_boxes`.
    """

    of_original = True

    def __init__(self, path: str, threshold: float = 0.) -> None:
        super().__init__()
        self.path = path
        content = load_json(path, '--boxes', BOX_FORMS)
        content = _name_frames(content, path)
        self._boxes = parse_boxes(content, path, score_thr=threshold)
        crowds = sum(bool(isinstance(e, dict) and e.get('iscrowd')) for e in _entries(content))
        self.counts[f'crowds (iscrowd) in {Path(path).name} left out'] += crowds
        if not self._boxes:
            raise ValueError(f'--boxes {path} holds no box')
        self._frames: dict[str, list[int]] = {}
        for key in self._boxes:
            name, mark, number = key.rpartition(_MARK)
            if mark:
                self._frames.setdefault(name, []).append(int(number))
        self._frames = {name: sorted(numbers) for name, numbers in self._frames.items()}
        self._called: dict[str, list[str]] = {}
        for name in {*self._frames, *self._boxes}:
            if _MARK not in name:
                self._called.setdefault(Path(name).name, []).append(name)
        self._reach = 12

    def prepare(self, media: Media) -> None:
        """Take half a second as the reach of a listed frame."""
        self._reach = max(round((media.fps or 25) / 2), 1)

    def _find(self, frame: Frame) -> tuple[np.ndarray, np.ndarray]:
        for name in self._names_of(frame.source):
            if name in self._frames:
                near = min(self._frames[name], key=lambda n: abs(n - frame.index))
                if abs(near - frame.index) <= self._reach:
                    return _stacked(self._boxes[f'{name}{_MARK}{near}'])
            if name in self._boxes:
                return _stacked(self._boxes[name])
        self.counts[f'frames without a box in {Path(self.path).name}'] += 1
        return np.zeros((0, 4), np.float32), np.zeros(0, np.float32)

    def _names_of(self, source: str) -> list[str]:
        """What the file may call a source: its name, the last part, a path that ends in it."""
        longer = [name for name in self._called.get(Path(source).name, ())
                  if name.endswith(f'/{source}')]
        if len(longer) > 1:
            raise ValueError(f'--boxes {self.path}: {source} may be {longer[0]} or {longer[1]}: '
                             'name images by their path relative to --data')
        return [source, *longer, Path(source).name]


def _stacked(found: list[tuple[np.ndarray, float]]) -> tuple[np.ndarray, np.ndarray]:
    return np.stack([box for box, _ in found]), np.array([s for _, s in found], np.float32)


def _entries(content) -> list:
    found = content.get('annotations') if isinstance(content, dict) else content
    return found if isinstance(found, list) else []


def _name_frames(content, path: str):
    """Where entries or images have ``frame``, the number behind the name; slashes forward."""
    def named(entry, i):
        if not isinstance(entry, dict) or 'file_name' not in entry:
            return entry
        name = str(entry['file_name']).replace('\\', '/')
        if 'frame' in entry:
            try:
                number = int(float(entry['frame']))
            except (TypeError, ValueError):
                raise ValueError(f'--boxes {path}: entry {i} has frame {entry["frame"]!r}: '
                                 'expected its number in the video, from 0') from None
            name = f'{name}{_MARK}{number}'
        return {**entry, 'file_name': name}
    if isinstance(content, list):
        return [named(entry, i) for i, entry in enumerate(content)]
    if isinstance(content, dict) and isinstance(content.get('images'), list):
        return {**content, 'images': [named(image, i)
                                      for i, image in enumerate(content['images'])]}
    return content
