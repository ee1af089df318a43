"""Sheets of pictures made while training."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from torch import Tensor


def rgb_images(images: Tensor) -> np.ndarray:
    """(N, 3, H, W) RGB in [0, 1] to (N, H, W, 3) uint8."""
    return (images.float() * 255).round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()


def save_sheet(runner, name: str, rows: Sequence[Sequence[np.ndarray]], scale: int = 1) -> None:
    """Write rows of RGB images to the work directory and to the visualizer's backends.

    The file is ``work_dir/vis_data/{name}/iter_000500.png``.

    Args:
        runner (Runner): The runner.
        name (str): Name of the folder and of the visualizer's image.
        rows (Sequence[Sequence[np.ndarray]]): Images (H, W, 3) uint8 of one size; shorter rows
            are filled with black.
        scale (int): Enlargement. Defaults to 1.
    """
    strips = [np.concatenate(row, 1) for row in rows]
    width = max(strip.shape[1] for strip in strips)
    sheet = np.concatenate([np.pad(s, ((0, 0), (0, width - s.shape[1]), (0, 0))) for s in strips])
    if scale > 1:
        sheet = cv2.resize(sheet, None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST)
    path = Path(runner.work_dir) / f'vis_data/{name}/iter_{runner.iter + 1:06d}.png'
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), sheet[..., ::-1])
    runner.visualizer.add_image(name, sheet, step=runner.iter + 1)
