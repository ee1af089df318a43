"""Say when an adaptation makes the model forget what its labels taught."""
from __future__ import annotations

import logging
import math

import numpy as np
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
    of the first ``first`` iterations. Small batches make a loss that jumps, and the lowest of many
    means is low by chance: a rise also has to be some standard errors of the two means, 2 of the
    first ones and 6 of hundreds (false alarms in below 3 % of simulated runs whose loss stays where
    it is, also with a standard deviation as large as its mean). Reads what MMEngine has logged
    already, so nothing waits for the device. The lowest mean is kept in checkpoints.

    Args:
        loss (str): The logged value. Where it is not logged (no labelled images) or not positive,
            the hook does nothing. Defaults to ``'loss_kpt'``.
        factor (float): Warn above this multiple, above 1; again only if the loss has risen as
            much once more, or has been lower than ever in between. Defaults to 1.3.
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
        self._seen, self._lowest, self._means = 0, None, 0
        self._worst = 1.  # multiple of the lowest mean that was said

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Compare the mean that is complete, if one is."""
        logged = runner.message_hub.log_scalars.get(f'train/{self.loss}')
        if logged is None or outputs is not None and self.loss not in outputs:
            return
        self._seen += 1
        window = self.first if self._lowest is None else self.window
        if self._seen < window:
            return
        self._seen = 0
        values = np.asarray(logged.data[0][-window:], np.float64)
        if not np.isfinite(values).all():
            return  # FiniteLossHook's; a mean that is no number would be compared with for ever
        self._means += 1
        new = dict(mean=float(values.mean()), error=_standard_error(values), at=runner.iter + 1)
        old = self._lowest
        if old is None or new['mean'] < old['mean']:
            self._lowest, self._worst = new, 1.
            return
        errors = (2 + 1.6 * math.log(self._means) ** 0.5) * math.hypot(new['error'], old['error'])
        if 0 < old['mean'] * self.factor * self._worst < new['mean'] > old['mean'] + errors:
            self._worst = new['mean'] / old['mean']
            print_log(
                f'{self.loss} has risen to {new["mean"]:.3g} (mean of the last {window} '
                f'iterations), {self._worst:.1f} times its lowest mean ({old["mean"]:.3g}, '
                f'iteration {old["at"]}): the model forgets what it has learnt from the labels. '
                'Lower the learning rate, or the weight of the term that was added last, and start '
                'again from a checkpoint of before; unless the rise is wanted (harder '
                'augmentation, other weights of the losses, a learning rate that starts over)',
                logger='current', level=logging.WARNING)

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Keep what was compared with."""
        checkpoint['rising_loss'] = dict(
            lowest=self._lowest, worst=self._worst, means=self._means)

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Go on with it when the run is resumed (another factor is the new config's)."""
        kept = checkpoint.get('rising_loss')
        if runner._resume and kept and 'worst' in kept:
            self._lowest, self._worst, self._means = (kept[k] for k in ('lowest', 'worst', 'means'))


def _standard_error(values: np.ndarray) -> float:
    """Of the mean, from successive differences: a step or a slope among the values is no noise."""
    if len(values) < 2:
        return 0.
    return float((np.square(np.diff(values)).mean() / 2 / len(values)) ** 0.5)
