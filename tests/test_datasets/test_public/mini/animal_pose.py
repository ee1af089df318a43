"""A miniature AnimalPose in the official format, with the published split files."""
import json

import cv2
import numpy as np
from mini.animal_pictures import picture, spread

SIZE = 200, 150
IDS = dict(dog=1, cat=2, sheep=3, horse=4, cow=5)
#: Official places of the 14 joints: eyes, paws, knees, elbows
NATIVE = (0, 1, 13, 14, 15, 16, 9, 10, 11, 12, 5, 6, 7, 8)


def write(root, num=6, seed=0):
    """Write ``num`` dogs, sheep and cats; the last two of a species share an image.

    Returns:
        dict: Species to ``points`` (num, 14, 2), ``labelled`` (num, 14), ``boxes`` (num, 4) xyxy,
        ``names`` of the images, ``train`` and ``test`` indices. One of the two instances of the
        shared image is in the training set, the other in the test set.
    """
    rng = np.random.default_rng(seed)
    (root / 'animal-pose/images').mkdir(parents=True)
    images, everything, truth = {}, [], {}
    for species in ('cat', 'dog', 'sheep'):
        annotations, names, points, boxes = [], [], [], []
        for n in range(num):
            image_id = 1000 * IDS[species] + min(n, num - 2)
            native = spread(rng, 20, SIZE)
            seen = rng.uniform(size=20) < 0.8
            seen[[0, 5]] = True
            native[~seen] = 0
            order = list(NATIVE)
            names.append(f'{species[:2]}{image_id}.jpeg')
            if n < num - 1:  # the second animal of the shared image has no dots
                picked = picture(rng, SIZE, native[order], seen[order])
                cv2.imwrite(str(root / f'animal-pose/images/{names[-1]}'), picked,
                            [cv2.IMWRITE_JPEG_QUALITY, 98])
            images[str(image_id)] = names[-1]
            box = [*(native[seen].min(0) - 3), *(native[seen].max(0) + 3)]
            annotations.append(dict(
                image_id=image_id, bbox=[float(b) for b in box], category_id=IDS[species],
                num_keypoints=int(seen.sum()),
                keypoints=np.column_stack([native, seen]).astype(int).tolist()))
            points.append((native[order], seen[order]))
            boxes.append(box)
        cut = max(1, num // 3)
        split = dict(test=np.array([*range(cut - 1), num - 1]), train=np.arange(cut - 1, num - 1))
        if species != 'cat':  # of which the published code has files, too
            cached = root / f'cached_data/real_animal_pose/{species}'
            cached.mkdir(parents=True)
            for part, index in split.items():
                items = np.empty(len(index), object)
                items[:] = [annotations[i] for i in index]
                np.save(cached / f'{part}_anno.npy', items, allow_pickle=True)
        everything += annotations
        truth[species] = dict(points=np.array([p for p, _ in points]), names=names,
                              labelled=np.array([s for _, s in points]), boxes=np.array(boxes),
                              **split)
    categories = [dict(id=number, name=name) for name, number in IDS.items()]
    (root / 'animal-pose/keypoints.json').write_text(
        json.dumps(dict(images=images, annotations=everything, categories=categories)))
    return truth
