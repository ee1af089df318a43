"""A miniature SyntheticAnimal in the original format, with the published split files."""
import json

import cv2
import numpy as np
from mini.animal_pictures import picture, spread

SIZE = 640, 480
#: As the published code lists them, typed again: what the reader has is tested against it
_LISTS = dict(
    animal18=dict(
        horse='1718 1684 1271 1634 1650 1643 1659 925 392 564 993 726 1585 1556 427 '
              '1548 967 877',
        tiger='2753 2679 2032 1451 1287 3085 1632 229 1441 1280 2201 1662 266 158 270'
              ' 152 219 129'),
    animal14=dict(
        hound='2028 2580 878 977 1541 1734 799 1575 1446 602 780 1580 466 631',
        sheep='2046 1944 1875 1900 1868 1894 173 1829 1422 821 622 575 1370 716'))
VERTICES = {joints: {animal: tuple(map(int, text.split())) for animal, text in lists.items()}
            for joints, lists in _LISTS.items()}


def write(root, num=6, seed=0, clean=False):
    """Write ``num`` images of each of the four species; with ``clean`` also the cleaned jsons.

    Returns:
        dict: Species to ``points`` (num, J, 2), ``extent`` (num, 4) xyxy of all vertices, ``train``
        and ``test`` indices, ``names``.
    """
    rng = np.random.default_rng(seed)
    truth = {}
    for joint_set, animals in VERTICES.items():
        cleaned = {}
        for species, vertices in animals.items():
            folder = root / f'synthetic_animal/{species}_combineds5r5_texture'
            folder.mkdir(parents=True)
            points, extent, names = [], [], [f'{species}_{n:04d}_img.png' for n in range(num)]
            meshes = np.empty((num, max(vertices) + 10, 3))
            for mesh, name in zip(meshes, names):
                joints = spread(rng, len(vertices), SIZE)
                mesh[:, :2] = rng.uniform((50, 60), (600, 400), (len(mesh), 2))
                mesh[0] = -30, 20, 0  # the animal reaches beyond the left border
                mesh[:, 2] = 0
                mesh[list(vertices), :2] = joints
                mesh[vertices[::2], 2] = 1  # every second joint is occluded
                image = picture(rng, SIZE, joints, np.ones(len(vertices)))
                cv2.imwrite(str(folder / name), cv2.cvtColor(image, cv2.COLOR_BGR2BGRA),
                            [cv2.IMWRITE_PNG_COMPRESSION, 1])
                np.save(folder / name.replace('img.png', 'kpts.npy'), mesh)
                points.append(joints)
                extent.append([*mesh[:, :2].min(0), *mesh[:, :2].max(0)])
            order = rng.permutation(num)
            cut = max(1, num // 3)
            split = dict(train=order[cut:], test=order[:cut])
            cached = root / f'cached_data/synthetic_animal/{folder.name}'
            cached.mkdir(parents=True)
            np.save(cached / 'train_idxs.npy', split['train'])
            np.save(cached / 'valid_idxs.npy', split['test'])
            truth[species] = dict(points=np.array(points), extent=np.array(extent), names=names,
                                  **split)
            boxes = np.array(extent)[:, [0, 2, 1, 3]]
            cleaned[species] = dict(
                keypoints=meshes[:, list(vertices)].tolist(), bbox=boxes.tolist(),
                imgpath=[f'./animal_data/synthetic_animal/{folder.name}/{n}' for n in names],
                train_idxs=split['train'].tolist(), valid_idxs=split['test'].tolist())
        if clean:
            (root / 'clean_data').mkdir(exist_ok=True)
            file = root / f'clean_data/keypoints_{joint_set[-2:]}.json'
            file.write_text(json.dumps(cleaned))
    return truth
