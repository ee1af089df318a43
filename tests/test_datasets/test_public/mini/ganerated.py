"""A miniature GANerated: partitions of 256x256 crops with text files for each frame."""
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from udapose.codecs.camera_geometry import project

from ._hands import picture, posed

SIZE = (256, 256)
CAMERA = np.array([[617.173, 0, 315.453], [0, 617.173, 242.259], [0, 0, 1]])


def write(root: Path, num: int = 6, seed: int = 0) -> dict:
    """Write two partitions of each kind, ``max(1, num // 2)`` frames each.

    Returns:
        dict: ``'noObject/0001/0001'`` -> ``cam`` (21, 3) mm, ``points`` (21, 2) in the crop.
    """
    root, rng, truth = Path(root), np.random.default_rng(seed), {}
    for kind in ('noObject', 'withObject'):
        for part in ('0001', '0002'):
            folder = root / 'data' / kind / part
            folder.mkdir(parents=True, exist_ok=True)
            for i in range(1, max(1, num // 2) + 1):
                cam = posed(rng, 1, CAMERA, (640, 480), part=0.4)[0]
                whole = project(cam, CAMERA)
                corner = whole.min(0) - 20
                scale = 256 / (np.ptp(whole, axis=0).max() + 40)
                points = (whole - corner) * scale
                name = f'{i:04d}'
                cv2.imwrite(str(folder / f'{name}_color_composed.png'), picture(rng, points, SIZE))
                relative = (cam - cam[9]) / np.linalg.norm(cam[9] - cam[0])
                for suffix, values in (('joint2D', points), ('joint_pos', relative),
                                       ('joint_pos_global', cam),
                                       ('crop_params', np.array([*corner, scale]))):
                    text = ','.join(f'{v:.4f}' for v in values.ravel())
                    (folder / f'{name}_{suffix}.txt').write_text(text + '\n')
                truth[f'{kind}/{part}/{name}'] = dict(cam=cam, points=points)
    return truth
