"""A finished run of `udapose adapt` without any training: drawn figures, made-up predictions."""
import json
from pathlib import Path

import cv2
import numpy as np

from udapose.adaptation.people import People, Predictions, write_people
from udapose.adaptation.verdict import judge

NAMES = ('head', 'neck', 'left_hand', 'right_hand', 'pelvis', 'left_foot', 'right_foot')
META = dict(
    keypoint_id2name=dict(enumerate(NAMES)), flip_indices=[0, 1, 3, 2, 4, 6, 5],
    skeleton_links=[(0, 1), (1, 2), (1, 3), (1, 4), (4, 5), (4, 6)])
_POSE = np.array([(0, -.4), (0, -.25), (.2, -.1), (-.2, -.1), (0, .05), (.12, .4), (-.12, .4)])


def figures(clips=10, frames=6, seed=0):
    """(N, K, 2) true points of walking figures in 160 x 200 frames; clip and time of each."""
    random = np.random.default_rng(seed)
    points, clip, time = [], [], []
    for number in range(clips):
        start, way = random.uniform(-12, 12, (2, 2))
        shape = _POSE + random.normal(0, .03, _POSE.shape)
        for frame in range(frames):
            swing = .08 * np.sin(frame + number) * np.array([0, 0, 1, -1, 0, 1, -1])
            pose = shape + np.stack([swing, np.zeros(7)], 1)
            points.append((80, 100) + start + way * frame / frames + 150 * pose)
            clip.append(number)
            time.append(frame / 25)
    return np.array(points, np.float32), np.array(clip), np.array(time)


def people_of(points, clip, time, root=Path('frames'), sources=None):
    """:class:`People` with boxes around the figures."""
    count = len(points)
    margin = 15
    return People(
        files=[f'{c:03d}_{i:04d}.jpg' for i, c in enumerate(clip)], root=root,
        boxes=np.concatenate([points.min(1) - margin, points.max(1) + margin], 1),
        sizes=np.tile((160, 200), (count, 1)), clip=clip, time=time, track=np.zeros(count, int),
        sources=sources or [f'video {c}.mp4' for c in clip])


def predictions(points, noise, seed=0, views=4, common=0.):
    """Predictions that are off by ``noise`` pixels in each view, and by ``common`` in all."""
    random = np.random.default_rng(seed)
    shared = random.normal(0, 1, points.shape) * common
    seen = points + shared + random.normal(0, 1, (views + 1, *points.shape)) * noise
    away = np.linalg.norm(seen[1:] - seen[0], axis=-1) if views else np.ones((1, *seen.shape[1:3]))
    sure = 1 / (1 + away.mean(0) / 10)
    return Predictions(seen[0].astype(np.float32), sure.astype(np.float32),
                       seen[1:].astype(np.float32))


def fake_run(path, name='wide <kitchen> & "co".mp4', clips=10, frames=6):
    """Write the folder of a finished run and return it."""
    path = Path(path)
    (path / 'frames').mkdir(parents=True)
    (path / 'predictions').mkdir()
    points, clip, time = figures(clips, frames)
    people = people_of(points, clip, time, path / 'frames',
                       [f'{c} {name}' for c in clip])
    random = np.random.default_rng(1)
    for file, pose in zip(people.files, points):
        image = cv2.GaussianBlur(random.integers(60, 160, (200, 160, 3)).astype(np.uint8),
                                 (0, 0), 9)
        for a, b in META['skeleton_links']:
            cv2.line(image, *(tuple(int(x) for x in pose[j]) for j in (a, b)), (200, 215, 235), 9,
                     cv2.LINE_AA)
        cv2.circle(image, tuple(int(x) for x in pose[0]), 13, (190, 205, 225), -1, cv2.LINE_AA)
        cv2.imwrite(str(path / 'frames' / file), image)
    before, after = predictions(points, 9, 1, common=4), predictions(points, 4, 2, common=3)
    before.save(path / 'predictions/before.npz')
    after.save(path / 'predictions/after.npz')
    images = [dict(id=i, file_name=f, width=160, height=200, clip=int(clip[i]),
                   time=float(time[i]), source=people.sources[i])
              for i, f in enumerate(people.files)]
    write_people(path / 'held_back.json', images, [
        dict(id=i, image_id=i, category_id=1, track_id=0, score=1.,
             bbox=[*map(float, b[:2]), *map(float, b[2:] - b[:2])])
        for i, b in enumerate(people.boxes)], META)
    _json(path / 'verdict.json', judge(before, after, people, META).to_dict())
    _json(path / 'run.json', dict(
        options=dict(model='rtmpose-m', data='my <videos>'), versions=dict(torch='2.9'),
        steps=dict(frames=dict(seconds=3., summary=dict(chosen=60)),
                   adapt=dict(seconds=120, summary='300 iterations'))))
    _json(path / 'frames.json', dict(
        sources=[dict(path=f'{c} {name}', frames=120, fps=25., width=160, height=200, chosen=frames,
                      problem='the tail is broken' if c == 3 else None) for c in range(clips)],
        counts=dict(near_duplicates=31, blurred=4, chosen=len(points)),
        frames=[dict(file=f, source=s, index=0, time=0., clip=0, part='held_back')
                for f, s in zip(people.files, people.sources)]))
    _json(path / 'plan.json', dict(iterations=300, seconds=120, memory_mb=900))
    (path / 'config.py').write_text('model = dict(type="MeanTeacherPoseEstimator")  # <b>\n')
    (path / 'model').mkdir()
    curves = path / 'work/20260101_000000/vis_data'
    curves.mkdir(parents=True)
    rows = [dict(step=i, loss=1 / i, loss_consistency=.5 / i, pseudo_spread=.1,
                 **({'label_free/score': 20 + i / 10} if i % 100 == 0 else {}))
            for i in range(20, 320, 20)]
    (curves / 'scalars.json').write_text('\n'.join(map(json.dumps, rows)) + '\n{"step": 3')
    return path


def _json(path, value):
    path.write_text(json.dumps(value))
