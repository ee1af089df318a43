"""A model's poses in all videos and images of a folder, with memory for one frame at a time."""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import cv2
import numpy as np

from ..file_io import write_json, write_whole
from ..visualization.skeleton2d import draw_pose, person_color
from ..visualization.video_file import VideoFile
from .box_finder import Boxes
from .file_states import media_states
from .prediction_files import CsvRows, JsonFrames, Poses, instances
from .prediction_journal import Journal
from .predictor import Predictor
from .tracking import Tracker
from .video import Frame, Media


def predict_media(predictor: Predictor, media: Sequence[Media], out: str | Path, boxes: Boxes,
                  options: dict | None = None, video: bool = True, every: int = 1,
                  threshold: float = 0.3,
                  progress: Callable[[Media, int], None] = lambda media, frames: None,
                  skipped: Callable[[Media], None] = lambda media: None) -> dict:
    """Predict videos and images and write files beside each other.

    Of a video ``clip.mp4``: ``clip.csv``, ``clip.json`` and, with skeletons, ``clip.mp4``; of an
    image ``a.jpg``: ``a.json`` and ``a.jpg``, and a row in ``images.csv`` for all of them. What is
    finished stands in ``predictions.jsonl`` and is passed over by the next call, unless it has
    become another file; a video that was interrupted starts over, images continue.

    Args:
        predictor (Predictor): The model.
        media (Sequence[Media]): What to predict.
        out (str | Path): Folder to write.
        boxes (Boxes): Finds the people.
        options (dict, optional): What else must be the same for one folder, e.g. the model.
        video (bool): Whether to write videos and pictures.
        every (int): Every so many frames of a video.
        threshold (float): Confidence from which a joint is drawn as sure.
        progress (Callable): Called after each frame with the medium and the frames done in it.
        skipped (Callable): Called for each medium that an earlier call has finished.

    Returns:
        dict: ``frames``, ``people``, ``skipped`` (sources of an earlier call), ``restarted`` and
        ``changed`` (sources that an earlier call saw with another content; int), ``problems``
        (dict of source to text), ``counts`` (Counter of what was left out).

    Raises:
        ValueError: A file would overwrite what it is made of; the folder is of other options.
        OSError: A file cannot be written.
    """
    out = Path(out)
    stems = output_stems(media, out)
    options = dict(options or {}, every=every, video=video)
    if predictor.is_3d:  # an unfinished table of an earlier version has other columns
        options['depths'] = True
    journal = Journal(out / 'predictions.jsonl', options)
    states = media_states(media, {name: e.get('state') for name, e in journal.done.items()})
    changed = _forget_changed(journal, states, stems, out)
    result = dict(frames=0, people=0, skipped=0, restarted=0, changed=changed, problems={},
                  counts=boxes.counts)
    with closing(CsvRows(out / 'images.csv', predictor.names, sources=True,
                         keep=journal.check_table(_table(out)), depths=predictor.is_3d)) as table:
        for item in media:
            if item.name in journal.done:
                result['skipped'] += 1
                skipped(item)
                continue
            stem = out / stems[item.name]
            if item.is_video:
                result['restarted'] += _parts_left(stem)
                done = _video(predictor, item, stem, boxes, video, every, threshold, progress)
            else:
                done = _image(predictor, item, stem, boxes, video, threshold, table)
                progress(item, done['frames'])
            if item.problem:
                result['problems'][item.name] = item.problem
            if done['frames']:
                journal.add(item.name, **done, state=states[item.name],
                            **({'problem': item.problem} if item.problem else {}))
            result['frames'] += done['frames']
            result['people'] += done['people']
        table.finish()
    return result


def output_stems(media: Sequence[Media], out: Path) -> dict[str, str]:
    """Names of files without suffix by source; sources that share one keep their own suffix.

    Raises:
        ValueError: A file would be overwritten by what is made of it.
    """
    plain = Counter(_stem(item.name) for item in media)
    stems = {item.name: _stem(item.name) if plain[_stem(item.name)] == 1 else _flat(item.name)
             for item in media}
    for item in media:
        for suffix in ('.mp4', '.jpg', '.csv', '.json'):
            if Path(f'{out / stems[item.name]}{suffix}').resolve() == item.path.resolve():
                raise ValueError(f'--out {out} would overwrite {item.path}: give another folder')
    return stems


def _forget_changed(journal: Journal, states: dict, stems: dict, out: Path) -> int:
    """How many finished sources are other files by now; what was made of them goes."""
    changed = journal.changed(states)
    if changed:
        journal.forget(changed, _table(out))
    for name in changed:
        for suffix in ('.csv', '.json', '.mp4', '.jpg'):
            _with(out / stems[name], suffix).unlink(missing_ok=True)
    return len(changed)


def _table(out: Path) -> Path:
    """The images' rows; a part is the newer one."""
    part = out / 'images.csv.part'
    return part if part.is_file() else out / 'images.csv'


def predict_frame(predictor: Predictor, frame: Frame, boxes: Boxes, tracker: Tracker) -> Poses:
    """The people of a frame."""
    found, scores = boxes.boxes(frame)
    return Poses(found, scores, tracker.update(found), *predictor.with_depths(frame.image, found))


def draw_poses(image: np.ndarray, poses: Poses, meta: dict, threshold: float = 0.3) -> np.ndarray:
    """All people of a frame, in place: skeletons in the model's colours, boxes in the person's."""
    image = np.ascontiguousarray(image)
    for i in range(len(poses)):
        draw_pose(image, poses.points[i], poses.confidence[i], meta, threshold=threshold)
        if len(poses) > 1:
            draw_pose(image, poses.points[i][:0], box=poses.boxes[i], label=str(poses.tracks[i]),
                      color=person_color(int(poses.tracks[i])))
    return image


def _video(predictor, item, stem, boxes, video, every, threshold, progress) -> dict:
    tracker, people, frames, empty = Tracker(), 0, 0, 0
    with ExitStack() as stack:
        table = stack.enter_context(closing(CsvRows(
            _with(stem, '.csv'), predictor.names, depths=predictor.is_3d)))
        content = stack.enter_context(closing(JsonFrames(_with(stem, '.json'))))
        film = stack.enter_context(VideoFile(_with(stem, '.mp4'), item.fps / every))
        boxes.prepare(item)
        for frame in item.read(every):
            poses = predict_frame(predictor, frame, boxes, tracker)
            table.write(frame, poses)
            content.write(frame, poses)
            if video:
                film.write(draw_poses(frame.image, poses, predictor.meta, threshold))
            frames, people, empty = frames + 1, people + len(poses), empty + (not len(poses))
            progress(item, frames)
        for file in (film, table, content):
            file.finish()
    return dict(frames=frames, people=people, without_people=empty)


def _image(predictor, item, stem, boxes, picture, threshold, table) -> dict:
    for frame in item.read():
        poses = predict_frame(predictor, frame, boxes, Tracker())
        stem.parent.mkdir(parents=True, exist_ok=True)
        if picture:
            _write_picture(_with(stem, '.jpg'),
                           draw_poses(frame.image, poses, predictor.meta, threshold))
        write_json(_with(stem, '.json'), instances(poses))
        table.write(frame, poses)
        return dict(frames=1, people=len(poses), without_people=int(not len(poses)),
                    bytes=table.flush())
    return dict(frames=0, people=0)


def _write_picture(path: Path, image: np.ndarray) -> None:
    good, content = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, 92])
    if not good:
        raise OSError(f'OpenCV cannot write {path}')
    write_whole(path, content.tobytes())


def _parts_left(stem: Path) -> int:
    """Whether an earlier call was interrupted in this video; its unfinished files go."""
    parts = [path for suffix in ('.csv.part', '.json.part', '.part.mp4')
             if (path := _with(stem, suffix)).is_file()]
    for path in parts:
        path.unlink()
    return int(bool(parts))


def _with(stem: Path, suffix: str) -> Path:
    return stem.with_name(stem.name + suffix)


def _stem(name: str) -> str:
    return Path(name).with_suffix('').as_posix()


def _flat(name: str) -> str:
    return Path(name).with_name(Path(name).name.replace('.', '_')).as_posix()
