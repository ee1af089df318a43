"""The numbers in which the files of a style transfer network take and give images."""
from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

#: Mean and standard deviation of RGB in [0, 1] over ImageNet
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_KNOWN = dict(unit=((0., 0., 0.), (1., 1., 1.)), imagenet=IMAGENET)


class ImageConvention(nn.Module):
    """Between RGB in [0, 1] and what an encoder was given and a decoder learned to give.

    Its two buffers are part of checkpoints, so that a network is not used with another convention
    than it was trained with.

    Args:
        value (str | dict): ``'unit'``, ``'imagenet'``, or ``dict(mean=[..], std=[..])`` of RGB
            in [0, 1].

    Raises:
        ValueError: Something else; when loading: the file has another convention.
    """

    def __init__(self, value: str | dict = 'unit') -> None:
        super().__init__()
        if isinstance(value, str) and value in _KNOWN:
            mean, std = _KNOWN[value]
        elif isinstance(value, dict) and set(value) == {'mean', 'std'}:
            mean, std = value['mean'], value['std']
        else:
            mean = std = ()
        if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
            raise ValueError("input must be 'unit', 'imagenet' or dict(mean=[r, g, b], std=[r, g, "
                             f'b]) of RGB in [0, 1], got {value!r}')
        self.register_buffer('mean', torch.tensor(mean).float().view(3, 1, 1))
        self.register_buffer('std', torch.tensor(std).float().view(3, 1, 1))
        self.name = self.name_of(mean, std)
        self.is_unit = self.name == repr('unit')
        self._register_load_state_dict_pre_hook(self._check_file)

    @staticmethod
    def name_of(mean: Sequence[float], std: Sequence[float]) -> str:
        """The convention as one writes it in a config."""
        for name, values in _KNOWN.items():
            if np.allclose((mean, std), values, rtol=0, atol=1e-3):
                return repr(name)
        mean, std = ([round(float(v), 4) for v in values] for values in (mean, std))
        return f'dict(mean={mean}, std={std})'

    def normalize(self, images: Tensor) -> Tensor:
        """RGB in [0, 1] (B, 3, H, W) as the network takes it."""
        return images if self.is_unit else (images - self.mean) / self.std

    def denormalize(self, images: Tensor) -> Tensor:
        """What the network gives (B, 3, H, W) as RGB about [0, 1]."""
        return images if self.is_unit else images * self.std + self.mean

    def check(self, mean: Tensor, std: Tensor, path: str) -> None:
        """Compare with what a file says.

        Raises:
            ValueError: It says something else.
        """
        found = self.name_of(mean.flatten().tolist(), std.flatten().tolist())
        if found != self.name:
            raise ValueError(f'{path} was trained with input={found}, but this AdaINStyleTransfer '
                             f'has input={self.name}: colours would be wrong. Set input={found}')

    def _check_file(self, state: dict, prefix: str, *args) -> None:
        own = dict(mean=self.mean, std=self.std)
        if prefix + 'mean' in state and prefix + 'std' in state:
            self.check(state[prefix + 'mean'], state[prefix + 'std'], 'the checkpoint')
        else:  # from before there was a choice
            self.check(*map(torch.tensor, _KNOWN['unit']), 'the checkpoint')
        state.update({prefix + key: value for key, value in own.items()})
