"""Pictures of what the domain discriminator sees."""
from __future__ import annotations

import cv2
import numpy as np
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmpose.registry import HOOKS

from .pseudo_label_visualization_hook import to_rgb
from .sheets import save_sheet


@HOOKS.register_module()
class DomainMapVisualizationHook(Hook):
    """Draw the discriminator's map over source (row 1) and target (row 2) images.

    Blue: taken for source, red: taken for target, uncoloured: undecided. Written to
    ``work_dir/vis_data/domain_maps/`` and to the visualizer's backends.

    Without an adversarial term it says so and draws nothing, so that a config whose term was
    switched off (``alignments.feature=None``) still runs.

    Args:
        interval (int): In iterations. Defaults to 500.
        max_samples (int): Images per row. Defaults to 8.
        scale (int): Enlargement. Defaults to 2.
    """

    priority = 'LOW'

    def __init__(self, interval: int = 500, max_samples: int = 8, scale: int = 2) -> None:
        self.interval, self.max_samples, self.scale = interval, max_samples, scale

    def before_train(self, runner) -> None:
        """Find the adversarial terms."""
        self.model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        self.terms = {name: term for name, term in getattr(self.model, 'alignments', {}).items()
                      if hasattr(term, 'last_maps')}
        if not self.terms:
            print_log('DomainMapVisualizationHook draws nothing: the model has no adversarial term '
                      'in its alignments', logger='current')

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        """Ask the model to keep this batch if a picture is due."""
        self.due = bool(self.terms) and is_main_process() and \
            self.every_n_train_iters(runner, self.interval)
        if self.due:
            self.model.run_state.batch_wanted = True

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Draw."""
        batch = self.model.run_state.last_batch if self.due else None
        if batch is None:  # not due, or in the first phase
            return
        preprocessor = self.model.data_preprocessor
        preprocessor = getattr(preprocessor, 'data_preprocessor', preprocessor)
        for name, term in self.terms.items():
            rows = []
            for inputs, maps in zip((batch.source.inputs, batch.target.inputs),
                                    term.last_maps, strict=True):
                images = to_rgb(inputs[:self.max_samples], preprocessor)
                maps = maps[:self.max_samples, 0].sigmoid().cpu().numpy()
                rows.append([_overlay(i, m) for i, m in zip(images, maps, strict=True)])
            folder = 'domain_maps' if len(self.terms) == 1 else f'domain_maps_{name}'
            save_sheet(runner, folder, rows, self.scale)


def _overlay(image: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Colour an image (H, W, 3) by the probability (h, w) of the target."""
    height, width = image.shape[:2]
    target = cv2.resize(target, (width, height), interpolation=cv2.INTER_LINEAR)[..., None]
    color = np.where(target > 0.5, [255, 40, 40], [40, 40, 255])
    strength = 0.7 * np.abs(2 * target - 1)
    return (image * (1 - strength) + color * strength).round().astype(np.uint8)
