"""Pictures of pseudo-labels while training."""
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmpose.registry import HOOKS
from torch import Tensor, nn


@HOOKS.register_module()
class PseudoLabelVisualizationHook(Hook):
    """Draw labelled source images, the teacher's view and the student's view.

    Row 1: source inputs with the labels' peaks; row 2: the teacher's view with its peaks; row 3:
    the student's view with the pseudo-labels, accepted ones filled, rejected ones hollow. Written
    to ``work_dir/vis_data/pseudo_labels/iter_000500.png`` and so on, and to the visualizer's
    backends (TensorBoard).

    Args:
        interval (int): In iterations. Defaults to 500.
        max_samples (int): Images per row. Defaults to 8.
        scale (int): Enlargement of the inputs. Defaults to 3.

    Raises:
        TypeError: The model keeps no batches.
    """

    priority = 'LOW'

    def __init__(self, interval: int = 500, max_samples: int = 8, scale: int = 3) -> None:
        self.interval, self.max_samples, self.scale = interval, max_samples, scale
        self.due = False

    def before_train(self, runner) -> None:
        """Refuse models that keep no batches."""
        model = _unwrap(runner.model)
        if not hasattr(model, 'run_state'):
            raise TypeError('PseudoLabelVisualizationHook needs a model with pseudo-labels, such '
                            f'as MeanTeacherPoseEstimator; got {type(model).__name__}')
        if not getattr(model, 'uses_teacher', True):
            print_log('PseudoLabelVisualizationHook draws nothing: the model makes no '
                      'pseudo-labels (no consistency, no term that needs them)', logger='current')

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        """Ask the model to keep this batch if a picture is due."""
        self.due = is_main_process() and self.every_n_train_iters(runner, self.interval)
        if self.due:
            _unwrap(runner.model).run_state.batch_wanted = True

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Draw the batch."""
        model = _unwrap(runner.model)
        # no pseudo-labels in a first phase on source images, or in adversarial training alone
        if not self.due or getattr(model.run_state.last_batch, 'pseudo', None) is None:
            return
        sheet = self.draw(model)
        path = Path(runner.work_dir) / f'vis_data/pseudo_labels/iter_{runner.iter + 1:06d}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), sheet[..., ::-1])
        runner.visualizer.add_image('pseudo_labels', sheet, step=runner.iter + 1)

    @torch.no_grad()
    def draw(self, model) -> np.ndarray:
        """The sheet of the model's last batch as (H, W, 3) RGB uint8."""
        batch, count = model.run_state.last_batch, self.max_samples
        readout = batch.readout
        ratio = torch.as_tensor(readout.scale_factor)
        preprocessor = model.data_preprocessor
        preprocessor = getattr(preprocessor, 'data_preprocessor', preprocessor)
        rows = []
        if batch.source is not None:
            rows.append((batch.source.inputs, readout.label_points(
                batch.source.samples[:count]).cpu() * ratio, None))
        teacher_points = readout.points(batch.teacher.output)[0][:count].cpu()
        rows += [(batch.teacher.inputs, teacher_points * ratio, None),
                 (batch.target.inputs, batch.pseudo.points[:count].cpu(),
                  batch.pseudo.weights[:count] > 0)]
        strips = []
        for images, points, filled in rows:
            filled = torch.ones_like(points[..., 0]) if filled is None else filled
            images = to_rgb(images[:count], preprocessor)
            strips.append(np.concatenate([
                self._tile(image, joints, solid) for image, joints, solid in zip(
                    images, points.tolist(), filled.tolist(), strict=True)], 1))
        width = max(s.shape[1] for s in strips)  # the domains may differ in number
        return np.concatenate(
            [np.pad(s, ((0, 0), (0, width - s.shape[1]), (0, 0))) for s in strips])

    def _tile(self, image: np.ndarray, joints: list, filled: list) -> np.ndarray:
        """One enlarged image with its joints, coloured by index."""
        tile = np.ascontiguousarray(cv2.resize(image, None, fx=self.scale, fy=self.scale))
        for j, ((x, y), solid) in enumerate(zip(joints, filled, strict=True)):
            if not np.isfinite([x, y]).all():
                continue
            hue = np.uint8([[[180 * j // len(joints), 220, 255]]])
            color = tuple(int(c) for c in cv2.cvtColor(hue, cv2.COLOR_HSV2RGB)[0, 0])
            # integers are pixel centres, before and after the enlargement
            centre = [round((v + 0.5) * self.scale - 0.5) for v in (x, y)]
            cv2.circle(tile, centre, self.scale + 1, color, -1 if solid else 1, cv2.LINE_AA)
        return tile


def to_rgb(inputs: Tensor, preprocessor: nn.Module) -> np.ndarray:
    """Undo a ``PoseDataPreprocessor``: (N, 3, H, W) inputs to (N, H, W, 3) RGB uint8 images.

    Images are loaded as BGR, so a preprocessor that exchanges no channels leaves them so.
    """
    images = inputs.float()
    if getattr(preprocessor, 'mean', None) is not None:
        images = images * preprocessor.std + preprocessor.mean
    if not preprocessor._channel_conversion:
        images = images.flip(1)
    return images.round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()


def _unwrap(model):
    return model.module if is_model_wrapper(model) else model
