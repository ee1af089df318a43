"""A miniature STB: mat files in millimetres with the palm's centre first, three cameras."""
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from scipy.io import savemat

from udapose.codecs.camera_geometry import project

from ._hands import left_hand, picture, posed

SIZE = (640, 480)
BB = np.array([[822.79041, 0, 318.47345], [0, 822.79041, 250.31296], [0, 0, 1]])
SK = np.array([[607.92271, 0, 314.78337], [0, 607.88192, 236.42484], [0, 0, 1]])
# which joint of the common order each row of the file holds: palm, little finger to thumb
FILE_ORDER = np.array([0, *range(17, 21), *range(13, 17), *range(9, 13), *range(5, 9),
                       *range(1, 5)])


def write(root: Path, num: int = 6, seed: int = 0) -> dict:
    """Write all twelve sequences with ``max(1, num // 6)`` frames each.

    Returns:
        dict: Sequence -> ``wrist`` (N, 3), ``palm`` (N, 3), ``joints`` (N, 21, 3) with the palm as
        joint 0; all mm, in the left camera's frame; ``depth`` (N, 21, 3): in the depth camera's.
    """
    root, rng, truth = Path(root), np.random.default_rng(seed), {}
    number = max(1, num // 6)
    (root / 'labels').mkdir(parents=True, exist_ok=True)
    for sequence in (f'B{n}{kind}' for n in range(1, 7) for kind in ('Counting', 'Random')):
        folder = root / 'images' / sequence
        folder.mkdir(parents=True, exist_ok=True)
        hand = left_hand()
        joints = posed(rng, number, BB, SIZE, part=0.35, joints=hand) + (40, 0, 0)
        wrist = joints[:, 0].copy()
        joints[:, 0] = (joints[:, 0] + joints[:, 13]) / 2  # palm: half-way to the ring finger
        turn = cv2.Rodrigues(np.array([0.00531, -0.01196, 0.00301]))[0]
        colour = joints - (40, 0, 0)
        depth = colour @ turn.T + (-24.0381, -0.4563, -1.2326)
        for suffix, values in (('BB', joints), ('SK', depth)):
            savemat(root / f'labels/{sequence}_{suffix}.mat',
                    dict(handPara=values[:, FILE_ORDER].transpose(2, 1, 0)))
        views = dict(BB_left=project(joints, BB), SK_color=project(colour, SK),
                     BB_right=project(joints - (120.054, 0, 0), BB))
        for i in range(number):
            for camera, points in views.items():
                cv2.imwrite(str(folder / f'{camera}_{i}.png'), picture(rng, points[i], SIZE),
                            [cv2.IMWRITE_PNG_COMPRESSION, 1])
        truth[sequence] = dict(wrist=wrist, palm=joints[:, 0], joints=joints, depth=depth,
                               views=views)
    return truth
