"""Pictures of where a vision transformer looks."""
from __future__ import annotations

import cv2
import numpy as np
import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmpose.registry import HOOKS
from torch import Tensor, nn

from ...models.pose_estimators.plain_models import trained_model
from ...models.utils.attention_maps import HEAT_MODES, attention_heat, check_attention
from .pseudo_label_visualization_hook import to_rgb
from .sheets import save_sheet


@HOOKS.register_module()
class AttentionVisualizationHook(Hook):
    """Draw the attention of the encoder, and of the auxiliary one, over images of both domains.

    Rows for each domain in the batch: images, encoder, auxiliary encoder (if the model has one).
    Bright and red: much attention; each heat map is scaled to its own maximum. The images are
    those of the first batch all the time, so that sheets can be compared; the first sheet,
    ``iter_000001``, is drawn before any update. Written to ``work_dir/vis_data/attention/`` and
    to the visualizer's backends.

    Works for models with one ``backbone``, for ``AttentionRegularizedPoseEstimator`` and for a
    mean teacher (the student's backbone; the auxiliary encoder is that of an
    ``AttentionRegularization`` term).

    Args:
        interval (int): In iterations. Defaults to 500.
        max_samples (int): Images per row. Defaults to 8.
        layer (int): Which layer, negative ones from the end. Defaults to -1.
        mode (str): ``'class_token'``, ``'received'`` or ``'auto'`` (default), see
            ``attention_heat``.
        scale (int): Enlargement. Defaults to 2.

    Raises:
        TypeError, ValueError: Before training: no vision transformer, no such layer or mode.
    """

    priority = 'LOW'

    def __init__(self, interval: int = 500, max_samples: int = 8, layer: int = -1,
                 mode: str = 'auto', scale: int = 2) -> None:
        if mode not in HEAT_MODES:
            raise ValueError('AttentionVisualizationHook: mode must be one of '
                             f'{HEAT_MODES}, got {mode!r}')
        self.interval, self.max_samples, self.scale = interval, max_samples, scale
        self.layer, self.mode = layer, mode
        self.images: dict[str, Tensor] | None = None

    def before_train(self, runner) -> None:
        """Find the encoders."""
        self.model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        self.encoders = encoders(self.model)
        for encoder in self.encoders:
            check_attention(encoder, [self.layer], self.mode == 'class_token')

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        """Keep the first batch's images and draw the attention of the start."""
        if self.images is None and is_main_process():
            self.images = self._images(data_batch)
            self._draw(runner)

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Draw if a picture is due."""
        if self.every_n_train_iters(runner, self.interval) and is_main_process():
            self._draw(runner)

    def _images(self, data_batch: dict) -> dict[str, Tensor]:
        """Normalised images by domain."""
        inputs = self.model.data_preprocessor(data_batch, False)['inputs']
        if isinstance(inputs, list):
            inputs = torch.stack(inputs)
        if not isinstance(inputs, dict):
            inputs = dict(source=inputs)
        names = [n for n in ('source', 'target_student') if n in inputs] or list(inputs)
        return {name: inputs[name][:self.max_samples].detach().clone() for name in names}

    def _draw(self, runner) -> None:
        preprocessor = self.model.data_preprocessor
        preprocessor = getattr(preprocessor, 'data_preprocessor', preprocessor)
        rows = []
        for images in self.images.values():
            pictures = to_rgb(images, preprocessor)
            rows.append(list(pictures))
            for encoder in self.encoders:
                was_training = encoder.training
                encoder.eval()
                heat = attention_heat(encoder, images, self.layer, self.mode)
                encoder.train(was_training)
                rows.append([overlay(p, h) for p, h in
                             zip(pictures, heat.cpu().numpy(), strict=True)])
        save_sheet(runner, 'attention', rows, self.scale)


def encoders(model: nn.Module) -> list[nn.Module]:
    """The encoder of a model and, if it has one, its auxiliary encoder."""
    inner = trained_model(model)
    if not hasattr(inner, 'backbone'):
        raise TypeError(f'AttentionVisualizationHook: {type(model).__name__} has no backbone to '
                        'look into: use it with a pose estimator, or remove the hook')
    found = [inner.backbone]
    if hasattr(model, 'auxiliary'):
        found.append(model.auxiliary)
    found += [term.encoder for term in getattr(model, 'alignments', {}).values()
              if hasattr(term, 'encoder')]
    if len(found) == 1:
        print_log('AttentionVisualizationHook: no auxiliary encoder, only one row of attention '
                  'per domain', logger='current')
    return found


def overlay(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A heat map (h, w), on its own scale, over an image (H, W, 3) RGB uint8."""
    height, width = image.shape[:2]
    heat = cv2.resize(heat.astype(np.float32) / max(float(heat.max()), 1e-12), (width, height),
                      interpolation=cv2.INTER_LINEAR)
    color = cv2.applyColorMap((heat * 255).round().clip(0, 255).astype(np.uint8),
                              cv2.COLORMAP_JET)[..., ::-1]
    return (0.5 * image + 0.5 * color).round().astype(np.uint8)
