"""Divergence of a heatmap or volume from Gaussians around coordinates."""
from __future__ import annotations

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class GaussianHeatmapKLLoss(nn.Module):
    r"""Kullback-Leibler divergence of a softmax map from a Gaussian, in any number of dimensions.

    The target of a joint is a Gaussian around its coordinates, normalised over the grid; as it is
    separable, only its factors along each axis exist in memory. The loss is

    .. math:: \frac{\sum_{nk} w_{nk} \, KL(g_{nk} \| softmax(l_{nk}))}{\max(1, \sum_{nk} w_{nk})}

    and 0 where the map equals the Gaussian. It teaches location from the first step, when the
    gradient of a soft-argmax over an even map is still small.

    Args:
        sigma (float): Standard deviation in voxels, along all axes. Defaults to 1.
        loss_weight (float): Defaults to 1.

    Raises:
        ValueError: ``sigma`` is not positive.
    """

    def __init__(self, sigma: float = 1., loss_weight: float = 1.) -> None:
        super().__init__()
        if sigma <= 0:
            raise ValueError(f'sigma={sigma} voxels must be positive')
        self.sigma, self.loss_weight = sigma, loss_weight

    def forward(self, logits: Tensor, coordinates: Tensor, weights: Tensor) -> Tensor:
        """Compute the loss.

        Args:
            logits (Tensor): (N, K, H, W) or (N, K, D, H, W), before the softmax.
            coordinates (Tensor): (N, K, 2 or 3), x, y (and z) in voxels, integers are centres.
            weights (Tensor): (N, K), 0 leaves out a joint.

        Returns:
            Tensor: The scalar loss; 0 (with zero gradients) if all weights are 0.
        """
        with torch.autocast(logits.device.type, enabled=False):  # it would round matrix products
            return self._loss(logits.float(), coordinates, weights)

    def _loss(self, logits: Tensor, coordinates: Tensor, weights: Tensor) -> Tensor:
        # (E_g[log g] - E_g[l]) + logsumexp(l); axes of coordinates are x first, of logits x last
        expected, negentropy = logits, 0.
        for axis in range(coordinates.shape[-1]):
            centers = torch.arange(expected.shape[-1], device=logits.device)
            offsets = centers - coordinates[..., axis, None].float()
            log_factor = (-.5 * (offsets / self.sigma)**2).log_softmax(-1)
            factor = log_factor.exp()
            negentropy = negentropy + (factor * log_factor).sum(-1)
            # the axes from last to first: each product removes the last one
            rows = expected.flatten(2, -2) if expected.dim() > 3 else expected[:, :, None]
            expected = torch.matmul(rows, factor[..., None]).reshape(expected.shape[:-1])
        divergence = negentropy - expected + logits.flatten(2).logsumexp(-1)
        weights = weights.float()
        return self.loss_weight * (weights * divergence).sum() / weights.sum().clamp(min=1.)
