"""A reference from outside: MediaPipe's BlazePose on the photographs of the suite photos2.

    python -m venv ../mediapipe_env && ../mediapipe_env/bin/pip install mediapipe==0.10.14
    ../mediapipe_env/bin/python tools/benchmark/outside_reference.py --photos path/to

With --record the result goes to docs/benchmarks/outside_reference.json and docs/real_photos.md.

Needs MediaPipe alone, in an environment of its own (it wants an older numpy than others). BlazePose
(arXiv 2006.10204) was trained by its authors on labelled photographs of real people; its weights,
of a later version than the paper's, are part of the package (Apache-2.0). It finds a person, then
33 points, of which 12 are LSP's limb joints. Where it finds nobody, all joints and the sides count
as wrong. The margin around a photograph, without which it misses people who touch the border, is
chosen by the labels of the first 300 photographs of `train`.

The photographs' flags (`unflagged`) are BlazePose's own doubts about the labels, so there is no
score on those without: it would favour BlazePose.
"""
from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from photo_analysis import LIMBS, by_attitude, facing, upside_down
from step_report import publish

ROOT = Path(__file__).resolve().parents[2]
MARKS = ('<!-- outside reference: written by tools/benchmark/outside_reference.py, do not edit -->',
         '<!-- outside reference: end -->')
#: BlazePose's number of each of LSP's first 12 joints: right ankle up to left wrist
JOINTS = [28, 26, 24, 23, 25, 27, 16, 14, 12, 11, 13, 15]
LSP = ['right_ankle', 'right_knee', 'right_hip', 'left_hip', 'left_knee', 'left_ankle',
       'right_wrist', 'right_elbow', 'right_shoulder', 'left_shoulder', 'left_elbow', 'left_wrist',
       'neck', 'head_top']
MARGINS = (0., 0.25, 0.5)


def read(root: Path, part: str, most: int | None = None) -> list[dict]:
    """Photographs of one part with their labels."""
    found = json.loads((root / f'{part}.json').read_text(encoding='utf-8'))
    labels = {label['image_id']: label for label in found['annotations']}
    return [dict(file=root / part / image['file_name'], size=max(image['width'], image['height']),
                 keypoints=np.reshape(labels[image['id']]['keypoints'], (-1, 3)))
            for image in found['images'][:most]]


def predict(model, file: Path, margin: float) -> np.ndarray | None:
    """The 12 points of one photograph in its pixels (12, 2), or None: nobody was found."""
    import cv2
    image = cv2.imread(str(file))
    if image is None:
        sys.exit(f'error: the photograph {file} is missing or damaged')
    image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    edge = round(margin * max(image.shape[:2]))
    image = cv2.copyMakeBorder(image, edge, edge, edge, edge, cv2.BORDER_REPLICATE)
    found = model.process(image).pose_landmarks
    if found is None:
        return None
    height, width = image.shape[:2]
    return np.array([(found.landmark[j].x * width, found.landmark[j].y * height)
                     for j in JOINTS]) - edge


def judge(model, photos: list[dict], margin: float) -> tuple[dict, int]:
    """Scores as those of the suite, and how many photographs gave nobody."""
    names = {name: i for i, name in enumerate(LSP)}
    found: dict[str, list] = dict(error=[], labelled=[], down=[], sides=[])
    nobody = 0
    for photo in photos:
        points, known = photo['keypoints'][:, :2], photo['keypoints'][:, 2] > 0
        predicted = predict(model, photo['file'], margin)
        nobody += predicted is None
        error, side = np.full(len(LSP), np.inf), False
        if predicted is not None:
            error[LIMBS] = np.linalg.norm(predicted - points[LIMBS], axis=-1) / photo['size']
            full = np.concatenate([predicted, [predicted[[8, 9]].mean(0)], [[0, 0]]])  # neck
            side = facing(full, names) * facing(points, names) > 0
        for key, value in dict(error=error, labelled=known, sides=side,
                               down=upside_down(points, names)).items():
            found[key].append(value)
    return by_attitude({key: np.array(value) for key, value in found.items()}, LIMBS), nobody


def table(result: dict) -> str:
    """Markdown of the scores on the test photographs."""
    metrics = ('PCK@0.05', 'PCK@0.1', 'sides')
    return '\n'.join([
        f'{result["model"]}, a margin of {result["margin"]:g} times the longer side around each '
        f'photograph; nobody found in {result["nobody"]} of {result["test"]["all"]["images"]} '
        '(all their joints and sides are wrong):\n',
        '| people | ' + ' | '.join(metrics) + ' |', '|---|---|---|---|',
        *(f'| {part.replace("_", " ")} ({scores["images"]}) | '
          + ' | '.join(f'{scores[metric]:.1f}' for metric in metrics) + ' |'
          for part, scores in result['test'].items()), ''])


def main() -> None:
    """Choose the margin on `train`, then score `test` once."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--photos', type=Path, required=True,
                        help='the folder that holds lspet_photos/')
    parser.add_argument('--record', action='store_true', help="the repository's own result")
    args = parser.parse_args()
    root = args.photos / 'lspet_photos'
    if not (root / 'test.json').exists():
        sys.exit(f'error: {root} has no test.json (docs/real_photos.md says what it holds)')
    import mediapipe
    with mediapipe.solutions.pose.Pose(static_image_mode=True, model_complexity=1) as model:
        known = read(root, 'train', 300)
        trials = {margin: judge(model, known, margin) for margin in MARGINS}
        margin = max(MARGINS, key=lambda m: trials[m][0]['all']['PCK@0.05'])
        scores, nobody = judge(model, read(root, 'test'), margin)
    result = dict(model=f'BlazePose full, MediaPipe {mediapipe.__version__}', margin=margin,
                  test=scores, nobody=nobody,
                  trials={str(m): dict(**s['all'], nobody=n) for m, (s, n) in trials.items()})
    publish(result, table(result), MARKS,
            *((ROOT / 'docs/benchmarks/outside_reference.json', ROOT / 'docs/real_photos.md')
              if args.record else ()))


if __name__ == '__main__':
    main()
