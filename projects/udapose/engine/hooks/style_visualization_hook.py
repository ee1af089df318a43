"""Pictures of a style transfer network in training."""
from __future__ import annotations

import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmpose.registry import HOOKS

from ...models.style_transfer import AdaINStyleTransfer
from .sheets import rgb_images, save_sheet


@HOOKS.register_module()
class StyleTransferVisualizationHook(Hook):
    """Draw content images (row 1), style images (row 2) and the results (row 3).

    Written to ``work_dir/vis_data/style_transfer/iter_000500.png`` and so on, and to the
    visualizer's backends (TensorBoard).

    Args:
        interval (int): In iterations. Defaults to 500.
        max_samples (int): Images per row. Defaults to 8.
        scale (int): Enlargement. Defaults to 1.

    Raises:
        TypeError: The model is no ``AdaINStyleTransfer``.
    """

    priority = 'LOW'

    def __init__(self, interval: int = 500, max_samples: int = 8, scale: int = 1) -> None:
        self.interval, self.max_samples, self.scale = interval, max_samples, scale

    def before_train(self, runner) -> None:
        """Check the model."""
        self.model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        if not isinstance(self.model, AdaINStyleTransfer):
            raise TypeError('StyleTransferVisualizationHook draws an AdaINStyleTransfer in '
                            f'training, got {type(self.model).__name__}. For pose models, '
                            'AdaINStyleHook draws what it stylises')

    @torch.no_grad()
    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Stylise the batch once more and draw it."""
        if not is_main_process() or not self.every_n_train_iters(runner, self.interval):
            return
        inputs = self.model.data_preprocessor(data_batch)['inputs']
        inputs = {role: images[:self.max_samples] for role, images in inputs.items()}
        rows = [inputs['content'], inputs['style'], self.model(inputs)]
        save_sheet(runner, 'style_transfer', [[*rgb_images(row)] for row in rows], self.scale)
