"""Reading boxes of people (hands, animals) from COCO-style json files."""
from __future__ import annotations

import math
import os.path as osp
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from mmengine.logging import MMLogger

#: What files of boxes hold, for messages.
BOX_FORMS = ('a list of detections [{"image_id" or "file_name", "bbox": [x, y, w, h], "score"}], '
             'or a COCO file {"images": [..], "annotations": [{"image_id", "bbox"}]}')


def id_key(number) -> str:
    """An id for comparisons: 7, 7.0 and "7" are one, as they are in files of different tools."""
    whole = isinstance(number, float) and number.is_integer()
    return str(int(number) if whole else number)


def image_names(coco: dict, path: str) -> dict:
    """Image id to file name of a COCO dict's ``images``.

    Raises:
        ValueError: An entry lacks ``id`` or ``file_name`` (text), or has the id of another image.
    """
    names: dict = {}
    known: dict[str, str] = {}
    try:
        for image in coco.get('images') or []:
            if not isinstance(image['file_name'], str):
                raise TypeError
            names[image['id']] = image['file_name']
            other = known.setdefault(id_key(image['id']), image['file_name'])
            if other != image['file_name']:
                raise ValueError(f'{path}: {other} and {image["file_name"]} have the same id '
                                 f'{image["id"]!r}: number the images anew')
    except (KeyError, TypeError, AttributeError):
        raise ValueError(f'{path}: every entry of "images" needs "id" and "file_name" (text)'
                         ) from None
    return names


def parse_boxes(content: list | dict, path: str, names: dict | None = None,
                category_ids: Sequence[int] | None = None, score_thr: float = 0.
                ) -> dict[str, list[tuple[np.ndarray, float]]]:
    """Group the boxes of a json file's content by image.

    Crowds (COCO's ``iscrowd``: a box around many people) are left out. What is left out is logged.

    Args:
        content (list | dict): Detections, or a COCO dict (see the class of the data set).
        path (str): For messages.
        names (dict, optional): Image id to file name, where ``content`` holds ids only.
        category_ids (Sequence[int] | int, optional): Categories to keep. Defaults to all.
        score_thr (float): Detections with a lower score are dropped, in [0, 1]. Defaults to 0.

    Returns:
        dict[str, list[tuple[np.ndarray, float]]]: File name to its boxes, each (4,) float32
        ``[x1, y1, x2, y2]`` in pixels (not clipped), and score.

    Raises:
        ValueError: Not a known form, a bad entry, or an image id without a file name.
    """
    if isinstance(content, dict):
        if 'annotations' not in content:
            raise ValueError(f'{path} has no "annotations": expected {BOX_FORMS}')
        names = {**(names or {}), **image_names(content, path)}
        content = content['annotations']
    if not isinstance(content, list):
        raise ValueError(f'{path} holds a {type(content).__name__}: expected {BOX_FORMS}')

    # ids are numbers in one file and text in another
    if isinstance(category_ids, (int, str)):
        category_ids = [category_ids]
    wanted = {id_key(number) for number in category_ids or ()}
    named = {id_key(key): name for key, name in (names or {}).items()}
    boxes: dict[str, list] = {}
    left_out: Counter = Counter()
    for i, entry in enumerate(content):
        if not isinstance(entry, dict) or not {'image_id', 'file_name'} & entry.keys():
            raise ValueError(f'{path}: entry {i} has neither "image_id" nor "file_name": expected '
                             f'{BOX_FORMS}')
        if entry.get('iscrowd'):
            left_out['crowds (iscrowd)'] += 1
            continue
        if category_ids is not None and id_key(entry.get('category_id', 1)) not in wanted:
            left_out['of other categories'] += 1
            continue
        score = _score(entry, i, path)
        if score < score_thr:
            left_out[f'with a score below {score_thr:g}'] += 1
            continue
        number = entry.get('image_id')
        name = entry.get('file_name') or named.get(id_key(number))
        if name is None and isinstance(number, str):
            name = number
        if name is None:
            raise ValueError(
                f'{path}: entry {i} has image_id {number}, for which no file name is '
                'known: give "file_name" in the entries, or "images" in this file, or a COCO file '
                'with "images" as ann_file')
        boxes.setdefault(name, []).append((_to_xyxy(entry, i, path), score))
    for what, count in left_out.items():
        MMLogger.get_current_instance().info(f'{path}: left out {count} boxes {what}')
    return boxes


def under_listed_names(boxes: dict[str, list], names: Sequence[str],
                       path_of: Callable[[str], str]) -> dict[str, list]:
    """Boxes by the names of a list of images, where two files name one image differently.

    ``./1.jpg``, the whole path and ``people\\1.jpg`` are names of other programs for the image
    that a list or folder calls ``1.jpg`` or ``people/1.jpg``.

    Args:
        boxes (dict[str, list]): By name; names that are not listed are left as they are.
        names (Sequence[str]): Of the listed images.
        path_of (Callable): Name to path.
    """
    foreign = boxes.keys() - set(names)
    if not foreign:
        return boxes
    listed = {osp.normpath(path_of(name)): name for name in names}
    found: dict[str, list] = {}
    for name, part in boxes.items():
        if name in foreign:
            name = listed.get(osp.normpath(path_of(name)), name)
        found.setdefault(name, []).extend(part)
    return found


def _score(entry: dict, i: int, path: str) -> float:
    try:
        score = float(entry.get('score', 1.))
    except (TypeError, ValueError):
        score = math.nan
    if math.isnan(score):  # it would pass every threshold
        raise ValueError(f'{path}: entry {i} has score {entry["score"]!r}: expected a number '
                         'in [0, 1], or none')
    return score


def _to_xyxy(entry: dict, i: int, path: str) -> np.ndarray:
    try:
        x, y, w, h = (float(v) for v in entry['bbox'])
    except (KeyError, TypeError, ValueError):
        raise ValueError(f'{path}: entry {i} has bbox {entry.get("bbox")}: expected four numbers '
                         '[x, y, width, height] in pixels') from None
    box = np.array([x, y, x + w, y + h], np.float32)
    if not np.isfinite(box).all():
        raise ValueError(f'{path}: entry {i} has bbox {entry["bbox"]}: not finite')
    return box
