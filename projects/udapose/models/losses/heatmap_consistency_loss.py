"""Consistency between the student's heatmaps and pseudo-labels."""
from __future__ import annotations

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class HeatmapConsistencyLoss(nn.Module):
    r"""Masked mean squared error between student heatmaps and pseudo-labels.

    With weights :math:`w_{bk}` and validity mask :math:`m_{bxy}` the loss is

    .. math:: \frac{\sum_{bkxy} w_{bk} m_{bxy} (h_{bkxy} - p_{bkxy})^2}{N}

    where N is the number of all heatmap pixels (``normalize='all'``, as published in
    arXiv 2404.14885: rejected joints stay in the denominator) or the summed weight
    (``normalize='kept'``: the scale does not depend on how many joints were accepted).

    Args:
        loss_weight (float): The paper's lambda_a. Defaults to 1.
        normalize (str): ``'all'`` or ``'kept'``. Defaults to ``'all'``.
    """

    kinds = ('maps',)  # of readouts that it understands

    def __init__(self, loss_weight: float = 1., normalize: str = 'all') -> None:
        super().__init__()
        if normalize not in ('all', 'kept'):
            raise ValueError(f"normalize must be 'all' or 'kept', got {normalize!r}")
        self.loss_weight = loss_weight
        self.normalize = normalize

    def forward(self, heatmaps: Tensor, pseudo_heatmaps: Tensor, weights: Tensor,
                valid_mask: Tensor | None = None, batch=None) -> Tensor:
        """Compute the loss.

        Args:
            heatmaps (Tensor): (B, K, H, W), the student's.
            pseudo_heatmaps (Tensor): (B, K, H, W), without gradient.
            weights (Tensor): (B, K), 0 rejects a joint.
            valid_mask (Tensor, optional): (B, 1, H, W), 0 leaves out a pixel.
            batch (AdaptationBatch, optional): Not used; what every consistency loss is given.

        Returns:
            Tensor: The scalar loss; 0 (with zero gradients) if nothing was accepted.
        """
        mask = weights[..., None, None].float()
        if valid_mask is not None:
            mask = mask * valid_mask
        mask = mask.expand_as(heatmaps)
        error = (heatmaps.float() - pseudo_heatmaps.float()).square() * mask
        if self.normalize == 'all':
            return self.loss_weight * error.mean()
        # no reading back: an empty mask gives 0 / 1
        return self.loss_weight * error.sum() / torch.clamp(mask.sum(), min=1.)
