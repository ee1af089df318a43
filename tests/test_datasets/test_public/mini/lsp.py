"""A miniature of LSP or LSP-extended."""
import numpy as np
from scipy.io import savemat

from . import _body_pictures as pictures

# of the 16 body joints, those that LSP has, in LSP's order
_BODY16 = [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 8, 9]


def write(root, num=6, seed=0, extended=False, images='images'):
    """joints.mat and images; a few joints are occluded (LSP-extended: not visible).

    Returns:
        dict: ``points`` (num, 14, 2) pixels in LSP's order, ``visible`` (num, 14) bool, ``sizes``
        (num, 2), ``names``.
    """
    rng = np.random.default_rng(seed)
    (root / images).mkdir(parents=True, exist_ok=True)
    visible = rng.random((num, 14)) > 0.2
    sizes = np.array([(120, 150) if i % 2 else (150, 120) for i in range(num)])
    scale = 55.
    points = pictures.people(rng, num)[..., :2] * scale + sizes[:, None] / 2
    names = [f'im{i + 1:0{5 if extended else 4}d}.jpg' for i in range(num)]
    for i, name in enumerate(names):
        flags = np.zeros(16, bool)
        flags[_BODY16] = visible[i]
        pictures.save(root / images / name, pictures.picture(rng, *sizes[i], points[i], flags))
    points = points[:, _BODY16]
    flags = visible if extended else ~visible
    joints = np.concatenate([points, flags[..., None]], -1)  # N x 14 x 3
    savemat(root / 'joints.mat',
            dict(joints=joints.transpose(1, 2, 0) if extended else joints.transpose(2, 1, 0)))
    return dict(points=points, visible=visible, sizes=sizes, names=names)
