"""Style transfer without a network: colour statistics and Fourier amplitudes."""
from __future__ import annotations

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from .adain import adain, channel_statistics

# sRGB primaries to XYZ relative to the D65 white point (IEC 61966-2-1), rows X, Y, Z
_TO_XYZ = ((0.412453 / 0.950456, 0.357580 / 0.950456, 0.180423 / 0.950456),
           (0.212671, 0.715160, 0.072169),
           (0.019334 / 1.088754, 0.119193 / 1.088754, 0.950227 / 1.088754))
_LAB_KNEE = 6 / 29


def rgb_to_lab(images: Tensor) -> Tensor:
    """sRGB in [0, 1] to CIE L*a*b* (D65).

    Args:
        images (Tensor): (B, 3, H, W) RGB.

    Returns:
        Tensor: (B, 3, H, W): L in [0, 100], a and b about -110 .. 110.
    """
    images = images.clamp(0, 1)
    linear = torch.where(images > 0.04045, ((images + 0.055) / 1.055) ** 2.4, images / 12.92)
    xyz = _mix_channels(linear, torch.tensor(_TO_XYZ))
    f = torch.where(xyz > _LAB_KNEE**3, xyz.clamp(min=1e-8) ** (1 / 3),
                    xyz / (3 * _LAB_KNEE**2) + 4 / 29)
    x, y, z = f.unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def lab_to_rgb(lab: Tensor) -> Tensor:
    """Inverse of :func:`rgb_to_lab`; colours outside of the sRGB gamut leave [0, 1]."""
    lightness, a, b = lab.unbind(1)
    y = (lightness + 16) / 116
    f = torch.stack([y + a / 500, y, y - b / 200], 1)
    xyz = torch.where(f > _LAB_KNEE, f**3, 3 * _LAB_KNEE**2 * (f - 4 / 29))
    linear = _mix_channels(xyz, torch.tensor(_TO_XYZ).inverse())
    return torch.where(linear > 0.0031308,
                       1.055 * linear.clamp(min=1e-8) ** (1 / 2.4) - 0.055, 12.92 * linear)


def _mix_channels(images: Tensor, matrix: Tensor) -> Tensor:
    matrix = matrix.to(images, non_blocking=True)  # inverted on the host: nothing is read back
    with torch.autocast(images.device.type, enabled=False):  # 8 bits would show as banding
        return torch.einsum('oc,bchw->bohw', matrix, images)


@MODELS.register_module()
class ChannelStatisticsTransfer(nn.Module):
    """AdaIN on colours: each image gets the style's mean and deviation per channel.

    In RGB this is AdaIN with an identity encoder and decoder; in Lab it is the colour transfer of
    Reinhard et al. (IEEE CG&A 2001), whose channels are nearly independent. It changes colours
    and contrast, not texture.

    Args:
        space (str): ``'lab'`` (default) or ``'rgb'``.
        max_gain (float): Upper limit of the contrast amplification, which otherwise makes a
            nearly constant image all noise. Defaults to 4.

    Raises:
        ValueError: Unknown ``space``.
    """

    def __init__(self, space: str = 'lab', max_gain: float = 4.) -> None:
        super().__init__()
        if space not in ('lab', 'rgb'):
            raise ValueError(f"space must be 'lab' or 'rgb', got {space!r}")
        self.space, self.max_gain = space, max_gain

    def encode_style(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) RGB in [0, 1] to (B, 3, 2) channel statistics."""
        return channel_statistics(self._enter(images))

    def forward(self, content: Tensor, style_code: Tensor, alpha: Tensor | float = 1.) -> Tensor:
        """Stylise.

        Args:
            content (Tensor): (B, 3, H, W) RGB in [0, 1].
            style_code (Tensor): (B, 3, 2) from :meth:`encode_style`.
            alpha (Tensor | float): Strength in [0, 1], (B, 1, 1, 1).

        Returns:
            Tensor: (B, 3, H, W), not clipped.
        """
        channels = self._enter(content)
        own = channel_statistics(channels)
        limited = torch.stack([style_code[..., 0], torch.minimum(
            style_code[..., 1], self.max_gain * own[..., 1])], 2)
        mixed = alpha * adain(channels, limited) + (1 - alpha) * channels
        return lab_to_rgb(mixed) if self.space == 'lab' else mixed

    def _enter(self, images: Tensor) -> Tensor:
        return rgb_to_lab(images.float()) if self.space == 'lab' else images.float()


@MODELS.register_module()
class FourierAmplitudeTransfer(nn.Module):
    """Exchange the amplitudes of the lowest frequencies, keep all phases.

    Fourier domain adaptation (arXiv 2004.05498, eq. 3): the square of side ``beta`` times the
    image's around frequency zero is taken from the style's amplitude spectrum.

    Args:
        beta (float): Side of the square as a fraction of the image's side, in (0, 1]: twice the
            paper's beta. Defaults to 0.05; at least the mean colour is exchanged.

    Raises:
        ValueError: ``beta`` out of range.
    """

    def __init__(self, beta: float = 0.05) -> None:
        super().__init__()
        if not 0 < beta <= 1:
            raise ValueError(f'beta must be in (0, 1], got {beta}')
        self.beta = beta

    def _radii(self, size: torch.Size) -> tuple[int, int]:
        return tuple(int(self.beta * n / 2) for n in size)

    def encode_style(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) RGB in [0, 1] to the low amplitudes (B, 3, 2 r_y + 1, r_x + 1)."""
        return self._low(torch.fft.rfft2(images.float(), norm='ortho').abs(), images.shape[-2:])

    def _low(self, spectrum: Tensor, size: torch.Size) -> Tensor:
        ry, rx = self._radii(size)
        return torch.fft.fftshift(spectrum, dim=2)[
            :, :, size[0] // 2 - ry:size[0] // 2 + ry + 1, :rx + 1]

    def forward(self, content: Tensor, style_code: Tensor, alpha: Tensor | float = 1.) -> Tensor:
        """Stylise; arguments and result as :meth:`ChannelStatisticsTransfer.forward`.

        The style's images must have the content's size.
        """
        size = content.shape[-2:]
        ry, rx = self._radii(size)
        spectrum = torch.fft.rfft2(content.float(), norm='ortho')
        own = self._low(spectrum, size)
        amplitude = own.abs()
        gain = (alpha * style_code + (1 - alpha) * amplitude) / amplitude.clamp(min=1e-6)
        shifted = torch.fft.fftshift(spectrum, dim=2)
        full = torch.ones_like(shifted.real)
        full[:, :, size[0] // 2 - ry:size[0] // 2 + ry + 1, :rx + 1] = gain
        return torch.fft.irfft2(torch.fft.ifftshift(shifted * full, dim=2), s=size, norm='ortho')
