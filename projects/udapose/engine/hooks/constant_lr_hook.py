"""Parameter groups whose learning rate does not follow the schedule."""
from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmpose.registry import HOOKS


@HOOKS.register_module()
class ConstantLRHook(Hook):
    """Keep some parameters at their initial learning rate.

    MMEngine's schedulers move all groups of an optimizer. The published adversarial training
    (arXiv 2404.14885, official code) never decays the discriminator's rate.

    Args:
        keys (Sequence[str]): A group keeps its rate if a parameter's name contains one of these.
            Defaults to ``('discriminator',)``.

    Raises:
        ValueError: No trainable parameter's name contains a key.
    """

    priority = 'VERY_LOW'  # behind the ParamSchedulerHook

    def __init__(self, keys: tuple[str, ...] = ('discriminator',)) -> None:
        self.keys = (keys,) if isinstance(keys, str) else tuple(keys)

    def before_train(self, runner) -> None:
        """Find the groups; they must hold no other parameters."""
        names = {id(p): n for n, p in runner.model.named_parameters()}
        self.groups = []
        for group in runner.optim_wrapper.param_groups:
            hits = [any(k in names.get(id(p), '') for k in self.keys) for p in group['params']]
            if any(hits) and not all(hits):
                raise ValueError(
                    f'ConstantLRHook: parameters with {self.keys} in their name share a group '
                    'with others: give them one of their own with optim_wrapper.paramwise_cfg='
                    f'dict(custom_keys={{{self.keys[0]!r}: dict(lr_mult=1.)}})')
            if any(hits):
                self.groups.append(group)
        if not self.groups:
            raise ValueError(f'ConstantLRHook: no trainable parameter has one of {self.keys} in '
                             'its name')
        rates = sorted({g['initial_lr'] for g in self.groups if 'initial_lr' in g})
        print_log(f'constant learning rate {rates} for {len(self.groups)} parameter groups',
                  logger='current')
        self._restore()

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Undo the scheduler's step for these groups."""
        self._restore()

    def after_train_epoch(self, runner) -> None:
        """The same for schedules by epoch."""
        self._restore()

    def _restore(self) -> None:
        for group in self.groups:
            group['lr'] = group.get('initial_lr', group['lr'])
