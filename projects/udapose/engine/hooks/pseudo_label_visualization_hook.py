"""Pictures of pseudo-labels while training."""
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmpose.registry import HOOKS
from torch import Tensor

from ...models.utils.pseudo_label import heatmap_peaks


@HOOKS.register_module()
class PseudoLabelVisualizationHook(Hook):
    """Draw labelled source images, the teacher's view and the student's view.

    Row 1: source inputs with the labels' peaks; row 2: the teacher's view with its peaks; row 3:
    the student's view with the pseudo-labels, accepted ones filled, rejected ones hollow. Written
    to ``work_dir/vis_data/pseudo_labels/`` and to the visualizer's backends (TensorBoard).

    Args:
        interval (int): In iterations. Defaults to 500.
        max_samples (int): Images per row. Defaults to 8.
        scale (int): Enlargement of the inputs. Defaults to 3.
    """

    priority = 'LOW'

    def __init__(self, interval: int = 500, max_samples: int = 8, scale: int = 3) -> None:
        self.interval, self.max_samples, self.scale = interval, max_samples, scale

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        """Ask the model to keep this batch if a picture is due."""
        if is_main_process():
            _unwrap(runner.model).keep_last_batch = self.every_n_train_iters(runner, self.interval)

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Draw and release the batch."""
        model = _unwrap(runner.model)
        if not getattr(model, 'keep_last_batch', False) or model.last_batch is None:
            return
        sheet = self.draw(model)
        model.keep_last_batch, model.last_batch = False, None
        path = Path(runner.work_dir) / f'vis_data/pseudo_labels/iter_{runner.iter + 1:06d}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), sheet[..., ::-1])
        runner.visualizer.add_image('pseudo_labels', sheet, step=runner.iter + 1)

    @torch.no_grad()
    def draw(self, model) -> np.ndarray:
        """The sheet of the model's last batch as (H, W, 3) RGB uint8."""
        batch, count = model.last_batch, self.max_samples
        ratio = torch.as_tensor(model.student.head.decoder.scale_factor)
        preprocessor = model.data_preprocessor
        preprocessor = getattr(preprocessor, 'data_preprocessor', preprocessor)
        labels = torch.stack([s.gt_fields.heatmaps for s in batch['source_samples'][:count]])
        label_peaks, label_values = heatmap_peaks(labels.float())
        teacher_peaks, _ = heatmap_peaks(batch['teacher_heatmaps'][:count])
        accepted = batch['pseudo_weights'][:count] > 0
        rows = [(batch['source_inputs'], label_peaks, label_values > 0.1),
                (batch['teacher_inputs'], teacher_peaks, torch.ones_like(accepted)),
                (batch['target_inputs'], batch['pseudo_keypoints'][:count], accepted)]
        return np.concatenate([self._row(images[:count], points.cpu() * ratio, filled.cpu(),
                                         preprocessor) for images, points, filled in rows])

    def _row(self, images: Tensor, points: Tensor, filled: Tensor, preprocessor) -> np.ndarray:
        images = images.float().cpu() * preprocessor.std.cpu() + preprocessor.mean.cpu()
        tiles = []
        for image, joints, fill in zip(images, points.tolist(), filled.tolist(), strict=True):
            tile = image.clamp(0, 255).byte().permute(1, 2, 0).numpy()
            tile = np.ascontiguousarray(cv2.resize(tile, None, fx=self.scale, fy=self.scale))
            for j, ((x, y), solid) in enumerate(zip(joints, fill, strict=True)):
                hue = np.uint8([[[180 * j // len(joints), 220, 255]]])
                color = tuple(int(c) for c in cv2.cvtColor(hue, cv2.COLOR_HSV2RGB)[0, 0])
                centre = (round((x + 0.5) * self.scale), round((y + 0.5) * self.scale))
                cv2.circle(tile, centre, self.scale + 1, color, -1 if solid else 1, cv2.LINE_AA)
            tiles.append(tile)
        return np.concatenate(tiles, 1)


def _unwrap(model):
    return model.module if is_model_wrapper(model) else model
