"""Adaptive occlusion of confident keypoints."""
from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

if TYPE_CHECKING:
    from ..pose_estimators.adaptation_batch import AdaptationBatch


@MODELS.register_module()
class AdaptiveKeypointOcclusion(nn.Module):
    """Cover one confidently predicted joint of the student's view.

    With a probability one of the joints whose teacher peak reaches a threshold is drawn; a square
    around it is replaced by a square from elsewhere in the same image (arXiv 2404.14885; first in
    the predecessor, ECCV 2022). All samples at once: one gather.

    Args:
        prob (float): Share of the samples, in [0, 1]. Defaults to 0.5 (published).
        threshold (float): Lowest teacher peak of a candidate. Defaults to 0.9 (published).
        half_size (int): Half the square's side in input pixels; the square spans
            ``2 * half_size`` pixels, its middle at most half a pixel from the joint. Defaults to
            10 (published, for 256x256 inputs).

    Raises:
        ValueError: Out of range.
    """

    def __init__(self, prob: float = 0.5, threshold: float = 0.9, half_size: int = 10) -> None:
        super().__init__()
        if not 0 <= prob <= 1 or half_size < 1:
            raise ValueError('need 0 <= prob <= 1 and half_size >= 1, got '
                             f'{prob} and {half_size}')
        self.prob, self.threshold, self.half_size = prob, threshold, half_size

    def forward(self, inputs: Tensor, batch: AdaptationBatch) -> Tensor:
        """Occlude.

        Args:
            inputs (Tensor): (B, 3, H, W), the student's view.
            batch (AdaptationBatch): Its ``pseudo``: ``points`` (B, K, 2) as (x, y) input pixels of
                this view, and ``confidence`` (B, K), 0 outside of the view.

        Returns:
            Tensor: (B, 3, H, W), a new tensor.
        """
        points, confidence = batch.pseudo.points, batch.pseudo.confidence
        count, channels, height, width = inputs.shape
        device, half = inputs.device, self.half_size
        candidates = confidence >= self.threshold
        drawn = torch.rand(count, device=device) < self.prob
        # a random order of the joints; candidates come before all others
        order = torch.rand(confidence.shape, device=device) + candidates
        joint = order.argmax(1, keepdim=True)
        active = drawn & candidates.gather(1, joint).squeeze(1)
        centre = points.gather(1, joint[..., None].expand(-1, -1, 2)).squeeze(1)

        x, y = torch.arange(width, device=device), torch.arange(height, device=device)
        # the middle of 2 * half pixels lies between two of them: the nearest such place
        low = centre.ceil() - half
        # the cover's corner: all squares inside the image (an image smaller than that: its middle)
        free = torch.tensor([width, height]).to(centre, non_blocking=True) - 2 * half
        origin = (torch.rand(count, 2, device=device) * (free.clamp(min=0) + 1)).floor()
        origin = torch.minimum(origin, free.clamp(min=0)) + (free / 2).floor().clamp(max=0)
        shift = (origin - low).long()
        in_x = (x >= low[:, :1]) & (x < low[:, :1] + 2 * half)
        in_y = (y >= low[:, 1:]) & (y < low[:, 1:] + 2 * half)
        covered = in_y[:, :, None] & in_x[:, None] & active[:, None, None]
        from_x = (x + shift[:, :1]).clamp(0, width - 1)
        from_y = (y + shift[:, 1:]).clamp(0, height - 1)
        index = torch.where(covered, from_y[:, :, None] * width + from_x[:, None],
                            y[:, None] * width + x)
        return inputs.flatten(2).gather(
            2, index.flatten(1)[:, None].expand(-1, channels, -1)).view_as(inputs)
