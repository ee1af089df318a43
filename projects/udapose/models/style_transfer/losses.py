"""Losses that train a style transfer network."""
from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .adain import channel_statistics


def gram_matrix(features: Tensor) -> Tensor:
    r"""Correlations of channels, in float32.

    .. math:: G_{ij} = \frac{1}{C H W} \sum_{p} f_{ip} f_{jp}

    (arXiv 1603.08155, sec. 3.2.)

    Args:
        features (Tensor): (B, C, H, W).

    Returns:
        Tensor: (B, C, C).
    """
    with torch.autocast(features.device.type, enabled=False):
        flat = features.flatten(2).float()
        return flat @ flat.transpose(1, 2) / (flat.shape[1] * flat.shape[2])


def style_distance(features: Sequence[Tensor], style: Sequence[Tensor], kind: str) -> Tensor:
    """Difference of two images' styles, summed over layers.

    ``'mean_std'``: mean squared difference of the channels' means, plus that of their standard
    deviations (arXiv 1703.06868, eq. 13, with mean squares for norms). ``'gram'``: mean squared
    difference of the entries of the Gram matrices, as in UniFrame's code, which keeps it beside
    the means and deviations that it trains with (arXiv 1603.08155, sec. 3.2, sums them: C squared
    times as much).

    Args:
        features (Sequence[Tensor]): (B, C, H, W) of each layer.
        style (Sequence[Tensor]): The style's, with the same B and C.
        kind (str): ``'mean_std'`` or ``'gram'``.

    Returns:
        Tensor: Scalar, float32.
    """
    total = features[0].new_zeros((), dtype=torch.float32)
    for ours, theirs in zip(features, style, strict=True):
        if kind == 'gram':
            total = total + F.mse_loss(gram_matrix(ours), gram_matrix(theirs))
        else:
            # F.mse_loss over (B, C, 2) is half the sum of the two mean squares
            total = total + 2 * F.mse_loss(channel_statistics(ours), channel_statistics(theirs))
    return total
