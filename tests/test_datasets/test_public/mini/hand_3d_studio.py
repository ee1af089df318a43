"""A miniature H3D_crop: square crops of several sizes in part1 to part5, one json list."""
from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from udapose.codecs.camera_geometry import project

from ._hands import picture, posed


def write(root: Path, num: int = 6, seed: int = 0) -> dict:
    """Write ``2 * max(num, 6)`` crops, of which every fourth is of a hand with an object.

    Returns:
        dict: ``names`` (list), ``points`` (N, 21, 2), ``cam`` (N, 21, 3) mm, ``alone`` (N,), in
        the order of the file.
    """
    root, rng = Path(root), np.random.default_rng(seed)
    number = 2 * max(num, 6)
    samples, truth = [], dict(names=[], points=[], cam=[], alone=[])
    for i in range(number):
        side = 100 + 8 * i
        matrix = np.array([[400., 0, side / 2], [0, 400, side / 2], [0, 0, 1]])
        cam = posed(rng, 1, matrix, (side, side))[0]
        points = project(cam, matrix)
        name = f'part{i % 5 + 1}/{i:06d}.jpg'
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(root / name), picture(rng, points, (side, side)))
        alone = int(i % 4 != 3)
        samples.append(dict(name=name, keypoint2d=points.tolist(), keypoint3d=cam.tolist(),
                            intrinsic_matrix=matrix.tolist(), without_object=alone))
        for key, value in zip(truth, (name, points, cam, alone)):
            truth[key].append(value)
    (root / 'annotation.json').write_text(json.dumps(samples))
    return {k: v if k == 'names' else np.array(v) for k, v in truth.items()}
