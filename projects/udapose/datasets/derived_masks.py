"""Foreground masks from keypoints and boxes, for images that nobody segmented."""
from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from .box_files import id_key
from .mask_skeleton import Skeleton

METHODS = ('hull', 'box', 'grabcut')
_SHIFT = 4  # fractional bits of OpenCV's drawing coordinates


@dataclass(frozen=True)
class MaskOptions:
    """How masks are derived.

    Attributes:
        dilate (float, optional): Radius of a limb as a fraction of the longer side of the box
            (without a box, of the box around the keypoints). Defaults to None: 0.06 for a hand and
            0.03 for anything else, the best on the embedded data's source images.
        start (str): What GrabCut starts from, ``'hull'`` (the box where there are no keypoints) or
            ``'box'``.
        grabcut_iterations (int): Of GrabCut.
        grabcut_side (int): Longer side in pixels of the region that GrabCut works on; larger ones
            are reduced to it.
        margin (float): Background around the box that GrabCut sees, as a fraction of its sides.
    """
    dilate: float | None = None
    start: str = 'hull'
    grabcut_iterations: int = 3
    grabcut_side: int = 256
    margin: float = 0.3


def hull_mask(shape: tuple[int, int], keypoints: np.ndarray, bones: Sequence[tuple[int, int]],
              groups: Sequence[Sequence[int]], radius: float) -> np.ndarray:
    """Capsules around the bones and dilated hulls of groups of joints.

    Args:
        shape (tuple[int, int]): (H, W) of the image.
        keypoints (np.ndarray): (K, 3) x, y in pixels and v; joints with v = 0 are left out.
        bones (Sequence[tuple[int, int]]): Pairs of joints.
        groups (Sequence[Sequence[int]]): Joints whose convex hull is foreground.
        radius (float): Of the capsules and of the hulls' dilation, in pixels.

    Returns:
        np.ndarray: (H, W) uint8, 0 or 255.
    """
    mask = np.zeros(shape, np.uint8)
    known = (keypoints[:, 2] > 0) & np.isfinite(keypoints).all(1)
    points = np.round(np.where(known[:, None], keypoints[:, :2], 0) * 2 ** _SHIFT).astype(np.int32)
    width = max(1, round(2 * radius))

    def line(a: int, b: int) -> None:
        cv2.line(mask, points[a].tolist(), points[b].tolist(), 255, width, cv2.LINE_8, _SHIFT)

    for a, b in bones:
        if known[a] and known[b]:
            line(a, b)
    for group in groups:
        group = [i for i in group if known[i]]
        if len(group) > 2:
            hull = cv2.convexHull(points[group])
            cv2.fillConvexPoly(mask, hull, 255, cv2.LINE_8, _SHIFT)
            corners = [group[i] for i in cv2.convexHull(points[group], returnPoints=False)[:, 0]]
            for a, b in itertools.pairwise([*corners, corners[0]]):
                line(a, b)
    for i in np.flatnonzero(known):  # joints without a bone, and round ends
        cv2.circle(mask, points[i].tolist(), round(radius * 2 ** _SHIFT), 255, -1, cv2.LINE_8,
                   _SHIFT)
    return mask


def box_mask(shape: tuple[int, int], box: Sequence[float]) -> np.ndarray:
    """A filled COCO box.

    Args:
        shape (tuple[int, int]): (H, W) of the image.
        box (Sequence[float]): Left, top, width, height in pixels; clipped to the image.

    Returns:
        np.ndarray: (H, W) uint8, 0 or 255.
    """
    mask = np.zeros(shape, np.uint8)
    x, y, w, h = box
    left, top, right, bottom = (max(0, round(v)) for v in (x, y, x + w, y + h))
    mask[top:bottom, left:right] = 255
    return mask


def grabcut_mask(image: np.ndarray, box: Sequence[float], likely: np.ndarray | None = None,
                 certain: np.ndarray | None = None, options: MaskOptions = MaskOptions()
                 ) -> np.ndarray | None:
    """GrabCut (Rother et al., SIGGRAPH 2004) started from a box, or from a keypoint hull in it.

    Args:
        image (np.ndarray): (H, W, 3) uint8 BGR.
        box (Sequence[float]): Left, top, width, height in pixels; outside is background.
        likely (np.ndarray, optional): (H, W) uint8, where foreground is likely. Defaults to the
            whole box.
        certain (np.ndarray, optional): (H, W) uint8, where it is certain. Defaults to nowhere.
        options (MaskOptions): Working size and iterations.

    Returns:
        np.ndarray | None: (H, W) uint8, 0 or 255; None where GrabCut found nothing to separate: no
        background around the box, or hardly any (5 % of what was likely) or only foreground.
    """
    x, y, w, h = box
    height, width = image.shape[:2]
    left, right = (int(np.clip(round(v), 0, width)) for v in (
        x - options.margin * w, x + (1 + options.margin) * w))
    top, bottom = (int(np.clip(round(v), 0, height)) for v in (
        y - options.margin * h, y + (1 + options.margin) * h))
    region = np.s_[top:bottom, left:right]
    if left >= right or top >= bottom:
        return None
    inside = box_mask((height, width), box)
    labels = np.where(inside > 0, np.uint8(cv2.GC_PR_FGD), np.uint8(cv2.GC_BGD))
    if likely is not None:
        labels[(inside > 0) & (likely == 0)] = cv2.GC_PR_BGD
    if certain is not None:
        labels[certain > 0] = cv2.GC_FGD
    labels, crop = labels[region], image[region]
    size = crop.shape[1::-1]
    scale = options.grabcut_side / max(size)
    if scale < 1:
        small = tuple(max(1, round(n * scale)) for n in size)
        crop = cv2.resize(crop, small, interpolation=cv2.INTER_AREA)
        labels = cv2.resize(labels, small, interpolation=cv2.INTER_NEAREST)
    start = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    if not start.any() or start.all():
        return None
    labels = np.ascontiguousarray(labels)
    cv2.setRNGSeed(0)  # its clustering draws from OpenCV's own generator
    cv2.grabCut(np.ascontiguousarray(crop), labels, None, np.zeros((1, 65)), np.zeros((1, 65)),
                options.grabcut_iterations, cv2.GC_INIT_WITH_MASK)
    found = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    if found.sum() < 0.05 * start.sum() or found.all():
        return None
    out = np.zeros((height, width), np.uint8)
    found = cv2.resize(found.astype(np.uint8) * 255, size, interpolation=cv2.INTER_LINEAR)
    out[region] = np.uint8(found >= 128) * 255
    return out


def derive_mask(image: np.ndarray, annotations: Sequence[dict], method: str,
                skeleton: Skeleton | Mapping[object, Skeleton],
                options: MaskOptions = MaskOptions()) -> tuple[np.ndarray | None, int]:
    """The union of the masks of all instances of an image.

    Args:
        image (np.ndarray): (H, W, 3) uint8 BGR.
        annotations (Sequence[dict]): COCO's, with ``keypoints`` (flat x, y, v) and / or ``bbox``;
            crowds are passed over.
        method (str): ``'hull'``: :func:`hull_mask` within the box, if there is one; ``'box'``; or
            ``'grabcut'``: :func:`grabcut_mask` from the hull, or from the box.
        skeleton (Skeleton | Mapping): Of the keypoints; or those of each ``category_id``, of which
            an annotation without keypoints needs none.
        options (MaskOptions): Sizes.

    Returns:
        tuple[np.ndarray | None, int]: (H, W) uint8 of 0 and 255, or None if no annotation can be
        used; and how many instances fell back from GrabCut to what it started from.

    Raises:
        ValueError: Unknown method; keypoints whose number does not fit the skeleton, or whose
            category has none.
    """
    if method not in METHODS:
        raise ValueError(f'method {method!r} is not one of {METHODS}')
    total, fallbacks = None, 0
    for annotation in annotations:
        if annotation.get('iscrowd'):
            continue
        own = skeleton if isinstance(skeleton, Skeleton) else _of_category(annotation, skeleton)
        mask, fell_back = _instance_mask(image, annotation, method, own, options)
        if mask is not None:
            total = mask if total is None else total | mask
            fallbacks += fell_back
    return total, fallbacks


def _of_category(annotation: dict, skeletons: Mapping[object, Skeleton]) -> Skeleton:
    """The skeleton of an annotation's category; of the only one where it names none."""
    category = annotation.get('category_id')
    if category is None and len(skeletons) == 1:
        return next(iter(skeletons.values()))
    # "1" in one place and 1 in another, as in files that tools have joined
    same = [known for known in skeletons if id_key(known) == id_key(category)]
    if same:
        return skeletons[same[0]]
    if skeletons and annotation.get('keypoints'):
        raise ValueError(f'annotation {annotation.get("id")} has keypoints, but "categories" names '
                         f'none for its category_id {category} (only for {[*skeletons]})')
    return Skeleton()


def _instance_mask(image: np.ndarray, annotation: dict, method: str, skeleton: Skeleton,
                   options: MaskOptions) -> tuple[np.ndarray | None, bool]:
    shape = image.shape[:2]
    points = _keypoints(annotation, skeleton.names)
    box = _box(annotation)
    if box is None or not (box[2] > 0 and box[3] > 0):
        box = None if points is None else _box_around(points, skeleton, options.dilate)
    if box is None or (method == 'hull' and points is None):
        return None, False
    inside = box_mask(shape, box)
    if method == 'box' or points is None or (method == 'grabcut' and options.start == 'box'):
        start, certain = inside, None
    else:
        radius = skeleton.radius(options.dilate, box)
        groups = skeleton.groups(len(points))
        start = hull_mask(shape, points, skeleton.bones, groups, radius) & inside
        certain = hull_mask(shape, points, skeleton.bones, [], radius / 4) & start
    if method != 'grabcut':
        return start, False
    cut = grabcut_mask(image, box, start, certain, options)
    return (start, True) if cut is None else (cut, False)


def _keypoints(annotation: dict, names: Sequence[str]) -> np.ndarray | None:
    """(K, 3), or None if no joint is labelled."""
    points = _numbers(annotation, 'keypoints')
    if points is None:
        return None
    if len(points) % 3:
        raise ValueError(f'annotation {annotation.get("id")} has keypoints that are not x, y, v of '
                         f'each joint, but {len(points)} numbers')
    points = points.reshape(-1, 3)
    seen = ~(points[:, 2] <= 0)  # NaN is no "unlabelled"
    if not seen.any():
        return None
    if not np.isfinite(points[seen]).all():
        bad = np.flatnonzero(seen & ~np.isfinite(points).all(1)).tolist()
        raise ValueError(f'annotation {annotation.get("id")} has labelled joints ({bad}) that are '
                         'null or not finite: correct them, or mark them as unlabelled (v = 0)')
    if names and len(points) != len(names):
        raise ValueError(f'annotation {annotation.get("id")} has {len(points)} keypoints, but the '
                         f'category names {len(names)}')
    return points


def _box(annotation: dict) -> list[float] | None:
    """Left, top, width, height; None without a box."""
    box = _numbers(annotation, 'bbox')
    if box is not None and (len(box) != 4 or not np.isfinite(box).all()):
        raise ValueError(f'annotation {annotation.get("id")} has bbox {annotation["bbox"]}: '
                         'expected four finite numbers, or no box')
    return None if box is None else box.tolist()


def _numbers(annotation: dict, key: str) -> np.ndarray | None:
    """A flat list of numbers, in which null is NaN; None without it."""
    given = annotation.get(key)
    if given is None or not len(given):
        return None
    try:
        return np.asarray(given, float).reshape(-1)
    except (TypeError, ValueError):
        raise ValueError(f'annotation {annotation.get("id")} has {key} that are not numbers') \
            from None


def _box_around(points: np.ndarray, skeleton: Skeleton, dilate: float | None) -> list[float]:
    """COCO box around the labelled joints and their limbs."""
    seen = points[points[:, 2] > 0, :2]
    low, high = seen.min(0), seen.max(0)
    radius = max(1., skeleton.radius(dilate, [*low, *(high - low)]))
    return [*(low - radius), *(high - low + 2 * radius)]
