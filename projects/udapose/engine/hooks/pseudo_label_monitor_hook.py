"""Warnings when pseudo-labels collapse."""
from __future__ import annotations

import logging

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmpose.registry import HOOKS


@HOOKS.register_module()
class PseudoLabelMonitorHook(Hook):
    """Warn when pseudo-labels are useless: none or all accepted, or peaks that never move.

    Reads what MMEngine has logged already (``pseudo_coverage``, ``pseudo_confidence``,
    ``pseudo_spread``), so it adds no host synchronisation.

    Args:
        interval (int): In iterations. Defaults to 100.
        window (int): Number of iterations averaged. Defaults to 50.
        min_coverage (float): Accepted share below which to warn. Defaults to 0.02.
        max_coverage (float): Accepted share above which to warn; 1 never warns. Defaults to 0.98.
        min_spread (float): Standard deviation of the teacher's peaks over a batch, as a fraction
            of the heatmap's side, below which to warn. Defaults to 0.02.
    """

    priority = 'LOW'

    def __init__(self, interval: int = 100, window: int = 50, min_coverage: float = 0.02,
                 max_coverage: float = 0.98, min_spread: float = 0.02) -> None:
        self.interval, self.window = interval, window
        self.min_coverage, self.max_coverage = min_coverage, max_coverage
        self.min_spread = min_spread

    def before_train(self, runner) -> None:
        """Say if there is nothing to watch."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        if not getattr(model, 'uses_teacher', False):
            print_log(f'PseudoLabelMonitorHook watches nothing: {type(model).__name__} makes no '
                      'pseudo-labels here', logger='current')

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Look at the window's means every ``interval`` iterations."""
        scalars = runner.message_hub.log_scalars
        if not self.every_n_train_iters(runner, self.interval) or \
                'train/pseudo_coverage' not in scalars:
            return
        coverage = scalars['train/pseudo_coverage'].mean(self.window)
        at = f'iteration {runner.iter + 1}:'
        if coverage < self.min_coverage:
            self._warn(f'{at} only {coverage:.1%} of the pseudo-labels are accepted, so the target '
                       'images teach nothing. Lower train_cfg.min_confidence or '
                       'confidence_quantile, or train the source model longer')
        elif coverage > self.max_coverage:
            self._warn(f'{at} {coverage:.1%} of the pseudo-labels are accepted, wrong ones too. '
                       'Raise train_cfg.confidence_quantile')
        if 'train/pseudo_spread' not in scalars:  # one image a batch
            return
        spread = scalars['train/pseudo_spread'].mean(self.window)
        if spread < self.min_spread:
            self._warn(f'{at} the teacher puts its peaks at nearly the same place in all images '
                       f'(spread {spread:.3f} of the side): it has collapsed. Lower the '
                       'consistency weight or the EMA momentum, or start from a better model')

    @staticmethod
    def _warn(message: str) -> None:
        print_log(message, logger='current', level=logging.WARNING)
