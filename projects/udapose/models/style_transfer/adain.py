"""Adaptive instance normalisation (AdaIN)."""
from __future__ import annotations

import torch
from torch import Tensor


def channel_statistics(features: Tensor, eps: float = 1e-5) -> Tensor:
    """Mean and standard deviation of each channel over the positions, in float32.

    Args:
        features (Tensor): (B, C, H, W).
        eps (float): Added to the variance, so that constant channels have a finite inverse.

    Returns:
        Tensor: (B, C, 2), mean and standard deviation.
    """
    variance, mean = torch.var_mean(features.flatten(2).float(), dim=2, unbiased=False)
    return torch.stack([mean, (variance + eps).sqrt()], dim=2)


def adain(content: Tensor, style_code: Tensor, eps: float = 1e-5) -> Tensor:
    r"""Give each channel of the content the mean and standard deviation of the style.

    .. math:: \mathrm{AdaIN}(c, s) = \sigma_s \frac{c - \mu_c}{\sigma_c} + \mu_s

    (arXiv 1703.06868, eq. 8.)

    Args:
        content (Tensor): (B, C, H, W) features.
        style_code (Tensor): (B, C, 2) from :func:`channel_statistics` of the style's features.
        eps (float): See :func:`channel_statistics`.

    Returns:
        Tensor: (B, C, H, W) in the content's dtype.
    """
    own = channel_statistics(content, eps)
    scale = style_code[..., 1] / own[..., 1]
    shift = style_code[..., 0] - own[..., 0] * scale
    return (content.float() * scale[..., None, None] + shift[..., None, None]).to(content.dtype)
