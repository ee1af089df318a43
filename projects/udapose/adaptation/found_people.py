"""The people in the chosen frames of a run, as COCO's lists."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .box_finder import Boxes
from .frames import load_frame
from .people import write_people
from .tracking import Tracker
from .video import Media


def find_people(finder: Boxes, frames: Sequence[dict], folder: Path, media: Sequence[Media]
                ) -> tuple[dict[str, list], dict[str, list]]:
    """Boxes in all chosen frames; in a clip each person keeps a number.

    Args:
        finder (Boxes): Finds them; counts what it leaves out.
        frames (Sequence[dict]): Of ``frames.json``.
        folder (Path): Where the frames lie.
        media (Sequence[Media]): All data.

    Returns:
        tuple[dict[str, list], dict[str, list]]: COCO's ``images`` and ``annotations`` by part:
        ``train`` and ``held_back``.

    Raises:
        OSError: A frame cannot be read.
    """
    by_name = {item.name: item for item in media}
    prepared, tracker, clip = None, Tracker(), None
    images: dict[str, list] = dict(train=[], held_back=[])
    people: dict[str, list] = dict(train=[], held_back=[])
    for number, frame in enumerate(frames):
        if frame['source'] != prepared:
            prepared = frame['source']
            if prepared in by_name:
                finder.prepare(by_name[prepared])
        if frame['clip'] != clip or frame['clip'] < 0:
            tracker, clip = Tracker(), frame['clip']
        boxes, scores = finder.boxes(load_frame(folder, frame), frame['scale'])
        part = frame['part']
        images[part].append(dict(
            id=number, file_name=frame['file'], width=frame['width'], height=frame['height'],
            clip=frame['clip'], time=frame['time'], source=frame['source'],
            frame=frame['index'], scale=frame['scale']))
        for box, score, track in zip(boxes, scores, tracker.update(boxes), strict=True):
            x1, y1, x2, y2 = (round(float(v), 2) for v in box)
            people[part].append(dict(
                id=len(people[part]), image_id=number, category_id=1, score=float(score),
                bbox=[x1, y1, x2 - x1, y2 - y1], area=(x2 - x1) * (y2 - y1), iscrowd=0,
                track_id=int(track)))
        if number and number % 200 == 0:
            print(f'  boxes in {number} of {len(frames)} frames', flush=True)
    return images, people


def write_found_people(finder: Boxes, spec: str, folder: Path, frames: Sequence[dict],
                       media: Sequence[Media], meta: dict) -> dict:
    """Write ``people.json`` (to adapt to) and ``held_back.json``, and say what was found.

    Args:
        finder (Boxes): Finds the people.
        spec (str): What the user calls it, for messages.
        folder (Path): Of the run, with ``frames/``.
        frames (Sequence[dict]): Of ``frames.json``.
        media (Sequence[Media]): All data.
        meta (dict): ``dataset_meta`` of the model.

    Returns:
        dict: ``spec``, ``train`` and ``held_back`` (people), ``counts`` of what was left out.

    Raises:
        ValueError: There are too few people.
    """
    images, people = find_people(finder, frames, folder / 'frames', media)
    counts = {k: v for k, v in finder.counts.items() if v}
    for what, count in counts.items():
        print(f'  {count} {what}', flush=True)
    if len(people['train']) < 2 or len(people['held_back']) < 2:
        raise ValueError(
            f'boxes ({spec}): {len(people["train"])} people in the frames to adapt to and '
            f'{len(people["held_back"])} in the held-back ones'
            + ''.join(f', {count} {what}' for what, count in counts.items())
            + '; at least 2 of each are needed: give other --boxes (whole, detector, motion or '
            'FILE) or more data')
    for part, file in (('train', 'people.json'), ('held_back', 'held_back.json')):
        write_people(folder / file, images[part], people[part], meta)
    print(f'  {len(people["train"])} people to adapt to, {len(people["held_back"])} held back',
          flush=True)
    return dict(spec=spec, train=len(people['train']), held_back=len(people['held_back']),
                counts=counts)
