"""Two short videos of embedded people for `udapose adapt --demo`, with boxes and exact labels."""
from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from ..synthetic.body import load_body
from ..synthetic.keypoints import PEOPLE
from ..synthetic.lighting import SunLight
from .demo_motion import AroundEllipse, OnTheSpot, Sway
from .demo_room import Film, Room
from .demo_scene import Person, Seen, Stage

FPS = 15
#: Frames and size of the smoke version.
SMOKE = (40, (160, 120))
#: Who is hidden more than this has no box: a detector would not find them, either.
_LEAST_SEEN = 0.25
_VERSION = 1  # raise it whenever other clips come out


def render_clips(out: str | Path, seed: int = 0, frames: int = 150,
                 size: tuple[int, int] = (320, 240), smoke: bool = False,
                 progress: Callable[[int, int], None] | None = None) -> list[Path]:
    """Render ``one_person.mp4`` and ``two_people.mp4``, with ``boxes.json`` and ``labels.json``.

    In the first clip one person moves on the spot while the camera goes slowly around; in the
    second one walks around another, so that they hide each other at times, and the camera turns
    after the walker. People, clothes, light, room and camera have the target domain's look. A
    folder that holds these clips already is left as it is.

    The videos are MPEG-4 Part 2 (``mp4v``): the one codec for mp4 files that OpenCV's wheels can
    both write and read on every system, as they hold no H.264 encoder.

    ``boxes.json`` holds COCO detections ``{"file_name": clip, "frame", "bbox": xywh, "score",
    "track_id", ...}`` for `--boxes FILE`; the score is the share of the person that nobody hides,
    and who is hidden by more than three quarters is left out. ``labels.json`` is a COCO file with
    the 22 joints of everybody in every frame, for checks of a verdict; its images have
    ``file_name`` (the clip) and ``frame``.

    Args:
        out (str | Path): Folder of the four files.
        seed (int): Equal seeds give equal pictures and labels. Defaults to 0.
        frames (int): Of each clip, at 15 a second. Defaults to 150.
        size (tuple[int, int]): Width and height in pixels, even. Defaults to (320, 240).
        smoke (bool): 40 frames of 160 x 120 pixels instead, for quick tests.
        progress (Callable, optional): Called as ``progress(done, total)`` in frames.

    Returns:
        list[Path]: The two videos.

    Raises:
        ValueError: Too few frames, or a size that is odd or too small.
        RuntimeError: OpenCV cannot write or read such a video here.

    Example:
        >>> clips = render_clips('demo/clips')
        >>> boxes = FileBoxes('demo/clips/boxes.json')
    """
    if smoke:
        frames, size = SMOKE
    width, height = size
    if frames < 2 or min(size) < 64 or width % 2 or height % 2:
        raise ValueError(f'{frames} frames of {width} x {height} pixels: choose at least 2 frames, '
                         'and even sides of at least 64 pixels')
    out = Path(out)
    made = dict(version=_VERSION, seed=seed, frames=frames, size=[width, height], fps=FPS)
    clips = [out / f'{name}.mp4' for name in _STAGES]
    if _holds(out, made) and all(clip.is_file() for clip in clips):
        return clips
    out.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix='.clips-', dir=out))
    try:
        images, people = [], []
        for number, (name, build) in enumerate(_STAGES.items()):
            stage = build([seed, number], frames / FPS, (width, height))
            clip = _Clip(part / f'{name}.mp4', (width, height))
            for frame in range(frames):
                picture, seen = stage.shoot(frame / FPS,
                                            np.random.default_rng([seed, number, 99, frame]))
                clip.write(picture)
                images.append(dict(id=len(images), file_name=f'{name}.mp4', frame=frame,
                                   width=width, height=height))
                people.append(seen)
                if progress:
                    progress(len(images), frames * len(_STAGES))
            clip.close(frames)
        _write(part / 'boxes.json', detections(images, people))
        _write(part / 'labels.json', coco_labels(images, people, made))
        for file in (*clips, out / 'boxes.json', out / 'labels.json'):  # the labels last
            (part / file.name).replace(file)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return clips


def detections(images: list[dict], people: list[list[Seen]]) -> list[dict]:
    """COCO detections of all frames, as ``boxes.json`` holds them."""
    return [dict(image_id=image['id'], file_name=image['file_name'], frame=image['frame'],
                 category_id=1, bbox=_rounded(one.box), score=round(one.share, 3), track_id=track)
            for image, seen in zip(images, people) for track, one in enumerate(seen)
            if one.share >= _LEAST_SEEN and one.box[2:].min() > 0]


def coco_labels(images: list[dict], people: list[list[Seen]], made: dict) -> dict:
    """COCO keypoints of all frames, as ``labels.json`` holds them."""
    annotations = []
    for image, seen in zip(images, people):
        for track, one in enumerate(seen):
            joints = [v for point, mark in zip(one.keypoints, one.visibility)
                      for v in (*_rounded(point), int(mark))]
            annotations.append(dict(
                id=len(annotations), image_id=image['id'], category_id=1, iscrowd=0,
                bbox=_rounded(one.box), area=float(one.mask.sum()), keypoints=joints,
                num_keypoints=int((one.visibility > 0).sum()), track_id=track,
                visible_share=round(one.share, 3)))
    category = dict(id=1, name='person', supercategory='person', keypoints=list(PEOPLE.names),
                    skeleton=[[a + 1, b + 1] for a, b in PEOPLE.bones])
    return dict(info=dict(description='clips of `udapose adapt --demo`', made=made), licenses=[],
                images=images, annotations=annotations, categories=[category])


def one_person(seed: list[int], seconds: float, size: tuple[int, int]) -> Stage:
    """Somebody moves on the spot; the camera goes slowly around them."""
    rng = np.random.default_rng([*seed, 0])
    person = Person([*seed, 1], load_body(), seconds, OnTheSpot(rng))
    begin, sway = rng.uniform(-40, 40), Sway(rng, (.12, .12, .03, .03), 6.)

    def camera(time):
        angle = np.radians(begin + 7. * (time - seconds / 2))
        near, up, aside, high = sway(time)
        distance = 2.1 * person.height + near  # so that there is room for raised arms
        eye = np.array([distance * np.sin(angle), -distance * np.cos(angle), 1.35 + up])
        return eye, np.array([aside, 0, .55 * person.height + high])

    boxes = [((-1.5, 1.3), (.6, .5, .8), 20), ((1.6, 1.0), (.8, .6, .45), -35)]
    return Stage([person], Room([*seed, 2], (4.6, 4.2), boxes), camera, SunLight.sample(rng),
                 Film(rng), size)


def two_people(seed: list[int], seconds: float, size: tuple[int, int]) -> Stage:
    """Somebody walks around somebody else; the camera turns after the walker."""
    rng, body = np.random.default_rng([*seed, 0]), load_body()
    walk = AroundEllipse((1.4, 1.15), -140., .95)
    people = [Person([*seed, 1], body, seconds, walk, walks=True),
              Person([*seed, 3], body, seconds, OnTheSpot(rng))]
    sway = Sway(rng, (.04, .04, .03), 5.)

    def camera(time):
        aside, depth, up = sway(time)
        eye = np.array([aside, depth - 4.7, 1.4 + up])
        return eye, np.array([.35 * walk(time)[0][0] + aside, 0, .95 + up])

    boxes = [((-1.9, 1.9), (.7, .6, .9), 15), ((2.2, 1.5), (.5, .5, .6), 50)]
    return Stage(people, Room([*seed, 2], (4.4, 5.4), boxes), camera, SunLight.sample(rng),
                 Film(rng), size)


_STAGES = dict(one_person=one_person, two_people=two_people)


class _Clip:
    """Writes a video, and checks that it can be read again."""

    def __init__(self, path: Path, size: tuple[int, int]) -> None:
        self._path = path
        self._writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), FPS, size)
        if not self._writer.isOpened():
            raise RuntimeError('OpenCV cannot write mp4 videos here: install the wheel '
                               'opencv-python or opencv-python-headless')

    def write(self, picture: np.ndarray) -> None:
        self._writer.write(picture)

    def close(self, frames: int) -> None:
        self._writer.release()
        capture = cv2.VideoCapture(str(self._path))
        found = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        capture.release()
        if found != frames:
            raise RuntimeError(f'OpenCV wrote a video of {found} instead of {frames} frames; is '
                               'the disk full?')


def _holds(out: Path, made: dict) -> bool:
    """Whether the folder holds these very clips, complete: the labels are written last."""
    try:
        labels = json.loads((out / 'labels.json').read_text(encoding='utf-8'))
        return labels['info']['made'] == made
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _rounded(values) -> list[float]:
    return [round(float(v), 2) for v in values]


def _write(path: Path, content) -> None:
    path.write_text(json.dumps(content, separators=(',', ':')), encoding='utf-8')
