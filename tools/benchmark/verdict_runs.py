"""People, truth and predictions of the runs of tools/benchmark/verdict.py."""
from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
from verdict_plan import PLAN, SETTINGS, TARGETS, WEIGHTS, run_name
from verdict_train import adapt, change_weights, plain_config, plain_weights, source_folder

from udapose.adaptation.people import People, Predictions, predict_people
from udapose.adaptation.predictor import Predictor
from udapose.cli._experiment import write_json

#: Labelled images of the truth.
TESTED = 400


def held_back(target: str, data: Path, singles: int = 90, clips: int = 12, frames: int = 5
              ) -> People:
    """Test images without their labels, and short clips: some of them under a moving camera."""
    root = data / TARGETS[target]['root']
    content = json.loads((root / 'annotations/test.json').read_text(encoding='utf-8'))
    folder = root / 'images/test'
    clip_folder = root / 'clips'
    clip_folder.mkdir(exist_ok=True)
    rows = []
    for number, image in enumerate(content['images'][:singles + clips]):
        size = image['width'], image['height']
        if number < singles:
            rows.append((f'images/test/{image["file_name"]}', size, -1, 0., image['file_name']))
            continue
        random = np.random.default_rng(number)
        picture = cv2.imread(str(folder / image['file_name']))
        turn, zoom, *shift = random.uniform(-1, 1, 4)
        for frame in range(frames):
            path = clip_folder / f'{number}_{frame}.png'
            if not path.exists():
                t = frame / (frames - 1) - 0.5
                matrix = cv2.getRotationMatrix2D((size[0] / 2, size[1] / 2), 8 * turn * t,
                                                 1 + 0.1 * zoom * t)
                matrix[:, 2] += 0.1 * max(size) * np.array(shift) * t
                moved = cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REFLECT)
                moved = moved + random.normal(0, 4, moved.shape)  # a sensor's noise
                cv2.imwrite(str(path), moved.clip(0, 255).astype(np.uint8))
            rows.append((f'clips/{path.name}', size, number, frame / 15, f'clip {number}'))
    sizes = np.array([r[1] for r in rows])
    return People(files=[r[0] for r in rows], root=root, sizes=sizes,
                  boxes=np.concatenate([np.zeros_like(sizes), sizes], 1).astype(np.float32),
                  clip=np.array([r[2] for r in rows]), time=np.array([r[3] for r in rows]),
                  track=np.zeros(len(rows), int), sources=[r[4] for r in rows])


def labelled(target: str, data: Path) -> tuple[People, np.ndarray]:
    """The first TESTED test images, and (N, K, 3) their labels."""
    root = data / TARGETS[target]['root']
    content = json.loads((root / 'annotations/test.json').read_text(encoding='utf-8'))
    labels = {a['image_id']: a['keypoints'] for a in content['annotations']}
    images = [i for i in content['images'] if i['id'] in labels][:TESTED]
    sizes = np.array([(i['width'], i['height']) for i in images])
    people = People(
        files=[f'images/test/{i["file_name"]}' for i in images], root=root, sizes=sizes,
        boxes=np.concatenate([np.zeros_like(sizes), sizes], 1).astype(np.float32),
        clip=np.full(len(images), -1), time=np.zeros(len(images)),
        track=np.zeros(len(images), int), sources=[i['file_name'] for i in images])
    return people, np.array([labels[i['id']] for i in images], float).reshape(len(images), -1, 3)


def predicted(target: str, checkpoint: Path, data: Path, work: Path, out: Path) -> None:
    """Keep predictions of the held-back people and of all labelled ones in ``out``."""
    files = out.with_suffix('.npz'), out.with_name(out.name + '_truth.npz')
    if all(f.exists() for f in files):
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    predictor = Predictor(plain_config(TARGETS[target]['source'], data, work), checkpoint)
    predict_people(predictor, held_back(target, data)).save(files[0])
    predict_people(predictor, labelled(target, data)[0], ()).save(files[1])


def scores(target: str, before: Path, after: Path, data: Path) -> dict[str, list[float]]:
    """The truth: PCK of two :func:`predicted` models on all labelled people."""
    people, labels = labelled(target, data)
    pair = [Predictions.load(p.with_name(p.name + '_truth.npz')) for p in (before, after)]
    return {f'PCK@{t}': [round(pck(p.points, labels, people.sizes, t), 3) for p in pair]
            for t in (0.05, 0.1)}


def certainty(target: str, before: Path, after: Path, data: Path, singles: int = 90,
              samples: int = 2000) -> dict:
    """How well the change of PCK@0.05 is known.

    Returns:
        dict: ``interval``, 90 %, from resampled labelled images; ``held_back``, the change on
        those of them that the verdict sees without labels.
    """
    people, labels = labelled(target, data)
    there = labels[..., 2] > 0
    hits = []
    for path in (before, after):
        points = Predictions.load(path.with_name(path.name + '_truth.npz')).points
        distance = np.linalg.norm(points - labels[..., :2], axis=-1)
        hits.append(((distance <= 0.05 * people.sizes.max(1)[:, None]) & there).sum(1))
    change, count = (hits[1] - hits[0]).astype(float), there.sum(1).astype(float)
    weights = np.random.default_rng(0).multinomial(
        len(change), np.full(len(change), 1 / len(change)), size=samples)
    low, high = np.quantile(100 * (weights @ change) / (weights @ count), (0.05, 0.95))
    return dict(interval=[round(float(low), 3), round(float(high), 3)],
                held_back=round(100 * float(change[:singles].sum() / count[:singles].sum()), 3))


def pck(points: np.ndarray, labels: np.ndarray, sizes: np.ndarray, threshold: float) -> float:
    """Percent of labelled joints within ``threshold`` of the box's longer side."""
    distance = np.linalg.norm(points - labels[..., :2], axis=-1) / sizes.max(1)[:, None]
    return 100 * float((distance <= threshold)[labels[..., 2] > 0].mean())


def run_one(name: str, data: Path, work: Path) -> list[dict]:
    """Train a run unless done, predict, and return a record without verdict per snapshot."""
    target, checkpoint, setting, seed = plan = next(p for p in PLAN if run_name(*p) == name)
    folder = work / 'runs' / name
    start = work / 'before' / f'{target}-{checkpoint}-seed{seed}'
    source = source_folder(TARGETS[target]['source'], seed, work) / f'iter_{checkpoint}.pth'
    predicted(target, source, data, work, start)
    records = []
    for at, weights, training in models(plan, source, data, work, folder):
        out = folder / f'after_{at}'
        if weights is not None:
            predicted(target, weights, data, work, out)
            weights.unlink()
        records.append(dict(
            run=name, target=target, gap=TARGETS[target]['gap'], seed=seed, start=str(checkpoint),
            setting=setting, iterations=at, truth=scores(target, start, out, data),
            kind='trained' if setting in SETTINGS else 'weights',
            harmful={**SETTINGS, **WEIGHTS}[setting].get('harmful', False),
            files=[str(p.relative_to(work)) + '.npz' for p in (start, out)], **training))
    return records


def models(plan, source: Path, data: Path, work: Path, folder: Path):
    """(iterations, weights of the plain model or None if predicted already, what was trained)."""
    target, checkpoint, setting, seed = plan
    folder.mkdir(parents=True, exist_ok=True)
    if setting in WEIGHTS:
        there = (folder / 'after_0_truth.npz').exists()
        yield 0, None if there else change_weights(
            target, source, setting, seed, data, work, folder / 'plain_0.pth'), {}
        return
    done = folder / 'training.json'
    if not done.exists():
        write_json(done, adapt(target, checkpoint, setting, seed, data, work, folder))
    training = json.loads(done.read_text(encoding='utf-8'))
    at = SETTINGS[setting]['iters']
    saved = folder / f'iter_{at}.pth'
    if (folder / f'after_{at}_truth.npz').exists():
        yield at, None, training
    elif saved.exists():  # else the training was stopped before
        yield at, plain_weights(saved, folder / f'plain_{at}.pth'), training
        saved.unlink()
