"""The frames that are worth labelling, as a COCO file that a labelling tool opens."""
from __future__ import annotations

from pathlib import Path

import numpy as np

from ...file_io import write_json
from ..measures import box_sides, relative, sure_joints
from ..people import People, Predictions
from .pictures import change, doubt

COUNT = 20


def choose_frames(people: People, before: Predictions | None, after: Predictions,
                  count: int = COUNT) -> list[str]:
    """Frames that the model is unsure of, or has changed its mind about, unlike each other.

    Greedy: each next frame has the largest product of doubt and distance to those chosen, in pose
    and in time, so that twenty frames are not one scene.

    Args:
        people (People): Candidates.
        before (Predictions, optional): Of the start model.
        after (Predictions): Of the adapted model.
        count (int): Frames at most.
    """
    scores = doubt(after, people)
    if before is not None:
        moved = change(before, after, people)
        scores = scores + 0.5 * moved / max(float(moved.max()), 1e-9)
    pose = relative(after.points, people, box_sides(people)).reshape(len(people), -1)
    files, index = np.unique(np.asarray(people.files, str), return_inverse=True)
    far, chosen = np.ones(len(people)), []
    sources = np.asarray(people.sources, str)
    for _ in range(min(count, len(files))):
        value = scores * far
        value[np.isin(index, chosen)] = -1
        best = int(value.argmax())
        chosen.append(int(index[best]))
        distance = np.sqrt(((pose - pose[best]) ** 2).mean(1))
        alike = distance / max(float(np.median(distance)), 1e-9)
        apart = np.where(sources == sources[best],
                         np.abs(people.time - people.time[best]) / 2, 1.)
        far = np.minimum(far, np.clip(0.1 + 0.5 * alike + 0.4 * np.minimum(apart, 1), 0.1, 1))
    return [str(files[i]) for i in chosen]


def write_worth_labelling(path: Path, people: People, before: Predictions | None,
                          after: Predictions, meta: dict, count: int = COUNT) -> list[str]:
    """Write the COCO file; predicted keypoints are a start for whoever labels.

    ``v`` is 2 where the model is sure and 1 where it is not; an annotation's ``predicted`` says
    that nobody has looked at it yet.

    Returns:
        list[str]: The frames' files, the most useful first.
    """
    chosen = choose_frames(people, before, after, count)
    number = {file: i for i, file in enumerate(chosen)}
    images, annotations = {}, []
    sure = sure_joints(after, people)
    for i, file in enumerate(people.files):
        if file not in number:
            continue
        width, height = map(int, people.sizes[i])
        images[file] = dict(id=number[file] + 1, file_name=f'frames/{file}', width=width,
                            height=height, source=people.sources[i],
                            time=round(float(people.time[i]), 3), clip=int(people.clip[i]))
        box = people.boxes[i].astype(float)
        points = np.round(after.points[i].astype(float), 2)
        annotations.append(dict(
            id=len(annotations) + 1, image_id=number[file] + 1, category_id=1, iscrowd=0,
            bbox=np.round([*box[:2], *(box[2:] - box[:2])], 2).tolist(),
            area=round(float(np.prod(box[2:] - box[:2])), 1), track_id=int(people.track[i]),
            keypoints=np.concatenate([points, 1. + sure[i][:, None]], 1).ravel().tolist(),
            num_keypoints=len(points), predicted=True))
    names = meta.get('keypoint_id2name') or {}
    category = dict(id=1, name='person', supercategory='person',
                    keypoints=[str(names.get(i, f'joint {i}'))
                               for i in range(after.points.shape[1])],
                    skeleton=[[int(a) + 1, int(b) + 1] for a, b in meta.get('skeleton_links', [])])
    write_json(path, dict(
        info=dict(description='Predicted keypoints, not yet corrected: correct them, keep the '
                  'file names, and give the file to `udapose adapt --labels`'),
        images=sorted(images.values(), key=lambda x: x['id']), annotations=annotations,
        categories=[category]))
    return chosen
