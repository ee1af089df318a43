"""What an adaptation has cost on the labelled source images."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..datasets.box_files import image_names
from ..datasets.image_headers import read_image_size
from ..datasets.json_files import load_json
from .file_states import content_state, images_state
from .labels import check_joints, read_labels, scores
from .people import People, Predictions, predict_people
from .predictor import Predictor

#: People who are enough to see a change of some points.
_MOST = 200


def source_people(path: Path, images: Path, most: int = _MOST) -> People:
    """Labelled people of a COCO file, evenly spread over it.

    Args:
        path (Path): The file.
        images (Path): Folder of its images.
        most (int): Number of people. Defaults to 200.

    Raises:
        ValueError: Nobody is labelled; images without id or name.
    """
    content = load_json(str(path), '--source', 'a COCO keypoint file')
    names = image_names(content, f'--source {path}')
    found = _usable(content, names, path)
    chosen = [found[i] for i in np.unique(np.linspace(
        0, len(found) - 1, min(most, len(found))).round().astype(int))]
    files = [names[a['image_id']] for a in chosen]
    boxes = np.array([a['bbox'] for a in chosen], np.float32)
    boxes[:, 2:] += boxes[:, :2]
    count = len(chosen)
    return People(files=files, root=images, boxes=boxes,
                  sizes=np.array([read_image_size(str(images / f)) for f in files]),
                  clip=np.full(count, -1), time=np.zeros(count), track=np.zeros(count, int),
                  sources=files)


def _usable(content: dict, names: dict, path: Path) -> list[dict]:
    """Annotations that a training on these images uses."""
    found = [a for a in content.get('annotations') or []
             if a.get('bbox') and not a.get('iscrowd') and a.get('image_id') in names
             and any(v > 0 for v in (a.get('keypoints') or [])[2::3])]
    if not found:
        raise ValueError(f'--source {path} has no person with labelled keypoints, "bbox", and an '
                         '"image_id" that is among its "images"')
    return found


def source_state(path: Path, images: Path) -> list:
    """What tells labelled source images from others at the same place.

    Args:
        path (Path): COCO file.
        images (Path): Folder of its images.

    Returns:
        list: :func:`content_state` of the file, :func:`images_state` of its images (of none where
        it is no COCO file, as :func:`check_source` will say).
    """
    content = load_json(str(path), '--source', 'a COCO keypoint file')
    try:
        names = [*image_names(content, str(path)).values()]
    except ValueError:
        names = []
    return [*content_state(path), images_state(images, names)]


def check_source(path: Path, images: Path, names: Sequence[str]) -> None:
    """Whether labelled source images can be trained on: the model's joints in its order.

    Args:
        path (Path): COCO file.
        images (Path): Folder of its images.
        names (Sequence[str]): Of the model's K joints.

    Raises:
        ValueError: Other joints, or another order; MMPose's data sets go by the number alone.
            Images without id or name, or no person who can be trained on.
        FileNotFoundError: An image is missing.
    """
    try:
        content, _, order = check_joints(path, dict(keypoint_id2name=dict(enumerate(names))),
                                         len(names))
    except ValueError as error:
        raise ValueError(f'--source: {error}') from error
    if order.tolist() != list(range(len(names))) or any(
            len(a['keypoints']) != 3 * len(names) for a in content['annotations']
            if a.get('keypoints')):
        raise ValueError(f'--source {path} has more joints than the model, or another order, and '
                         f'is trained on as it is: write these alone: {", ".join(names)}')
    files = image_names(content, f'--source {path}')
    _usable(content, files, path)
    missing = [name for name in files.values() if not (images / name).is_file()]
    if missing:
        raise FileNotFoundError(f'--source {path}: {len(missing)} of its '
                                f'{len(files)} images are not in {images}, for '
                                f'example {missing[0]}: name their folder with --source-images')


def forgetting(path: Path, images: Path, start: Path, adapted: Path, device: str) -> list[dict]:
    """Scores of both models on labelled source images, as rows of the verdict's measures.

    Args:
        path (Path): COCO file.
        images (Path): Folder of its images.
        start, adapted (Path): Folders of plain models.
        device (str): Of the predictions.

    Returns:
        list[dict]: ``source PCK@0.05`` and ``source PCK@0.1``, percent.
    """
    people = source_people(path, images)
    found: dict[str, list[float]] = {}
    for model in (start, adapted):
        predictor = Predictor(model / 'config.py', model / 'model.pth', device)
        made: Predictions = predict_people(predictor, people, views=())
        labels = read_labels(path, people, predictor.meta, len(predictor.names))
        of_model = scores(made, labels, people, predictor.meta)
        for key in ('PCK@0.05', 'PCK@0.1'):
            found.setdefault(key, []).append(float(of_model[key].value()))
    return [dict(name=f'source {key}', unit='percent', better='higher', interval=None,
                 title=f'labelled source images: joints within {share} % of the box',
                 before=round(before, 2), after=round(after, 2),
                 difference=round(after - before, 2))
            for (key, (before, after)), share in zip(found.items(), (5, 10), strict=True)]
