"""Labels of some frames, matched to people, and the scores of predictions by them."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..datasets.box_files import id_key
from ..datasets.json_files import load_json
from .measures import Measure, box_sides
from .people import People, Predictions
from .tracking import iou

#: Least overlap (intersection over union) of a labelled box with a person's.
OVERLAP = 0.3
_SIGMA = 0.05  # of joints that the meta gives no sigma for


@dataclass
class Labels:
    """Labels of M of the people.

    Attributes:
        index (np.ndarray): (M,) which people.
        points (np.ndarray): (M, K, 3) pixels and visibility, 0: not labelled.
        area (np.ndarray): (M,) pixels squared.
        note (str): What was left out, empty if nothing.
    """
    index: np.ndarray
    points: np.ndarray
    area: np.ndarray
    note: str


def read_labels(path: str | Path, people: People, meta: Mapping, joints: int) -> Labels:
    """Read a COCO keypoint file and find the people whom it labels.

    Args:
        path (str | Path): ``images`` by the frames' file names (folders do not matter),
            ``annotations`` with ``keypoints`` and, unless there is one person a frame, ``bbox``.
        people (People): Among whom.
        meta (Mapping): ``keypoint_id2name`` names the model's joints.
        joints (int): How many it predicts.

    Raises:
        ValueError: Other joints than the model's, or no labelled person is among the people.
    """
    content, annotations, order = check_joints(path, meta, joints)
    images = {id_key(image['id']): Path(image['file_name']).name
              for image in content.get('images', [])}
    frames: dict[str, list[int]] = {}
    for index, file in enumerate(people.files):
        frames.setdefault(Path(file).name, []).append(index)
    found, elsewhere, nobody = [], 0, 0
    taken: set[int] = set()
    for annotation in annotations:
        candidates = [i for i in frames.get(images.get(id_key(annotation.get('image_id')), ''), ())
                      if i not in taken]
        if not candidates:
            elsewhere += 1
            continue
        keypoints = np.array(annotation['keypoints'], float).reshape(-1, 3)[order]
        box = annotation.get('bbox')
        box = _around(keypoints) if box is None else np.array(box, float) + [0, 0, *box[:2]]
        overlap = iou(box[None], people.boxes[candidates])[0]
        # a label's tight box in a whole frame, where there is nobody else
        if overlap.max() < OVERLAP and len(candidates) > 1:
            nobody += 1
            continue
        best = candidates[int(overlap.argmax())]
        taken.add(best)
        area = annotation.get('area') or max(float(np.prod(box[2:] - box[:2])), 1.)
        found.append((best, keypoints, area))
    if not found:
        raise ValueError(f'labels: none of the {len(annotations)} people in {path} is in the '
                         'frames that the models are compared on: label frames of '
                         'worth_labelling.json, and keep their file names')
    parts = [f'{elsewhere} labelled people are in other frames'] * bool(elsewhere) + \
        [f'{nobody} fit no box'] * bool(nobody)
    return Labels(*(np.array(part) for part in zip(*found)), '; '.join(parts))


def check_joints(path: str | Path, meta: Mapping, joints: int
                 ) -> tuple[dict, list[dict], np.ndarray]:
    """Whether a COCO file labels the model's joints.

    Args:
        path (str | Path): The file.
        meta (Mapping): ``keypoint_id2name`` names the model's joints.
        joints (int): How many it predicts.

    Returns:
        tuple[dict, list[dict], np.ndarray]: The content, the annotations with labelled joints,
        and where the (K,) model's joints are in theirs.

    Raises:
        ValueError: No joint is labelled, or other joints than the model's.
    """
    content = load_json(str(path), 'labels', 'a COCO keypoint file')
    if not isinstance(content, dict):
        raise ValueError(f'labels: {path} has no "annotations": expected a COCO keypoint file')
    annotations = [a for a in content.get('annotations') or []
                   if any(v > 0 for v in (a.get('keypoints') or [])[2::3])]
    if not annotations:
        raise ValueError(f'labels: {path} labels no joint: annotations need `keypoints` with '
                         'x, y, v for each joint, v above 0 where it is labelled')
    return content, annotations, _order(content, annotations, meta, joints, path)


def _order(content, annotations, meta, joints, path) -> np.ndarray:
    """Where the model's joints are in the labels."""
    ids = {a.get('category_id') for a in annotations}
    names = next((c['keypoints'] for c in content.get('categories', [])
                  if c.get('keypoints') and (c.get('id') in ids or None in ids)), None)
    known = meta.get('keypoint_id2name') or {}
    own = [str(known[i]) for i in sorted(known)]
    counts = sorted({len(a['keypoints']) // 3 for a in annotations})
    if names and own and len(own) == joints and set(own) <= set(names) and \
            counts == [len(names)]:
        return np.array([names.index(name) for name in own])  # by name, in whatever order
    if counts != [joints]:
        raise ValueError(f'labels: {path} has {"/".join(map(str, counts))} joints a person, the '
                         f'model predicts {joints}: label the model\'s joints'
                         + (f' ({", ".join(own)})' if own else ''))
    if names and own and len(own) == joints:
        missing = [n for n in own if n not in names]
        raise ValueError(f'labels: {path} names other joints than the model: it has no '
                         f'{", ".join(missing[:5])}{", ..." if len(missing) > 5 else ""}; '
                         f'rename categories[0].keypoints after the model\'s ({", ".join(own)})')
    return np.arange(joints)


def _around(keypoints: np.ndarray) -> np.ndarray:
    there = keypoints[keypoints[:, 2] > 0, :2]
    return np.concatenate([there.min(0), there.max(0)])


def check_corrected(labels: Labels, after: Predictions, path: str | Path) -> None:
    """Refuse labels that are the model's own predictions (``worth_labelling.json`` untouched).

    Raises:
        ValueError: Nearly all labelled joints lie exactly where the adapted model put them.
    """
    seen = labels.points[..., 2] > 0
    same = np.abs(after.points[labels.index] - labels.points[..., :2]).max(-1) < 0.011
    if same[seen].mean() > 0.95:
        raise ValueError(f'labels: the joints in {path} are the predictions of the adapted model '
                         'itself: correct them in a labelling tool first')


def scores(one: Predictions, labels: Labels, people: People, meta: Mapping
           ) -> dict[str, Measure]:
    """PCK and OKS of predictions.

    Returns:
        dict[str, Measure]: ``PCK@0.05`` and ``PCK@0.1``, percent of the labelled joints within
        that fraction of the box's longer side, and ``OKS``, percent, the mean over people of
        COCO's object keypoint similarity with the meta's ``sigmas`` (0.05 where there are none).
    """
    index, seen = labels.index, labels.points[..., 2] > 0
    distance = np.linalg.norm(one.points[index] - labels.points[..., :2], axis=-1)
    sides = box_sides(people)[index][:, None]
    number, result = seen.sum(1).astype(float), {}

    def spread(top, over):
        parts = np.zeros((len(people), 3))
        parts[index, 0], parts[index, 2] = top, over
        return Measure(parts)
    for threshold in (0.05, 0.1):
        near = (distance <= threshold * sides) & seen
        result[f'PCK@{threshold}'] = spread(near.sum(1), number)
    sigmas = meta.get('sigmas')
    sigmas = np.asarray(sigmas if sigmas is not None and len(sigmas) == seen.shape[1]
                        else np.full(seen.shape[1], _SIGMA), float)
    similarity = np.exp(-distance ** 2 / (8 * sigmas ** 2 * np.maximum(
        labels.area, 1)[:, None]))
    result['OKS'] = spread((similarity * seen).sum(1) / np.maximum(number, 1),
                           np.ones(len(index)))
    return result
