"""Contact sheets of `udapose check-data`: the annotated crop, and what the pipeline makes of it."""
from __future__ import annotations

import cv2
import numpy as np
from mmpose.datasets.transforms import RandomBBoxTransform
from mmpose.registry import TRANSFORMS

from ._dataset_checks import visible_joints

TILE, BAR, MARGIN = 192, 18, 1.25


def sheet(dataset, infos: list[dict], indices: list[int], columns: int = 4
          ) -> tuple[np.ndarray, list[str]]:
    """Draw instances.

    Args:
        dataset: Items come from its pipeline.
        infos (list[dict]): Its annotations.
        indices (list[int]): Of the instances.
        columns (int): Instances beside each other.

    Returns:
        tuple[np.ndarray, list[str]]: (H, W, 3) uint8 BGR, and what failed.
    """
    groups, problems = [], []
    for index in indices:
        try:
            groups.append(_original(infos[index], dataset.metainfo)
                          + _views(dataset, index, infos[index]))
        except Exception as error:  # whatever a pipeline raises
            problems.append(f'instance {index} ({infos[index].get("img_path")}): '
                            f'{type(error).__name__}: {error}')
    if not groups:
        return np.zeros((TILE, TILE, 3), np.uint8), problems
    width = max(map(len, groups))
    blank = np.full((TILE + BAR, TILE, 3), 255, np.uint8)
    rows = []
    for start in range(0, len(groups), columns):
        row = [tile for group in groups[start:start + columns]
               for tile in group + [blank] * (width - len(group))]
        rows.append(np.concatenate(row + [blank] * (columns * width - len(row)), 1))
    return np.concatenate(rows), problems


def _original(info: dict, meta: dict) -> list[np.ndarray]:
    img = TRANSFORMS.build(dict(type='LoadPoseImage'))(dict(
        {k: info[k] for k in ('img_path', 'mirror_image') if k in info}))['img']
    x1, y1, x2, y2 = np.asarray(info['bbox'], float).reshape(-1)[:4]
    side = max(x2 - x1, y2 - y1, 1) * MARGIN
    zoom = TILE / side
    matrix = np.array([[zoom, 0, TILE / 2 - zoom * (x1 + x2) / 2],
                       [0, zoom, TILE / 2 - zoom * (y1 + y2) / 2]])
    tile = cv2.warpAffine(img, matrix, (TILE, TILE), flags=cv2.INTER_AREA, borderValue=(90,) * 3)
    corners = np.array([[x1, y1], [x2, y2]]) @ matrix[:, :2].T + matrix[:, 2]
    cv2.rectangle(tile, *(tuple(map(int, c)) for c in corners), (255, 255, 255), 1)
    if info.get('keypoints') is not None:
        points = np.asarray(info['keypoints'], float)[0, :, :2] @ matrix[:, :2].T + matrix[:, 2]
        _draw(tile, points, visible_joints(info['keypoints_visible']), meta)
    return [_titled(tile, str(info['img_path']))]


def _views(dataset, index: int, info: dict) -> list[np.ndarray]:
    item = dataset[index]
    if item is None:
        raise ValueError('the pipeline gives nothing')
    inputs, samples = item['inputs'], item['data_samples']
    if not isinstance(inputs, dict):
        inputs, samples = {'input': inputs}, {'input': samples}
    tiles = []
    for branch, image in inputs.items():
        if image is None:
            continue
        picture = np.ascontiguousarray(image.numpy().transpose(1, 2, 0)).astype(np.uint8)
        zoom = TILE / max(picture.shape[:2])
        tile = np.zeros((TILE, TILE, 3), np.uint8)
        big = cv2.resize(picture, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_LINEAR)
        tile[:big.shape[0], :big.shape[1]] = big[:TILE, :TILE]
        meta, truth = samples[branch].metainfo, samples[branch].get('gt_instances')
        turned = any(isinstance(t, RandomBBoxTransform) for t in dataset.pipeline.transforms)
        points, flags = points_in_input(truth, meta, info, turned)
        if points is not None:
            packed = truth is not None and 'keypoints' in truth  # in the joints of the items
            _draw(tile, (points + 0.5) * zoom - 0.5, visible_joints(flags), getattr(
                dataset, 'item_metainfo', dataset.metainfo) if packed else dataset.metainfo)
        tiles.append(_titled(tile, branch + ('' if points is not None else ' (no keypoints)')))
    return tiles


def points_in_input(truth, meta: dict, info: dict, turned: bool) -> tuple:
    """An item's keypoints in pixels of the input.

    Args:
        truth (InstanceData, optional): What the pipeline packed.
        meta (dict): Likewise.
        info (dict): The annotation, for pipelines that drop labels but record their matrix.
        turned (bool): The crop may have been turned.

    Returns:
        tuple: (J, 2) array and flags; (None, None) without keypoints, or if the way to the input is
        unknown.
    """
    matrix = meta.get('input_matrix')
    if truth is None or 'keypoints' not in truth:
        if matrix is None or info.get('keypoints') is None:
            return None, None
        points = np.asarray(info['keypoints'], float)[0, :, :2]
        return points @ matrix[:2, :2].T + matrix[:2, 2], info['keypoints_visible']
    points = np.asarray(truth.keypoints, float)[0, :, :2]
    if matrix is not None:
        # MMPose's keypoints are those of the flipped image, the matrix starts from the original one
        height, width = meta['img_shape']
        direction = meta.get('flip_direction') if meta.get('flip') else None
        if direction in ('horizontal', 'diagonal'):
            points = points * (-1, 1) + (width - 1, 0)
        if direction in ('vertical', 'diagonal'):
            points = points * (1, -1) + (0, height - 1)
        return points @ matrix[:2, :2].T + matrix[:2, 2], truth.keypoints_visible
    if turned or meta.get('input_center') is None:
        return None, None  # stock MMPose does not record its rotation
    points = ((points - meta['input_center']) / meta['input_scale'] + 0.5) * meta['input_size']
    return points, truth.keypoints_visible


def _draw(tile: np.ndarray, points: np.ndarray, seen: np.ndarray, meta: dict) -> None:
    colours = np.asarray(meta['keypoint_colors']).reshape(-1, 3)
    seen = seen & np.isfinite(points).all(-1) & (np.abs(points) < 1e4).all(-1)
    for (a, b), colour in zip(meta['skeleton_links'],
                              np.asarray(meta['skeleton_link_colors']).reshape(-1, 3),
                              strict=True):
        if seen[a] and seen[b]:
            cv2.line(tile, *(tuple(map(int, points[j].round())) for j in (a, b)),
                     tuple(map(int, colour[::-1])), 1, cv2.LINE_AA)
    for j in np.flatnonzero(seen):
        centre = tuple(map(int, points[j].round()))
        # right joints are ringed, so that an exchange of sides can be seen
        ring = (0, 0, 255) if 'right' in meta['keypoint_id2name'][j] else (0, 0, 0)
        cv2.circle(tile, centre, 3, tuple(map(int, colours[j][::-1])), -1, cv2.LINE_AA)
        cv2.circle(tile, centre, 4, ring, 1, cv2.LINE_AA)


def _titled(tile: np.ndarray, text: str) -> np.ndarray:
    bar = np.full((BAR, TILE, 3), 255, np.uint8)
    text = text if len(text) <= 28 else '...' + text[-25:]
    cv2.putText(bar, text, (3, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (0, 0, 0), 1, cv2.LINE_AA)
    return np.concatenate([bar, tile])
