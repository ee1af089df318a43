"""Convolutions on images whose channels lie side by side in memory."""
from __future__ import annotations

import logging
from collections.abc import Iterable

import torch
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.utils import apply_to
from mmpose.registry import HOOKS
from torch import nn


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Train any model in the memory format 'channels last': the same numbers, another speed.

    The weights of 2D convolutions are laid out so that torch computes them, and whatever follows,
    channels last (``torch.channels_last``): those of the whole model, student, teacher and
    discriminators, and of a style network. What it saves depends on network and processor
    (docs/costs.md). Results differ by rounding only.

    Checkpoints and exports are those of a run without the hook: it may be added to or removed from
    a run that is resumed. With ``default_hooks`` it can be added on the command line:
    ``--cfg-options default_hooks.channels_last.type=ChannelsLastHook``.

    torch 2.15's CPU kernels corrupt memory in one case, strided 1x1 convolutions of fewer than 8
    channels in this format; such a model is refused on a CPU (no usual network has any).

    With DDP, which lays out its buckets before, gradients are copied once more.

    Raises:
        ValueError: See above; names the convolution.
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner) -> None:
        """Lay out the weights, and what a resumed optimizer keeps of them."""
        _refuse_what_crashes(runner.model)
        self._modules = [runner.model, *_style_networks(runner.hooks)]
        count = sum(lay_out(module, torch.channels_last) for module in self._modules)
        if not count:
            print_log('ChannelsLastHook changes nothing: the model has no 2D convolutions',
                      logger='current', level=logging.WARNING)
        print_log(f'channels last: {count} convolutions', logger='current')
        wrapper = runner.optim_wrapper
        for part in wrapper.values() if hasattr(wrapper, 'optim_wrappers') else [wrapper]:
            _lay_out_state(part.optimizer)

    def before_test(self, runner) -> None:
        """Lay out the weights of a model that is only tested."""
        _refuse_what_crashes(runner.model)
        lay_out(runner.model, torch.channels_last)

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Save what a run without the hook would save."""
        for key in checkpoint.keys() & {'state_dict', 'optimizer'}:
            checkpoint[key] = apply_to(
                checkpoint[key], lambda x: torch.is_tensor(x) and x.dim() == 4,
                lambda x: x.clone(memory_format=torch.contiguous_format))

    def after_train(self, runner) -> None:
        """Undo it, for exports and whatever else comes after the training."""
        for module in self._modules:
            lay_out(module, torch.contiguous_format)


def lay_out(module: nn.Module, memory_format: torch.memory_format) -> int:
    """Bring the weights of a module's 2D convolutions into a memory format.

    Args:
        module (nn.Module): Changed in place; its parameters stay the same objects.
        memory_format (torch.memory_format): E.g. ``torch.channels_last``.

    Returns:
        int: Number of convolutions.
    """
    convolutions = [m for m in module.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))]
    for convolution in convolutions:
        for parameter in convolution.parameters(recurse=False):
            if parameter.dim() == 4:
                parameter.data = parameter.data.contiguous(memory_format=memory_format)
                parameter.grad = None
    return len(convolutions)


def _refuse_what_crashes(model: nn.Module) -> None:
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1) and \
                max(module.stride) > 1 and module.in_channels // module.groups < 8 and \
                module.weight.device.type == 'cpu':
            raise ValueError(
                f'ChannelsLastHook: {name} is a strided 1x1 convolution of {module.in_channels} '
                "channels, for which torch's CPU kernels corrupt memory in this format: widen the "
                'network (8 channels at least), or remove the hook')


def _style_networks(hooks: Iterable[Hook]) -> list[nn.Module]:
    found = (getattr(hook, 'stylizer', None) for hook in hooks)
    return [module for module in found if isinstance(module, nn.Module)]


def _lay_out_state(optimizer: torch.optim.Optimizer) -> None:
    """Give moments and the like the layout of their parameter."""
    for parameter, state in optimizer.state.items():
        for key, value in state.items():
            if torch.is_tensor(value) and value.dim() == 4 and value.shape == parameter.shape:
                state[key] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)
