"""A miniature of Human3.6M as MMPose's converter writes it."""
import pickle

import numpy as np

from ._people import people, picture

LENS = dict(k=np.array([[-0.207], [0.248], [-0.003]]), p=np.array([[-0.0014], [-0.0010]]))
FOCAL, CENTRE = np.array([[1145.], [1143.8]]), np.array([[512.5], [515.5]])


def through_lens(points, k=LENS['k'], p=LENS['p']):
    """Pixels of (..., 3), written down coefficient by coefficient."""
    x, y = points[..., 0] / points[..., 2], points[..., 1] / points[..., 2]
    r2 = x * x + y * y
    k1, k2, k3, p1, p2 = (*np.ravel(k), *np.ravel(p))
    factor = 1 + k1 * r2 + k2 * r2 ** 2 + k3 * r2 ** 3 + 2 * p1 * y + 2 * p2 * x
    return np.stack([FOCAL[0, 0] * (x * factor + p2 * r2) + CENTRE[0, 0],
                     FOCAL[1, 0] * (y * factor + p1 * r2) + CENTRE[1, 0]], -1)


def write(root, num=6, seed=0):
    """``num`` images in each split; returns cam (mm) and pixels per split."""
    rng = np.random.default_rng(seed)
    cameras, truth = {}, {}
    for split, subjects in (('train', ('S1', 'S5', 'S6', 'S7', 'S8')), ('test', ('S9', 'S11'))):
        cam = people(num, rng, (-400, -150, 4500), (400, 150, 6000))
        pixels, names = through_lens(cam), []
        for i in range(num):
            subject, camera = subjects[i % len(subjects)], ('54138969', '60457274')[i % 2]
            cameras[subject, camera] = dict(
                LENS, R=np.eye(3), T=np.zeros((3, 1)), f=FOCAL, c=CENTRE, w=1000, h=1002,
                name='camera1', id=camera)
            clip = f'{subject}_Directions_1.{camera}'
            names.append(f'{subject}/{clip}/{clip}_{i + 1:06d}.jpg')
            picture(root / 'images' / names[-1], 1000, 1002, pixels[i], rng)
        low, high = pixels.min(1), pixels.max(1)
        ones = np.ones((num, 17, 1))
        folder = root / 'annotation_body3d/fps10'
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(folder / f'h36m_{split}.npz', imgname=np.array(names), center=(low + high) / 2,
                 scale=1.2 * (high - low).max(1) / 200, part=np.concatenate([pixels, ones], -1),
                 S=np.concatenate([cam / 1000, ones], -1))
        truth[split] = dict(cam=cam, pixels=pixels, names=names)
    with open(root / 'annotation_body3d/cameras.pkl', 'wb') as file:
        pickle.dump(cameras, file)
    return truth
