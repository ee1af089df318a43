"""A miniature RHD: pickles, colour images and masks, joints in RHD's own order and in metres."""
from __future__ import annotations

import pickle
from pathlib import Path

import cv2
import numpy as np

from udapose.codecs.camera_geometry import project

from ._hands import mirrored_hand, picture, posed

SIZE = (320, 320)
K = np.array([[299., 0, 160], [0, 299, 160], [0, 0, 1]])
# what each joint of the file is: finger tips come first
FILE_ORDER = np.array([0, 4, 3, 2, 1, 8, 7, 6, 5, 12, 11, 10, 9, 16, 15, 14, 13, 20, 19, 18, 17])


def write(root: Path, num: int = 6, seed: int = 0) -> dict:
    """Write ``num`` images for each of training and evaluation.

    Even images show a left hand, odd ones a right hand; the other is far outside of the image.

    Returns:
        dict: Of each folder ``cam`` (num, 21, 3) mm, ``points`` (num, 21, 2), ``left`` (num,),
        in the order wrist, thumb to little finger, palm to tip; ``path``: the pickle.
    """
    root, rng, truth = Path(root), np.random.default_rng(seed), {}
    for folder in ('training', 'evaluation'):
        for kind in ('color', 'mask'):
            (root / folder / kind).mkdir(parents=True, exist_ok=True)
        left = np.arange(num) % 2 == 0
        cam = np.where(left[:, None, None], posed(rng, num, K, SIZE),
                       posed(rng, num, K, SIZE, joints=mirrored_hand()))
        points = project(cam, K)
        content = {}
        for i in range(num):
            uv_vis, xyz = np.zeros((42, 3)), np.zeros((42, 3))
            rows = FILE_ORDER + (0 if left[i] else 21)
            # file row r of a hand holds joint FILE_ORDER[r]
            own = slice(0, 21) if left[i] else slice(21, 42)
            other = slice(21, 42) if left[i] else slice(0, 21)
            uv_vis[own, :2], uv_vis[own, 2] = points[i][FILE_ORDER], 1
            xyz[own] = cam[i][FILE_ORDER] / 1000
            xyz[other] = cam[i][FILE_ORDER] / 1000 + (-3, 0, 0)
            uv_vis[other, :2] = project(xyz[other], K)
            content[i] = dict(uv_vis=uv_vis.astype(np.float32), xyz=xyz.astype(np.float32),
                              K=K.astype(np.float32))
            cv2.imwrite(str(root / folder / 'color' / f'{i:05d}.png'),
                        picture(rng, points[i], SIZE))
            mask = np.ones(SIZE[::-1], np.uint8)  # 1 is the person
            base = 2 if left[i] else 18
            for r, point in zip(rows, points[i][FILE_ORDER]):
                label = base + min(int(r) % 21, 15)
                cv2.circle(mask, tuple(int(v) for v in np.round(point)), 6, label, -1)
            cv2.imwrite(str(root / folder / 'mask' / f'{i:05d}.png'), mask)
        path = root / folder / f'anno_{folder}.pickle'
        path.write_bytes(pickle.dumps(content, protocol=2))
        truth[folder] = dict(cam=cam, points=points, left=left, path=path)
    return truth
