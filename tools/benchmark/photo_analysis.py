"""Where a model is right on labelled photographs: by attitude, sides and confidence.

    python tools/benchmark/photo_analysis.py CONFIG CHECKPOINT --out FILE
    python tools/benchmark/photo_analysis.py CONFIG CHECKPOINT --loader val    # 300 of `train`

Upside down: the labelled neck is below the middle of the labelled hips. Sides: the predicted left
shoulder is on the same side of the body's axis as the labelled one. Confidence: deciles of all
joints' confidences, from the lowest, with the share of correct predictions in each; what a
threshold on pseudo-labels would keep. For analysis only: nothing may be chosen on the test images.
"""
from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

THRESHOLDS = (0.05, 0.1)
#: The 12 limb joints of LSP
LIMBS = list(range(12))


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', type=Path)
    parser.add_argument('checkpoint')
    parser.add_argument('--loader', choices=('test', 'val'), default='test')
    parser.add_argument('--joints', type=int, nargs='+', default=LIMBS,
                        help='scored joints (default: the 12 limb joints of LSP)')
    parser.add_argument('--out', type=Path, help='JSON; default: print')
    return parser.parse_args()


def compared(cfg, checkpoint: str, loader: str = 'test') -> Iterator[tuple]:
    """A model's predictions beside the labels, one person after the other.

    Args:
        cfg (Config): Of the plain model.
        checkpoint (str): Its weights.
        loader (str): ``'test'`` or ``'val'``: the data loader whose images are predicted.

    Yields:
        tuple: The sample, the joints' numbers by name, predicted minus true points (J, 2) as a
        fraction of the input's longer side, which joints are labelled (J,).
    """
    import torch
    from mmengine.runner import Runner

    from udapose.apis import init_model
    model = init_model(cfg, checkpoint, device='cuda' if torch.cuda.is_available() else 'cpu')
    data = Runner.build_dataloader(cfg[f'{loader}_dataloader'])
    for batch in data:
        with torch.no_grad():
            samples = model.test_step(batch)
        for sample in samples:
            truth = sample.gt_instances
            size = np.asarray(sample.input_size, np.float64)
            moved = np.asarray(sample.pred_instances.keypoints[0]) - np.asarray(
                truth.keypoints[0], np.float64)
            visible = np.asarray(truth.keypoints_visible[0])
            yield (sample, data.dataset.metainfo['keypoint_name2id'],
                   moved / np.asarray(sample.input_scale) * size / size.max(),
                   (visible[..., 0] if visible.ndim == 2 else visible) > 0)


def judge(config: Path, checkpoint: str, loader: str) -> dict[str, np.ndarray]:
    """Predictions on all images of a config's data loader.

    Returns:
        dict[str, np.ndarray]: ``error`` (N, J) as a fraction of the input's longer side,
        ``confidence`` (N, J), ``labelled`` (N, J) bool, ``down`` (N,) bool: upside down,
        ``sides`` (N,) bool: left and right as labelled.
    """
    from mmengine.config import Config
    found: dict[str, list] = dict(error=[], confidence=[], labelled=[], down=[],
                                   sides=[])
    for sample, names, moved, labelled in compared(Config.fromfile(config), checkpoint, loader):
        points = np.asarray(sample.gt_instances.keypoints[0], np.float64)
        predicted = sample.pred_instances
        found['error'].append(np.linalg.norm(moved, axis=-1))
        found['confidence'].append(np.asarray(predicted.keypoint_scores[0]))
        found['labelled'].append(labelled)
        found['down'].append(upside_down(points, names))
        found['sides'].append(
            facing(np.asarray(predicted.keypoints[0], np.float64), names)
            * facing(points, names) > 0)
    return {key: np.array(value) for key, value in found.items()}


def upside_down(points: np.ndarray, names: dict[str, int]) -> bool:
    """Whether the neck is below the middle of the hips."""
    return points[names['neck'], 1] > points[[names['left_hip'], names['right_hip']], 1].mean()


def facing(points: np.ndarray, names: dict[str, int]) -> float:
    """On which side of the axis from hips to neck the left shoulder is: its sign; 0 on it."""
    hips = (points[names['left_hip']] + points[names['right_hip']]) / 2
    axis = points[names['neck']] - hips
    across = points[names['left_shoulder']] - points[names['right_shoulder']]
    return axis[0] * across[1] - axis[1] * across[0]


def score(error: np.ndarray, labelled: np.ndarray, joints: list[int]) -> dict[str, float]:
    """Mean over joints of the percentage of correct ones, per threshold."""
    error, labelled = error[:, joints], labelled[:, joints]
    counts = labelled.sum(0)
    return {f'PCK@{t:g}': round(float(np.mean(
        100 * ((error <= t) & labelled).sum(0)[counts > 0] / counts[counts > 0])), 2)
        for t in THRESHOLDS}


def by_attitude(found: dict[str, np.ndarray], joints: list[int]) -> dict[str, dict]:
    """Scores of all images, of upright people and of those upside down."""
    parts = dict(all=np.ones(len(found['down']), bool), upright=~found['down'],
                 upside_down=found['down'])
    return {name: dict(images=int(chosen.sum()), sides=round(100 * float(
                           found['sides'][chosen].mean()), 1),
                       **score(found['error'][chosen], found['labelled'][chosen], joints))
            for name, chosen in parts.items() if chosen.any()}


def by_confidence(found: dict[str, np.ndarray], joints: list[int], bins: int = 10) -> list[dict]:
    """Share of correct predictions per quantile of the confidence, from the lowest."""
    known = found['labelled'][:, joints]
    error, confidence = (found[key][:, joints][known] for key in ('error', 'confidence'))
    parts = np.array_split(np.argsort(confidence, kind='stable'), bins)
    return [dict(confidence=round(float(confidence[part].mean()), 4),
                 **{f'precision@{t:g}': round(100 * float((error[part] <= t).mean()), 1)
                    for t in THRESHOLDS}) for part in parts if len(part)]


def main() -> None:
    args = parse_args()
    import udapose  # noqa: F401  (before anything of MMPose's)
    found = judge(args.config, args.checkpoint, args.loader)
    result = dict(attitude=by_attitude(found, args.joints),
                  confidence=by_confidence(found, args.joints))
    text = json.dumps(result, indent=1)
    if args.out:
        args.out.write_text(text + '\n', encoding='utf-8')
    else:
        sys.stdout.write(text + '\n')


if __name__ == '__main__':
    main()
