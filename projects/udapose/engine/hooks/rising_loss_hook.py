"""Say when an adaptation makes the model forget what its labels taught."""
from __future__ import annotations

import logging

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmpose.registry import HOOKS


@HOOKS.register_module()
class RisingLossHook(Hook):
    """Warn when the supervised loss has risen well above where it was.

    An adaptation starts with a model that knows the labelled images. A step size that the optimizer
    cannot take, or a term of another scale, destroys that within some ten iterations, with finite
    losses all the way; what is trained afterwards starts from nothing. In the runs of this
    package's benchmarks (docs/benchmarks) that kept the model the loss never rose by more than a
    sixth, in those that lost it by half and more.

    Compared are means over ``window`` iterations with the lowest one before, which at first is that
    of the first ``first`` iterations. Reads what MMEngine has logged already, so nothing waits for
    the device. The lowest mean is kept in checkpoints.

    Args:
        loss (str): The logged value. Where it is not logged (no labelled images) or not positive,
            the hook does nothing. Defaults to ``'loss_kpt'``.
        factor (float): Warn above this multiple, above 1. Defaults to 1.3.
        first (int): Iterations of the first mean: a lost model may need no more than 50. Defaults
            to 10.
        window (int): Iterations of each later mean. Defaults to 50.

    Raises:
        ValueError: ``factor`` is not above 1, or a number of iterations is below 1.
    """

    priority = 'LOW'

    def __init__(self, loss: str = 'loss_kpt', factor: float = 1.3, first: int = 10,
                 window: int = 50) -> None:
        if not factor > 1 or first < 1 or window < 1:
            raise ValueError(f'RisingLossHook: factor={factor} must be above 1, first={first} and '
                             f'window={window} at least 1')
        self.loss, self.factor, self.first, self.window = loss, factor, first, window
        self._seen, self._lowest, self._said = 0, None, factor

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Compare the mean that is complete, if one is."""
        logged = runner.message_hub.log_scalars.get(f'train/{self.loss}')
        if logged is None:
            return
        self._seen += 1
        window = self.first if self._lowest is None else self.window
        if self._seen < window:
            return
        self._seen, mean = 0, float(logged.mean(window))
        if self._lowest is None or mean < self._lowest:
            self._lowest = mean
        elif 0 < self._lowest * self._said < mean:
            self._said = mean / self._lowest * self.factor  # again if it gets worse
            print_log(
                f'{self.loss} has risen to {mean:.3g} (mean of the last {window} iterations), '
                f'{mean / self._lowest:.1f} times what it was ({self._lowest:.3g}): the model '
                'forgets what its labels taught. If nothing has just made the task harder on '
                'purpose, lower the learning rate, or the weight of the term that was added last, '
                'and start again from the source model', logger='current', level=logging.WARNING)

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Keep what was compared with."""
        checkpoint['rising_loss'] = dict(lowest=self._lowest, said=self._said)

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Go on with it when the run is resumed."""
        if runner._resume and 'rising_loss' in checkpoint:
            kept = checkpoint['rising_loss']
            self._lowest, self._said = kept['lowest'], kept['said']
