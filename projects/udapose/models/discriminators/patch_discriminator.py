"""Fully convolutional domain discriminator."""
from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from mmengine.model import BaseModule
from mmpose.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class PatchDiscriminator(BaseModule):
    """One domain logit per position of a feature map.

    The defaults are the published architecture (official code of arXiv 2404.14885): 3x3
    convolutions 256 -> 256 -> 128 -> 128 -> 1 with leaky ReLU between. A cheap variant pools
    first and mixes channels only: ``PatchDiscriminator(C, (64,), kernel_size=1, pool=4)``.

    Args:
        in_channels (int): Channels of the features. Defaults to 256.
        hidden_channels (Sequence[int]): Of the layers between. Defaults to (256, 128, 128).
        kernel_size (int): Odd. Defaults to 3; 1 looks at each position alone.
        pool (int): Average pooling of the features beforehand; 0 pools the whole map to one
            position (an image-level discriminator). Defaults to 1, none.
        negative_slope (float): Of the leaky ReLU. Defaults to 0.2.
        init_cfg (dict, optional): As in MMEngine. Defaults to PyTorch's initialisation.

    Raises:
        ValueError: Even kernel or negative pooling.
    """

    def __init__(self, in_channels: int = 256, hidden_channels: Sequence[int] = (256, 128, 128),
                 kernel_size: int = 3, pool: int = 1, negative_slope: float = 0.2,
                 init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        if kernel_size % 2 == 0 or pool < 0:
            raise ValueError(f'kernel_size must be odd and pool >= 0, got {kernel_size} and {pool}')
        self.in_channels, self.pool = in_channels, pool
        widths = (in_channels, *hidden_channels, 1)
        layers: list[nn.Module] = []
        for before, after in zip(widths[:-1], widths[1:], strict=True):
            layers += [nn.Conv2d(before, after, kernel_size, padding=kernel_size // 2),
                       nn.LeakyReLU(negative_slope, inplace=True)]
        self.layers = nn.Sequential(*layers[:-1])  # no activation behind the logit

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) features to (B, 1, H', W') logits; positive means target.

        Raises:
            ValueError: Other number of channels.
        """
        if features.ndim != 4 or features.shape[1] != self.in_channels:
            raise ValueError(
                f'PatchDiscriminator(in_channels={self.in_channels}) got features of shape '
                f'{tuple(features.shape)}: set discriminator.in_channels to their channels, or '
                'choose a feature map (B, C, H, W)')
        if self.pool == 0:
            features = features.mean((2, 3), keepdim=True)
        elif self.pool > 1:
            features = F.avg_pool2d(features, self.pool, ceil_mode=True)
        return self.layers(features)
