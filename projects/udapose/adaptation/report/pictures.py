"""Pictures of people before and after, small enough for one file."""
from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from ...visualization.skeleton2d import draw_pose, draw_text
from ..measures import NEAR, box_sides
from ..people import People, Predictions

#: Pixels of the longer side of one pane.
SIDE = 440
#: Bytes of all pictures of a page, as base64.
BUDGET = 4_300_000
_LEFT, _RIGHT, _MIDDLE = (70, 140, 255), (255, 170, 40), (90, 230, 120)  # RGB


class Album:
    """Encodes pictures until the page is large enough.

    Attributes:
        used (int): Bytes so far.
        left_out (int): Pictures that no longer fitted, or whose frame cannot be read.
    """

    def __init__(self, budget: int = BUDGET) -> None:
        self.budget, self.used, self.left_out = budget, 0, 0

    def add(self, picture: np.ndarray | None) -> str | None:
        """A ``data:`` address of a JPEG, or None."""
        if picture is None:
            self.left_out += 1
            return None
        for quality in (84, 70, 55):
            content = base64.b64encode(cv2.imencode(
                '.jpg', picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()).decode()
            if len(content) < 130_000:
                break
        if self.used + len(content) > self.budget:
            self.left_out += 1
            return None
        self.used += len(content)
        return f'data:image/jpeg;base64,{content}'


def before_after(people: People, number: int, before: Predictions | None, after: Predictions,
                 meta: Mapping, threshold: float) -> np.ndarray | None:
    """One person with both models' poses side by side; None if the frame cannot be read."""
    image = cv2.imread(str(people.root / people.files[number]))
    if image is None:
        return None
    box = people.boxes[number]
    points = [p.points[number] for p in (before, after) if p is not None]
    crop, matrix = cut(image, box)
    panes = []
    for name, one in (('before', before), ('after', after)):
        if one is None:
            continue
        pane = draw_pose(crop.copy(), one.points[number] @ matrix[:, :2].T + matrix[:, 2],
                         one.confidence[number], meta, threshold=threshold)
        if len(points) > 1:  # as large in each picture once the page has scaled it
            scale = 0.9 * pane.shape[1] / SIDE
            draw_text(pane, name, (6, 30 * scale), scale=scale)
        panes.append(pane)
    gap = np.full((panes[0].shape[0], 6, 3), 255, np.uint8)
    return panes[0] if len(panes) == 1 else np.concatenate([panes[0], gap, panes[1]], 1)


def cut(image: np.ndarray, box: np.ndarray, margin: float = 0.15
        ) -> tuple[np.ndarray, np.ndarray]:
    """The surroundings of a box, at most SIDE pixels, and the map (2, 3) from the image."""
    sides = np.maximum(box[2:] - box[:2], 8)
    low = np.floor(box[:2] - margin * sides)
    high = np.ceil(box[2:] + margin * sides)
    low = np.clip(low, 0, np.array(image.shape[1::-1]) - 1)
    high = np.clip(high, low + 1, image.shape[1::-1])
    scale = SIDE / (high - low).max()
    size = np.maximum(np.round((high - low) * scale).astype(int), 1)
    matrix = np.array([[scale, 0, -low[0] * scale], [0, scale, -low[1] * scale]])
    crop = cv2.warpAffine(image, matrix, tuple(map(int, size)),
                          flags=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    return crop, matrix


def with_colors(meta: Mapping) -> dict:
    """The meta with colours by side, where it has none for its joints and links."""
    meta = dict(meta)
    names = [str(n) for _, n in sorted((meta.get('keypoint_id2name') or {}).items())]
    links = meta.get('skeleton_links') or []
    colors = meta.get('keypoint_colors')
    if names and (colors is None or len(colors) != len(names)):
        meta['keypoint_colors'] = [_side_color(name) for name in names]
        meta['skeleton_link_colors'] = [
            _MIDDLE if _side_color(names[a]) != _side_color(names[b]) else _side_color(names[a])
            for a, b in links]
    return meta


def _side_color(name: str) -> tuple[int, int, int]:
    name = name.lower()
    if name.startswith(('left', 'l_', 'l-')) or '_left' in name:
        return _LEFT
    return _RIGHT if name.startswith(('right', 'r_', 'r-')) or '_right' in name else _MIDDLE


def change(before: Predictions, after: Predictions, people: People) -> np.ndarray:
    """(N,) mean distance between the two answers in box sides."""
    return np.linalg.norm(after.points - before.points, axis=-1).mean(1) / box_sides(people)


def doubt(one: Predictions, people: People) -> np.ndarray:
    """(N,) 0 to 1: how unsure a model is: views that disagree, and low confidence."""
    rank = one.confidence.mean(1).argsort().argsort() / max(len(people) - 1, 1)
    if not len(one.views):
        return 1 - rank
    near = np.linalg.norm(one.views - one.points, axis=-1) <= NEAR * box_sides(people)[:, None]
    return 0.7 * (1 - near.mean((0, 2))) + 0.3 * (1 - rank)


def spaced(scores: np.ndarray, people: People, count: int, seconds: float = 1.
           ) -> Sequence[int]:
    """The highest scores, no two of one person within ``seconds`` while others remain."""
    order, chosen, rest = np.argsort(-scores, kind='stable'), [], []
    for i in order:
        near = any(people.sources[i] == people.sources[j] and people.track[i] == people.track[j]
                   and abs(people.time[i] - people.time[j]) < seconds for j in chosen)
        (rest if near else chosen).append(int(i))
    chosen = (chosen + rest)[:count]
    return sorted(chosen, key=lambda i: -scores[i])
