"""A small encoder and decoder that train from scratch in minutes."""
from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from mmpose.registry import MODELS
from torch import Tensor, nn

_BANDS = 48  # 4 x 4 bands of 3 colours


def _conv(in_channels: int, out_channels: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, padding_mode='reflect')


def _zeroed(conv: nn.Conv2d) -> nn.Conv2d:
    nn.init.zeros_(conv.weight)
    nn.init.zeros_(conv.bias)
    return conv


def lapped_transform() -> Tensor:
    r"""Kernels of a two-dimensional lapped orthogonal transform of RGB images.

    Each dimension has 4 bands of 8 taps. With the even (:math:`e_i`) and odd (:math:`o_i`) rows of
    the 4-point DCT and :math:`a_i = e_i - o_i`, the bands are :math:`(a_i, J a_i) / 2` and
    :math:`(a_i, -J a_i) / 2`, where J reverses (Malvar and Staelin, IEEE Trans. ASSP 37(4), 1989,
    without the rotation). Only band 0 sees the mean of an image: else changes of the bands'
    amplitudes would put a grid on flat areas.

    Convolved with stride 4, 8x8 px overlap by half, and the transposed convolution with the same
    kernels gives back the image (away from its border).

    Returns:
        Tensor: (48, 3, 8, 8), kernel ``3 * (4 * band_y + band_x) + colour``.
    """
    n, k = torch.arange(4.), torch.arange(4.)[:, None]
    dct = torch.cos(math.pi * (n + 0.5) * k / 4) * math.sqrt(0.5)
    dct[0] /= math.sqrt(2)
    a = dct[0::2] - dct[1::2]
    bands = torch.cat([torch.cat([a, a.flip(1)], 1), torch.cat([a, -a.flip(1)], 1)]) / 2
    return torch.einsum('yu,xv,cd->yxcduv', bands, bands, torch.eye(3)).reshape(_BANDS, 3, 8, 8)


@MODELS.register_module()
class SmallStyleEncoder(nn.Module):
    """A lapped transform to a quarter of the resolution, and three convolutions beside it.

    The transform is fixed and orthogonal, so its 48 bands keep all details and are exactly zero on
    flat areas but for the three that are the image's local mean. The convolutions add channels
    that are no linear function of the image; the first one sees blocks of 2x2 pixels as 12
    channels (full resolution costs most and gives little). They are trained by reconstruction
    together with :class:`SmallStyleDecoder`.

    Args:
        channels (tuple[int, int, int]): Channels of the three features, the last at least 49.
            Defaults to (32, 64, 64).
    """

    stride = 4
    conventions = ('unit',)  # of AdaINStyleTransfer's `input`
    # of the deepest features: bands that do not see the image's mean, which AdaIN only scales
    band_channels = slice(3, _BANDS)

    def __init__(self, channels: tuple[int, int, int] = (32, 64, 64)) -> None:
        super().__init__()
        if channels[2] <= _BANDS:
            raise ValueError(f'channels[2] must exceed the {_BANDS} of the lapped transform, got '
                             f'{channels[2]}')
        self.channels = tuple(channels)
        self.convs = nn.ModuleList([
            _conv(12, channels[0]), _conv(channels[0], channels[1], stride=2),
            _conv(channels[1], channels[2] - _BANDS)])
        self.register_buffer('lapped', lapped_transform(), persistent=False)

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
        bands = F.conv2d(F.pad(x, (2,) * 4, mode='reflect'), self.lapped, stride=4)
        x, features = F.pixel_unshuffle(x, 2), []
        for conv in self.convs:
            x = F.leaky_relu(conv(x), 0.2)
            features.append(x)
        return [*features[:2], torch.cat([bands, x], 1)]


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
        nn.init.zeros_(self.lapped.weight)  # begins as the encoder's inverse
        self.lapped.weight.data[:_BANDS] = lapped_transform()

    def forward(self, features: Tensor) -> Tensor:
        """(B, C3, H, W) to images (B, 3, 4 H, 4 W), RGB about [0, 1]."""
        x = F.leaky_relu(self.convs[0](features), 0.2)
        x = F.leaky_relu(F.pixel_shuffle(self.convs[1](x), 2), 0.2)
        return (F.pixel_shuffle(self.convs[2](x), 2) + self.lapped(features) + 1) / 2
