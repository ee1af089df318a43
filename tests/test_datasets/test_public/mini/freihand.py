"""A miniature FreiHAND: json lists in metres, four versions of each capture, one mask."""
from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from udapose.codecs.camera_geometry import project

from ._hands import mirrored_hand, picture, posed

SIZE = (224, 224)


def write(root: Path, num: int = 6, seed: int = 0) -> dict:
    """Write ``num`` captures (right hands) for training and ``num`` for evaluation.

    Returns:
        dict: Of each folder ``cam`` (num, 21, 3) mm, ``points`` (num, 21, 2), ``K`` (num, 3, 3).
    """
    root, rng, truth = Path(root), np.random.default_rng(seed), {}
    for folder, versions in (('training', 4), ('evaluation', 1)):
        (root / folder / 'rgb').mkdir(parents=True, exist_ok=True)
        matrices = np.tile(np.array([[480., 0, 112], [0, 480, 112], [0, 0, 1]]), (num, 1, 1))
        matrices[:, [0, 1], [0, 1]] += rng.uniform(-20, 20, (num, 1))
        cam = np.concatenate([posed(rng, 1, k, SIZE, joints=mirrored_hand()) for k in matrices])
        points = project(cam, matrices)
        for i in range(num):
            for version in range(versions):
                cv2.imwrite(str(root / folder / 'rgb' / f'{i + version * num:08d}.jpg'),
                            picture(rng, points[i], SIZE))
            if folder == 'training':
                mask = np.zeros(SIZE[::-1], np.uint8)
                cv2.fillConvexPoly(mask, cv2.convexHull(np.round(points[i]).astype(int)), 255)
                (root / folder / 'mask').mkdir(exist_ok=True)
                cv2.imwrite(str(root / folder / 'mask' / f'{i:08d}.jpg'), mask)
        (root / f'{folder}_K.json').write_text(json.dumps(matrices.tolist()))
        (root / f'{folder}_xyz.json').write_text(json.dumps((cam / 1000).tolist()))
        truth[folder] = dict(cam=cam, points=points, K=matrices)
    return truth
