"""Does a model miss its joints to one side? Scores with and without each joint's mean offset.

    python tools/benchmark/joint_offsets.py CONFIG CHECKPOINT [CHECKPOINT ...] --cfg-options ...

Predicts the config's test set. Self-training without labels can move a joint a little to one side
in every round: each single label looks right, and the score falls all the same. Prints, for each
checkpoint, PCK@0.05 of the input's longer side, the length of the joints' mean offsets in input
pixels (of predictions within 0.125 of the side), and the PCK once these offsets are subtracted.
"""
from __future__ import annotations

import argparse

import numpy as np
from mmengine.config import Config, DictAction
from photo_analysis import compared

THRESHOLD, NEAR = 0.05, 0.125


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', help='of a plain model, or of its training')
    parser.add_argument('checkpoints', nargs='+')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={})
    return parser.parse_args()


def offsets(error: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """Mean error of each joint where it is near, (J, 2).

    Args:
        error (np.ndarray): (N, J, 2), predicted minus true, as a fraction of the side.
        labelled (np.ndarray): (N, J) bool.
    """
    near = labelled & (np.linalg.norm(error, axis=-1) < NEAR)
    count = np.maximum(near.sum(0), 1)[:, None]
    return np.where(near[..., None], error, 0).sum(0) / count


def pck(error: np.ndarray, labelled: np.ndarray) -> float:
    """Percent of the labelled joints within the threshold."""
    return 100 * float((np.linalg.norm(error, axis=-1) <= THRESHOLD)[labelled].mean())


def errors(cfg: Config, checkpoint: str) -> tuple[np.ndarray, np.ndarray, int]:
    """Predicted minus true as a fraction of the side (N, J, 2), labelled (N, J), the side."""
    error, labelled, side = [], [], 0
    for sample, _, moved, seen in compared(cfg, checkpoint):
        error.append(moved)
        labelled.append(seen)
        side = max(sample.input_size)
    return np.array(error), np.array(labelled), side


def main() -> None:
    import udapose  # noqa: F401  (before anything of MMPose's)
    args = parse_args()
    cfg = Config.fromfile(args.config)
    cfg.merge_from_dict(args.cfg_options)
    for checkpoint in args.checkpoints:
        error, labelled, side = errors(cfg, checkpoint)
        mean = offsets(error, labelled)
        x, y = side * mean.mean(0)
        print(f'{checkpoint}: PCK@{THRESHOLD} {pck(error, labelled):.1f}; mean offset '
              f'{side * np.linalg.norm(mean, axis=-1).mean():.2f} px (all joints together '
              f'{x:+.2f}, {y:+.2f}); without offsets {pck(error - mean, labelled):.1f}')


if __name__ == '__main__':
    main()
