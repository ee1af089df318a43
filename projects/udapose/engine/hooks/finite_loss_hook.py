"""Stop a run whose loss is no longer a number."""
from __future__ import annotations

import logging
import math

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmpose.registry import HOOKS


@HOOKS.register_module()
class FiniteLossHook(Hook):
    """Stop training when a loss is NaN or infinite.

    Looks at every value with ``loss`` in its name, after each iteration and before a checkpoint is
    written. MMEngine's ``RuntimeInfoHook`` has read these values back for the log already, so
    nothing waits for the device. (MMDetection's ``CheckInvalidLossHook`` looks at the total alone,
    every 50 iterations.)

    With a loss scaler (``AmpOptimWrapper`` on a GPU) an overflow is normal: the scaler leaves the
    step out and halves its factor. Then a warning is logged, and only ``max_skipped`` such
    iterations in a row stop the run. Nothing is kept over a resume: the count starts at 0.

    Args:
        max_skipped (int): Iterations in a row, of runs with a loss scaler. Defaults to 10.

    Raises:
        FloatingPointError: In training; names the first such loss, its value and the iteration.
    """

    priority = 'NORMAL'

    def __init__(self, max_skipped: int = 10) -> None:
        if max_skipped < 1:
            raise ValueError(f'FiniteLossHook: max_skipped={max_skipped} must be at least 1')
        self.max_skipped, self._in_a_row = max_skipped, 0

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Check the iteration's losses."""
        scalars, values = runner.message_hub.log_scalars, {}
        for key, value in (outputs or {}).items():
            if 'loss' in key:
                logged = scalars.get(f'train/{key}')
                values[key] = float(value) if logged is None else float(logged.current())
        bad = [key for key, value in values.items() if not math.isfinite(value)]
        if not bad:
            self._in_a_row = 0
            return
        # the total comes first and says nothing about its cause
        name = next((key for key in bad if key != 'loss'), 'loss')
        what = f'{name} is {values[name]} in iteration {runner.iter + 1}'
        self._in_a_row += 1
        if _skips_steps(runner.optim_wrapper) and self._in_a_row < self.max_skipped:
            print_log(f'{what}; the loss scaler leaves the step out', logger='current',
                      level=logging.WARNING)
            return
        others = [key for key in bad if key not in (name, 'loss')]
        also = f' (also {", ".join(others)})' if others else ''
        raise FloatingPointError(
            f'{what}{also}: the weights are lost, training on is of no use. Resume from or start '
            'with a checkpoint before this iteration, and try: a lower learning rate or a longer '
            'warm-up; optim_wrapper.clip_grad=dict(max_norm=1); float32 instead of --amp; a lower '
            f'weight of the term behind {name}; and check the labels of the data '
            '(`udapose check-data CONFIG`). default_hooks.finite_loss sets this check')


def _skips_steps(optim_wrapper) -> bool:
    """Whether a loss scaler leaves out steps with gradients that are not finite."""
    wrappers = optim_wrapper.values() if hasattr(optim_wrapper, 'values') else [optim_wrapper]
    scalers = [getattr(wrapper, 'loss_scaler', None) for wrapper in wrappers]
    return bool(scalers) and all(s is not None and s.is_enabled() for s in scalers)
