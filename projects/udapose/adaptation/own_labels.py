"""A user's labels of some frames: held back from the training, and found again in the run."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..datasets.box_files import id_key
from ..datasets.json_files import load_json
from ..file_io import write_json
from .video import Media


def labelled_frames(path: str | None, media: Sequence[Media]) -> dict[int, list[int]]:
    """Which frames of the data are labelled, so that they are chosen and never trained on.

    ``images`` name an image by its path relative to the data (or its file name alone), or a video
    and, as ``frame``, the number of the frame from 0. Names of a run's own ``frames/`` are not
    looked for here: those are held back already.

    Args:
        path (str, optional): COCO keypoint file.
        media (Sequence[Media]): All data.

    Returns:
        dict[int, list[int]]: Number of the file to its labelled frames, sorted.

    Raises:
        ValueError: It has no ``images``, or an image of it is ambiguous.
    """
    if path is None:
        return {}
    numbers = _numbers(media)
    found: dict[int, set[int]] = {}
    for image in _images(path):
        number = _match(image, numbers, path)
        if number is not None:
            if media[number].is_video and 'frame' not in image:
                raise ValueError(f'--labels {path}: {image["file_name"]} is a video, so its entry '
                                 'in "images" needs "frame", the number of the frame from 0')
            frame = _frame(image, path) if media[number].is_video else 0
            found.setdefault(number, set()).add(frame)
    return {number: sorted(frames) for number, frames in sorted(found.items())}


def run_labels(path: str, frames: list[dict], media: Sequence[Media], out: Path) -> Path:
    """Write the labels in terms of the run: names and pixels of ``frames/``.

    Args:
        path (str): The user's file.
        frames (list[dict]): Of ``frames.json``.
        media (Sequence[Media]): All data.
        out (Path): File to write.

    Returns:
        Path: ``out``.
    """
    content = load_json(path, '--labels', 'a COCO keypoint file')
    numbers = _numbers(media)
    by_source = {(f['source'], f['index']): f for f in frames}
    scales: dict = {}
    images = []
    for image in _images(path):
        number = _match(image, numbers, path)
        entry = None
        if number is not None:
            item = media[number]
            entry = by_source.get((item.name, _frame(image, path) if item.is_video else 0))
        if entry is None:
            images.append(image)
            continue
        scales[id_key(image['id'])] = entry['scale']
        images.append({**image, 'file_name': entry['file']})
    annotations = []
    for annotation in content.get('annotations') or []:
        scale = scales.get(id_key(annotation.get('image_id')), 1.)
        if scale != 1:
            annotation = dict(annotation)
            points = np.array(annotation.get('keypoints') or [], float).reshape(-1, 3)
            points[:, :2] *= scale
            annotation['keypoints'] = points.ravel().tolist()
            if annotation.get('bbox'):
                annotation['bbox'] = [float(v) * scale for v in annotation['bbox']]
            if annotation.get('area'):
                annotation['area'] = float(annotation['area']) * scale ** 2
        annotations.append(annotation)
    write_json(out, {**content, 'images': images, 'annotations': annotations})
    return out


def unknown_labels(path: str, frames: list[dict], media: Sequence[Media]) -> list[str]:
    """Labelled images that are neither in the data nor among the run's frames, in words.

    Args:
        path (str): The user's file.
        frames (list[dict]): Of ``frames.json``.
        media (Sequence[Media]): All data.
    """
    numbers = _numbers(media)
    chosen = {f['file'] for f in frames}
    there = {(f['source'], f['index']) for f in frames}
    unknown = []
    for image in _images(path):
        number, name = _match(image, numbers, path), str(image['file_name'])
        if number is None:
            if Path(name.replace('\\', '/')).name not in chosen:
                unknown.append(f'{name}: no such file')
        elif media[number].is_video and (
                media[number].name, _frame(image, path)) not in there:
            unknown.append(f'{name}: no frame {image["frame"]} can be read')
    return unknown


def _images(path: str) -> list[dict]:
    content = load_json(path, '--labels', 'a COCO keypoint file')
    images = content.get('images') if isinstance(content, dict) else None
    if not images or not all(isinstance(i, dict) and {'id', 'file_name'} <= i.keys()
                             for i in images):
        raise ValueError(f'--labels {path} has no "images" with "id" and "file_name": expected a '
                         'COCO keypoint file')
    return images


def _frame(image: dict, path: str) -> int:
    try:
        return int(float(image['frame']))
    except (KeyError, TypeError, ValueError):
        raise ValueError(f'--labels {path}: {image["file_name"]} has frame '
                         f'{image.get("frame")!r}: expected its number in the video, from 0'
                         ) from None


def _numbers(media: Sequence[Media]) -> dict[str, list[int]]:
    """Full relative names and bare file names to numbers of the files."""
    numbers: dict[str, list[int]] = {}
    for number, item in enumerate(media):
        for name in {item.name, Path(item.name).name}:
            numbers.setdefault(name, []).append(number)
    return numbers


def _match(image: dict, numbers: dict[str, list[int]], path: str) -> int | None:
    name = str(image['file_name']).replace('\\', '/')
    if name.startswith('frames/'):
        return None  # the run's own
    found = numbers.get(name) or numbers.get(Path(name).name) or []
    if len(found) > 1:
        raise ValueError(f'--labels {path}: {name} may be one of {len(found)} files of the data: '
                         'name images by their path relative to --data')
    return found[0] if found else None
