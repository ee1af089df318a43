"""Random block masking (masked image consistency)."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from mmpose.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class RandomBlockMask(nn.Module):
    """Hide random square blocks of the student's view: masked image consistency.

    The student has to predict the teacher's pseudo-labels from the rest of the image (MIC, arXiv
    2212.01322, eq. 4-5). A masked pixel is 0 after normalisation, the mean colour.

    Args:
        ratio (float): Probability that a block is hidden. Defaults to 0.5.
        block_size (int): Side of a block in input pixels. Defaults to 32.
        prob (float): Share of the samples that are masked. Defaults to 1.

    Raises:
        ValueError: Out of range.
    """

    def __init__(self, ratio: float = 0.5, block_size: int = 32, prob: float = 1.) -> None:
        super().__init__()
        if not 0 <= ratio < 1 or not 0 <= prob <= 1 or block_size < 1:
            raise ValueError('need 0 <= ratio < 1, 0 <= prob <= 1 and block_size >= 1, got '
                             f'{ratio}, {prob} and {block_size}')
        self.ratio, self.block_size, self.prob = ratio, block_size, prob

    def forward(self, inputs: Tensor, batch: object = None) -> Tensor:
        """(B, 3, H, W) normalised images to the same with hidden blocks."""
        count, _, height, width = inputs.shape
        rows, columns = -(-height // self.block_size), -(-width // self.block_size)
        random = torch.rand(count, 1, rows, columns, device=inputs.device)
        drawn = torch.rand(count, 1, 1, 1, device=inputs.device) < self.prob
        keep = ((random >= self.ratio) | ~drawn).to(inputs.dtype)
        keep = F.interpolate(keep, scale_factor=self.block_size, mode='nearest')
        return inputs * keep[..., :height, :width]
