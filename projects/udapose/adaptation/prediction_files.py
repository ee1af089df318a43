"""Predictions as files that grow while a video is read: CSV, MMPose's JSON, and a journal."""
from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .video import Frame


@dataclass
class Poses:
    """The people of one frame.

    Attributes:
        boxes (np.ndarray): (P, 4) xyxy in pixels.
        scores (np.ndarray): (P,) of the boxes.
        tracks (np.ndarray): (P,) int, the same for a person from frame to frame.
        points (np.ndarray): (P, K, 2) pixels of the frame.
        confidence (np.ndarray): (P, K).
        depths (np.ndarray, optional): (P, K) mm behind the root joint, of a 3D model.
    """
    boxes: np.ndarray
    scores: np.ndarray
    tracks: np.ndarray
    points: np.ndarray
    confidence: np.ndarray
    depths: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.boxes)


def instances(poses: Poses) -> list[dict]:
    """The form of MMPose's inferencer, with ``track_id`` in addition.

    Its ``bbox`` is a list that holds one box. Those of a 3D model have ``keypoint_depths``.
    """
    found = [dict(keypoints=_rounded(points, 2), keypoint_scores=_rounded(sure, 4),
                  bbox=[_rounded(box, 2)], bbox_score=round(float(score), 4), track_id=int(track))
             for points, sure, box, score, track in zip(
                 poses.points, poses.confidence, poses.boxes, poses.scores, poses.tracks,
                 strict=True)]
    if poses.depths is not None:
        for person, depths in zip(found, poses.depths, strict=True):
            person['keypoint_depths'] = _rounded(depths, 1)
    return found


def from_instances(found: Sequence[dict]) -> Poses:
    """Poses from the form of MMPose's inferencer; people without ``track_id`` are numbered."""
    if not found:  # nobody was seen
        return Poses(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, int),
                     np.zeros((0, 0, 2), np.float32), np.zeros((0, 0), np.float32))
    boxes = [i['bbox'][0] if np.ndim(i['bbox']) == 2 else i['bbox'] for i in found]
    points = np.array([np.asarray(i['keypoints'])[:, :2] for i in found], np.float32)
    depths = [i['keypoint_depths'] for i in found if 'keypoint_depths' in i]
    return Poses(np.array(boxes, np.float32).reshape(-1, 4),
                 np.array([i.get('bbox_score', 1.) for i in found], np.float32),
                 np.array([i.get('track_id', n) for n, i in enumerate(found)], int),
                 points.reshape(len(found), -1, 2),
                 np.array([i['keypoint_scores'] for i in found], np.float32),
                 np.array(depths, np.float32) if len(depths) == len(found) else None)


class JsonFrames:
    """``[{"frame_id": 0, "instances": [...]}, ...]`` as MMPose's inferencer writes a video.

    One line per frame, so that :func:`read_frames` can read it piece by piece. Written under
    ``NAME.part`` until :meth:`finish`.

    Args:
        path (Path): File to write.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.part = path, path.with_name(path.name + '.part')
        self._file, self._first = None, True

    def write(self, frame: Frame, poses: Poses) -> None:
        """Append a frame."""
        if self._file is None:
            self.part.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.part.open('w', encoding='utf-8')
        self._file.write('[\n' if self._first else ',\n')
        json.dump(dict(frame_id=frame.index, instances=instances(poses)), self._file)
        self._first = False

    def finish(self) -> None:
        """Complete the file and give it its name."""
        if self._file is not None:
            self._file.write('\n]\n')
            self.close()
            self.part.replace(self.path)

    def close(self) -> None:
        """Leave the part as it is."""
        if self._file is not None:
            self._file.close()
            self._file = None


class CsvRows:
    """One row per frame and person.

    Columns: ``source`` (only with several sources), ``frame``, ``time`` (seconds), ``person``
    (track), ``x1``, ``y1``, ``x2``, ``y2``, ``box_score``, and of each joint ``NAME_x``,
    ``NAME_y``, ``NAME_score`` and, of a 3D model, ``NAME_depth``. Written under ``NAME.part`` until
    :meth:`finish`.

    Args:
        path (Path): File to write.
        names (Sequence[str]): Of the K joints.
        sources (bool): Whether the rows name their source.
        keep (int): So many bytes of an unfinished (or finished) file are kept and continued.
        depths (bool): Whether the poses have depths. Defaults to ``False``.
    """

    def __init__(self, path: Path, names: Sequence[str], sources: bool = False,
                 keep: int = 0, depths: bool = False) -> None:
        parts = ('x', 'y', 'score', 'depth') if depths else ('x', 'y', 'score')
        self.path, self.part = path, path.with_name(path.name + '.part')
        self.sources, self._file = sources, None
        self._header = ['source'] * sources + [
            'frame', 'time', 'person', 'x1', 'y1', 'x2', 'y2', 'box_score'] + [
            f'{name}_{part}' for name in names for part in parts]
        if keep and not self.part.is_file() and path.is_file():
            path.replace(self.part)  # more rows for a finished file
        if keep and self.part.is_file() and self.part.stat().st_size >= keep:
            self._file = self.part.open('r+b')
            self._file.truncate(keep)
            self._file.seek(keep)

    def write(self, frame: Frame, poses: Poses) -> None:
        """Append the rows of a frame."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator='\n')
        if self._file is None:
            self.part.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.part.open('wb')
            writer.writerow(self._header)
        joints = [np.round(poses.points, 2), np.round(poses.confidence, 4)[..., None]]
        if poses.depths is not None:
            joints.append(np.round(poses.depths, 1)[..., None])
        for box, score, track, person in zip(
                poses.boxes, poses.scores, poses.tracks, np.concatenate(joints, 2), strict=True):
            writer.writerow([frame.source] * self.sources + [
                frame.index, f'{frame.time:.3f}', int(track), *_rounded(box, 2),
                round(float(score), 4), *(f'{x:.6g}' for x in person.ravel())])
        self._file.write(text.getvalue().encode('utf-8'))

    def flush(self) -> int:
        """Hand everything to the system; the file's length in bytes."""
        if self._file is None:
            return 0
        self._file.flush()
        return self._file.tell()

    def finish(self) -> None:
        """Give the file its name."""
        if self._file is not None:
            self.close()
            self.part.replace(self.path)

    def close(self) -> None:
        """Leave the part as it is."""
        if self._file is not None:
            self._file.close()
            self._file = None


def read_frames(path: str | Path) -> Iterator[tuple[int, Poses]]:
    """Frames of a JSON file of :class:`JsonFrames` one by one, or of MMPose's own at once.

    Args:
        path (str | Path): The file.

    Yields:
        tuple[int, Poses]: Number of the frame, its people.

    Raises:
        ValueError: The file is not of this form.
    """
    with open(path, encoding='utf-8') as file:
        by_line = file.readline() == '[\n' and file.readline().startswith('{"frame_id"')
        file.seek(0)
        try:
            entries = (json.loads(line.rstrip(',\n')) for line in file
                       if line.startswith('{')) if by_line else json.load(file)
            for entry in entries:
                yield int(entry['frame_id']), from_instances(entry['instances'])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f'{path} does not hold the predictions of a video in the form of '
                             f'MMPose\'s inferencer: {type(error).__name__}: {error}') from error


def _rounded(values, digits: int) -> list:
    """Nested lists of floats, shorter in a file; values that are not finite stay."""
    return np.round(np.asarray(values, np.float64), digits).tolist()
