"""Squared error of reconstructed pixels that counts the foreground more."""
from __future__ import annotations

from math import isqrt

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from ..selfsup.patches import patch_statistics, patchify


@MODELS.register_module()
class WeightedReconstructionLoss(nn.Module):
    r"""Loss of a masked autoencoder, weighted by pixel (foreground-centric, arXiv 2501.08408).

    .. math::
        L = \frac{\sum_i w_i e_i^2}{\sum_i w_i}, \qquad
        w_i = w_\mathrm{bg} + (w_\mathrm{fg} - w_\mathrm{bg}) s_i

    over the pixels :math:`i` of the masked patches of the whole batch, with the segmentation mask
    :math:`s \in [0, 1]` and the error :math:`e`, its square averaged over the channels. The paper
    says that the foreground is weighted; this formula is our design. Equal weights give the loss of
    MAE (arXiv 2111.06377). Only the ratio of the weights matters, except where images with and
    without a mask meet: pixels of an image without one have the weight ``unknown_weight``. With 1
    and weights (1, 0.2) such an image counts 1 / (0.2 + 0.8 f) times as much as one with the
    share f of foreground.

    With ``foreground_weight=0`` the background alone is learnt, with ``background_weight=0`` the
    foreground alone. A batch in which every masked pixel has weight 0 (for example
    ``background_weight=0`` and empty masks) gives the loss 0 with gradients 0, never NaN.

    Args:
        foreground_weight (float): :math:`w_\mathrm{fg}`. Defaults to 1.
        background_weight (float): :math:`w_\mathrm{bg}`. Defaults to 1.
        unknown_weight (float | str): Weight of the pixels of images without a mask: a number, or
            ``'mean'``, the mean weight of the images of the batch that have one (1 if none has),
            so that both kinds count the same. Defaults to 1.
        normalize_pixels (bool): Subtract each true patch's mean and divide by its standard
            deviation first, as MAE's ``norm_pix``. Defaults to False.
        loss_weight (float): Defaults to 1.

    Raises:
        ValueError: Negative weights, or both 0.
    """

    def __init__(self, foreground_weight: float = 1., background_weight: float = 1.,
                 normalize_pixels: bool = False, loss_weight: float = 1.,
                 unknown_weight: float | str = 1.) -> None:
        super().__init__()
        weights = foreground_weight, background_weight
        if not all(0 <= w < float('inf') for w in weights) or not any(weights):
            raise ValueError(
                f'foreground_weight={foreground_weight} and background_weight={background_weight} '
                'must be finite, not negative, and not both 0')
        if unknown_weight != 'mean' and not (isinstance(unknown_weight, (int, float))
                                             and 0 <= unknown_weight < float('inf')):
            raise ValueError(f"unknown_weight={unknown_weight!r} is neither 'mean' nor a finite "
                             'number that is not negative')
        self.unknown_weight = unknown_weight
        self.foreground_weight, self.background_weight = foreground_weight, background_weight
        self.normalize_pixels, self.loss_weight = normalize_pixels, loss_weight

    def pixel_weights(self, foreground: Tensor, known: Tensor | None = None) -> Tensor:
        """Weight of each pixel.

        Args:
            foreground (Tensor): (N, 1, H, W) in [0, 1].
            known (Tensor, optional): (N,) bool, whether an image has a mask. None: all have.

        Returns:
            Tensor: (N, 1, H, W).
        """
        weights = self.background_weight + (
            self.foreground_weight - self.background_weight) * foreground
        if known is None:
            return weights
        unknown = self.unknown_weight
        if unknown == 'mean':
            means, count = weights.mean((1, 2, 3)), known.sum()
            unknown = torch.where(count > 0, (means * known).sum() / count.clamp_min(1), 1.)
        return torch.where(known[:, None, None, None], weights, unknown)

    def forward(self, prediction: Tensor, images: Tensor, hidden: Tensor,
                foreground: Tensor | None = None, known: Tensor | None = None) -> Tensor:
        """The loss.

        Args:
            prediction (Tensor): (N, L, p * p * C), patches row by row, channels fastest.
            images (Tensor): (N, C, H, W), what should come out, normalised as the input.
            hidden (Tensor): (N, L), 1 for masked patches, 0 for visible ones.
            foreground (Tensor, optional): (N, 1, H, W) in [0, 1]; None: no image has a mask.
            known (Tensor, optional): (N,) bool, see :meth:`pixel_weights`.

        Returns:
            Tensor: A number, float32.
        """
        channels = images.shape[1]
        patch_size = isqrt(prediction.shape[-1] // channels)
        target = patchify(images.float(), patch_size)
        if self.normalize_pixels:
            mean, deviation = patch_statistics(target)
            target = (target - mean) / deviation
        error = (prediction.float() - target).square()
        hidden = hidden.float()
        if foreground is None or self.foreground_weight == self.background_weight == 1:
            return self.loss_weight * (error.mean(-1) * hidden).sum() / hidden.sum()
        weights = patchify(self.pixel_weights(foreground.float(), known), patch_size)
        weights = weights * hidden[..., None]
        error = error.unflatten(-1, (-1, channels)) * weights[..., None]
        # `tiny` changes no sum of weights but 0
        total = weights.sum().clamp_min(torch.finfo(weights.dtype).tiny)
        return self.loss_weight / channels * error.sum() / total

    def extra_repr(self) -> str:
        """The arguments."""
        return f'foreground_weight={self.foreground_weight}, ' \
               f'background_weight={self.background_weight}, ' \
               f'unknown_weight={self.unknown_weight}, ' \
               f'normalize_pixels={self.normalize_pixels}, loss_weight={self.loss_weight}'
