"""A small encoder and decoder that train from scratch in minutes."""
from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from mmpose.registry import MODELS
from torch import Tensor, nn


def _conv(in_channels: int, out_channels: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, padding_mode='reflect')


def _zeroed(conv: nn.Conv2d) -> nn.Conv2d:
    nn.init.zeros_(conv.weight)
    nn.init.zeros_(conv.bias)
    return conv


def lapped_transform(channels: int) -> Tensor:
    r"""Kernels of a two-dimensional lapped orthogonal transform of RGB images.

    The modulated lapped transform with 4 bands a dimension and a sine window,

    .. math:: h_k(n) = \sin\frac{\pi (n + 1/2)}{8} \sqrt{\tfrac{1}{2}}
              \cos\frac{\pi (n + 5/2) (k + 1/2)}{4}, \quad n = 0..7,\ k = 0..3

    (Malvar, IEEE Trans. ASSP 38(6), 1990). Convolved with stride 4, 8x8 px overlap by half, and
    the transposed convolution with the same kernels gives back the image (away from its border).

    Args:
        channels (int): Number of kernels, at least 48; those beyond 48 are zero.

    Returns:
        Tensor: (channels, 3, 8, 8), kernel ``3 * (4 k_y + k_x) + colour``.
    """
    if channels < 48:
        raise ValueError(f'the lapped transform has 48 channels, got room for {channels}')
    n, k = torch.arange(8.), torch.arange(4.)[:, None]
    basis = torch.sin(math.pi * (n + 0.5) / 8) * math.sqrt(0.5) * torch.cos(
        math.pi * (n + 2.5) * (k + 0.5) / 4)
    kernels = torch.einsum('yu,xv,cd->yxcduv', basis, basis, torch.eye(3)).reshape(48, 3, 8, 8)
    return torch.cat([kernels, kernels.new_zeros(channels - 48, 3, 8, 8)])


@MODELS.register_module()
class SmallStyleEncoder(nn.Module):
    """Three convolutions down to a quarter of the resolution, beside a lapped transform.

    The sum of both is the deepest feature. The first convolution sees blocks of 2x2 pixels as 12
    channels (full resolution costs most and gives little). The transform starts as an orthogonal
    one, with which a decoder gives back the image from the first iteration on: details are kept,
    and training has only to learn what goes beyond. Trained by reconstruction together with
    :class:`SmallStyleDecoder`.

    Args:
        channels (tuple[int, int, int]): Output channels, the last at least 48. Defaults to
            (32, 64, 64).
    """

    stride = 4

    def __init__(self, channels: tuple[int, int, int] = (32, 64, 64)) -> None:
        super().__init__()
        self.channels = tuple(channels)
        self.convs = nn.ModuleList([
            _conv(12, channels[0]), _conv(channels[0], channels[1], stride=2),
            _conv(channels[1], channels[2])])
        self.lapped = nn.Conv2d(3, channels[2], 8, stride=4, padding=2, padding_mode='reflect',
                                bias=False)
        self.lapped.weight.data.copy_(lapped_transform(channels[2]))
        _zeroed(self.convs[2]).weight.data[48:].normal_(std=0.05)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Features of RGB images in [0, 1].

        Args:
            images (Tensor): (B, 3, H, W); sides are padded to multiples of 4.

        Returns:
            list[Tensor]: (B, C1, H/2, W/2), (B, C2, H/4, W/4), (B, C3, H/4, W/4).
        """
        height, width = images.shape[-2:]
        x = 2 * images - 1
        if height % 4 or width % 4:
            x = F.pad(x, (0, -width % 4, 0, -height % 4), mode='replicate')
        features, linear = [], self.lapped(x)
        x = F.pixel_unshuffle(x, 2)
        for conv in self.convs[:2]:
            x = F.leaky_relu(conv(x), 0.2)
            features.append(x)
        return [*features, self.convs[2](x) + linear]


@MODELS.register_module()
class SmallStyleDecoder(nn.Module):
    """Mirror image of :class:`SmallStyleEncoder`.

    Args:
        channels (tuple[int, int, int]): As the encoder's. Defaults to (32, 64, 64).
    """

    def __init__(self, channels: tuple[int, int, int] = (32, 64, 64)) -> None:
        super().__init__()
        self.convs = nn.ModuleList([
            _conv(channels[2], channels[1]), _conv(channels[1], 4 * channels[0]),
            _zeroed(_conv(channels[0], 12))])
        self.lapped = nn.ConvTranspose2d(channels[2], 3, 8, stride=4, padding=2, bias=False)
        self.lapped.weight.data.copy_(lapped_transform(channels[2]))

    def forward(self, features: Tensor) -> Tensor:
        """(B, C3, H, W) to images (B, 3, 4 H, 4 W), RGB about [0, 1]."""
        x = F.leaky_relu(self.convs[0](features), 0.2)
        x = F.leaky_relu(F.pixel_shuffle(self.convs[1](x), 2), 0.2)
        return (F.pixel_shuffle(self.convs[2](x), 2) + self.lapped(features) + 1) / 2
