"""Proof that ``model.onnx`` with its decoder predicts what the PyTorch model predicts."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from mmpose.utils.tensor_utils import to_numpy
from torch import nn

from .network import Network
from .pose_onnx import OnnxPose, decode

#: Largest difference of a decoded keypoint, in pixels of the network's input.
LIMIT = 0.1
#: Largest difference of a raw output, as a share of the largest one.
RAW_LIMIT = 1e-3
FRAMES = 50


def compare(model: nn.Module, network: Network, folder: Path,
            frames: Sequence[np.ndarray] | None = None) -> dict:
    """Run frames through PyTorch with MMPose's codec, and through onnxruntime with our decoder.

    Where an output has two nearly equal peaks, rounding decides which one is the highest. Such
    keypoints are not determined by the model; they are counted, and not compared.

    Args:
        model (nn.Module): The plain model, in evaluation mode on the CPU.
        network (Network): Around it.
        folder (Path): With ``model.onnx`` and ``deploy.json``.
        frames (Sequence[np.ndarray], optional): (height, width, 3) uint8 BGR of any size; by
            default 50 random images.

    Returns:
        dict: ``frames``, ``keypoints``, ``undetermined`` (int), ``largest_px`` and
        ``mean_px`` (float).

    Raises:
        RuntimeError: By how much they differ.
    """
    pose = OnnxPose(folder)
    spec = pose.description['input']
    crops = _crops(frames, spec['width'], spec['height'])
    preprocess = model.data_preprocessor
    found, expected, loose = [], [], []
    for i, size in _batches(len(crops)):
        part = crops[i:i + size]
        raw = pose.run(part)
        inputs = preprocess.cast_data([torch.from_numpy(c).permute(2, 0, 1) for c in part])
        with torch.no_grad():
            images = _preprocessed(preprocess, inputs).float()
            reference = [x.numpy() for x in network(images)]
            truth = _decoded_by_mmpose(model, images)
        _require_raw(raw, reference, pose.description['outputs'])
        found.append(decode(raw, pose.description)[0])
        expected.append(truth)
        loose.append(_undetermined(raw, reference, pose.description))
    found, expected, loose = (np.concatenate(x) for x in (found, expected, loose))
    distance = np.linalg.norm(found - expected, axis=-1)
    largest = float(distance[~loose].max(initial=0.))
    if not largest < LIMIT:
        n = int((distance[~loose] >= LIMIT).sum())
        raise RuntimeError(
            f'{n} of {distance.size} keypoints from the ONNX file differ from PyTorch\'s, by up to '
            f'{largest:.3g} pixels of the input (allowed: {LIMIT}). Nothing was written')
    mean = float(distance[~loose].mean()) if (~loose).any() else 0.
    return dict(frames=len(crops), keypoints=int(distance.size), undetermined=int(loose.sum()),
                largest_px=round(largest, 6), mean_px=round(mean, 6))


def _crops(frames, width: int, height: int) -> np.ndarray:
    """(N, height, width, 3) uint8."""
    if frames is None:  # large and small structures, so that joints have something to choose from
        rng = np.random.default_rng(0)
        frames = [rng.integers(0, 256, (n, n, 3), np.uint8)
                  for n in (3 + np.arange(FRAMES) % 30).tolist()]
    return np.stack([cv2.resize(f, (width, height), interpolation=cv2.INTER_CUBIC)
                     for f in frames])


def _batches(total: int):
    """Start and size: first a single image, then batches of seven; the last may be smaller."""
    yield 0, 1
    yield from ((i, 7) for i in range(1, total, 7))


def _preprocessed(preprocess: nn.Module, inputs: list) -> torch.Tensor:
    from mmpose.structures import PoseDataSample
    samples = [PoseDataSample() for _ in inputs]
    return preprocess(dict(inputs=inputs, data_samples=samples))['inputs']


def _decoded_by_mmpose(model: nn.Module, images: torch.Tensor) -> np.ndarray:
    """(N, K, 2) pixels of the input, through the head's own ``predict``."""
    feats = model.extract_feat(images)
    test_cfg = {k: v for k, v in (model.test_cfg or {}).items() if k != 'output_keypoint_indices'}
    test_cfg.update(flip_test=False, output_heatmaps=False)
    instances = model.head.predict(feats, [None] * len(images), test_cfg=test_cfg)
    points = np.stack([to_numpy(i.keypoints)[0, :, :2] for i in instances])
    indices = (model.test_cfg or {}).get('output_keypoint_indices')
    return points if indices is None else points[:, indices]


def _require_raw(raw: list, reference: list, names: list[str]) -> None:
    for name, a, b in zip(names, raw, reference, strict=True):
        largest = float(np.abs(b).max())
        if a.shape != b.shape or not np.abs(a - b).max() <= RAW_LIMIT * max(largest, 1e-6):
            by = f'by {np.abs(a - b).max():.3g}, where the largest value is {largest:.3g}' \
                if a.shape == b.shape else f'in shape: {a.shape} instead of {b.shape}'
            raise RuntimeError(f'the ONNX file\'s output {name} differs from PyTorch\'s {by}. '
                               'Nothing was written')


def _undetermined(raw: list, reference: list, description: dict) -> np.ndarray:
    """(N, K): whether rounding moves the joint, or it has no position.

    The decoder is given PyTorch's outputs with noise of the size of the differences seen.
    """
    points, scores = decode(reference, description)
    loose = scores <= 0 if description['decoder']['kind'] != 'points' else \
        np.zeros(scores.shape, bool)
    rng = np.random.default_rng(0)
    for _ in range(4):
        noisy = []
        for a, b in zip(raw, reference, strict=True):
            size = 2 * np.abs(a - b).max() + 1e-6 * np.abs(b).max()
            noisy.append((b + rng.uniform(-size, size, b.shape)).astype(np.float32))
        moved = np.linalg.norm(decode(noisy, description)[0] - points, axis=-1)
        loose |= moved >= LIMIT / 2
    return loose
