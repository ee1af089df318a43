"""A miniature of SURREAL's processed release with 3D joints."""
import json

import numpy as np

from ._people import people, picture, smpl24

FOCAL = 600.


def write(root, num=6, seed=0):
    """``num`` images in each of the three runs of both folders; returns items by file name."""
    rng = np.random.default_rng(seed)
    truth = {}
    for split in ('train', 'test'):
        truth[split] = {}
        for run in ('run0', 'run1', 'run2'):
            cam = people(num, rng, (-200, -100, 4500), (200, 100, 6500))
            # SMPL's left limbs are on the right of a person in these images
            joints = smpl24(cam, exchanged=True)
            whole = FOCAL * joints[..., :2] / joints[..., 2:] + (160, 120)
            low, high = whole.min(1), whole.max(1)
            side = np.round(1.5 * (high - low).max(1)).astype(int)
            corner = np.round((low + high) / 2 - side[:, None] / 2)
            entries = []
            for i in range(num):
                name = f'clip_{run}_{i:03d}.jpg'
                matrix = np.array([[FOCAL, 0, 160 - corner[i, 0]], [0, FOCAL, 120 - corner[i, 1]],
                                   [0, 0, 1]])
                pixels = whole[i] - corner[i]
                picture(root / split / run / name, side[i], side[i], pixels, rng)
                entries.append(dict(name=name, keypoint2d=pixels.tolist(),
                                    keypoint3d=(joints[i] / 1000).tolist(),
                                    intrinsic_matrix=matrix.tolist()))
                truth[split][name] = dict(cam=cam[i], corner=corner[i], side=side[i])
            (root / split / f'{run}.json').write_text(json.dumps(entries))
    return truth
