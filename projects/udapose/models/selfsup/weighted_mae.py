"""A masked autoencoder that looks at the foreground first."""
from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.model import BaseModel
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor

from .masked_vit import MaskedViT
from .patches import patch_statistics, patchify, unpatchify


@MODELS.register_module()
class WeightedMAE(BaseModel):
    """Masked autoencoder with foreground-weighted loss (arXiv 2501.08408, MAE: 2111.06377).

    For images of any shape that the patch size divides. Its state dict has the names of
    mmpretrain's ``MAE`` (``backbone.*``, ``neck.*``); the encoder serves pose estimation through
    ``init_cfg=dict(type='PretrainedViT', checkpoint=FILE)`` of a ViT.

    Args:
        backbone (dict): A ``MaskedViT``.
        neck (dict): A ``MaskedPatchDecoder``; grid, patch size and encoder width are filled in.
        loss (dict, optional): Defaults to ``WeightedReconstructionLoss`` with equal weights.
        data_preprocessor (dict, optional): A ``ReconstructionDataPreprocessor``; the default
            normalises nothing.
        init_cfg (dict, optional): MMEngine's.

    Raises:
        TypeError: The backbone is no ``MaskedViT``, or another preprocessor, which would lose the
            masks.
    """

    def __init__(self, backbone: dict, neck: dict, loss: dict | None = None,
                 data_preprocessor: dict | None = None, init_cfg: dict | None = None) -> None:
        # imported here: the preprocessors' package needs no self-supervision, nor the reverse
        from ..data_preprocessors import ReconstructionDataPreprocessor
        data_preprocessor = MODELS.build(dict(
            dict(type='ReconstructionDataPreprocessor'), **data_preprocessor or {}))
        if not isinstance(data_preprocessor, ReconstructionDataPreprocessor):
            raise TypeError(
                f'data_preprocessor is a {type(data_preprocessor).__name__}, which does not pass '
                'the foreground masks on: WeightedMAE needs a ReconstructionDataPreprocessor, '
                'which takes the same mean, std and bgr_to_rgb')
        super().__init__(data_preprocessor, init_cfg)
        self.backbone = MODELS.build(backbone)
        if not isinstance(self.backbone, MaskedViT):
            raise TypeError(f'backbone is a {type(self.backbone).__name__}: WeightedMAE needs a '
                            "MaskedViT, whose weights have the same names as mmpretrain's ViTs")
        self.neck = MODELS.build(dict(
            dict(type='MaskedPatchDecoder', grid=self.backbone.grid,
                 patch_size=self.backbone.patch_size, embed_dim=self.backbone.embed_dims), **neck))
        self.loss_module = MODELS.build(loss or dict(type='WeightedReconstructionLoss'))

    def forward(self, inputs: Tensor, data_samples: Sequence[PoseDataSample] | None = None,
                foreground: Tensor | None = None, known: Tensor | None = None,
                mode: str = 'tensor') -> dict | tuple:
        """Compute the loss, or the encoder's features of whole images.

        Args:
            inputs (Tensor): (N, 3, H, W) from the data preprocessor.
            data_samples (Sequence[PoseDataSample], optional): Not used.
            foreground (Tensor, optional): (N, 1, H, W) in [0, 1].
            known (Tensor, optional): (N,) bool, which images have a mask; None: all.
            mode (str): ``'loss'`` or ``'tensor'``.

        Returns:
            dict | tuple: ``loss_reconstruction``; or the outputs of the encoder.

        Raises:
            ValueError: Inputs of another size than the encoder's, or another mode.
        """
        self._check_size(inputs)
        if mode == 'tensor':
            return self.backbone(inputs, mask=None)
        if mode != 'loss':
            raise ValueError(f"WeightedMAE has the modes 'loss' and 'tensor', not {mode!r}: it "
                             'predicts no keypoints. Fine-tune a pose model from its checkpoint')
        prediction, hidden = self._predict(inputs)
        return dict(loss_reconstruction=self.loss_module(
            prediction, inputs, hidden, foreground, known))

    def reconstruct(self, inputs: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Reconstruct images from a part of their patches.

        Where the loss normalises patches, the prediction is brought back with the true mean and
        deviation of each patch, as is usual for pictures.

        Args:
            inputs (Tensor): (N, 3, H, W) from the data preprocessor.
            noise (Tensor, optional): (N, L); the patches with the larger values are hidden.

        Returns:
            tuple[Tensor, Tensor]: The predictions of all pixels, (N, 3, H, W) float32, and
            (N, 1, H, W) with 1 for hidden pixels.
        """
        self._check_size(inputs)
        prediction, hidden = self._predict(inputs, noise)
        prediction, patch_size = prediction.float(), self.backbone.patch_size
        if getattr(self.loss_module, 'normalize_pixels', False):
            mean, deviation = patch_statistics(patchify(inputs.float(), patch_size))
            prediction = prediction * deviation + mean
        hidden = hidden.unflatten(1, (1, *self.backbone.grid))
        hidden = hidden.repeat_interleave(patch_size, 2).repeat_interleave(patch_size, 3)
        return unpatchify(prediction, self.backbone.grid), hidden

    def fixed_noise(self, count: int, seed: int = 0) -> Tensor:
        """Noise that hides the same patches whenever it is used.

        Args:
            count (int): Number of images.
            seed (int): Defaults to 0.

        Returns:
            Tensor: (count, L) on the CPU.
        """
        rows, columns = self.backbone.grid
        return torch.rand(count, rows * columns, generator=torch.Generator().manual_seed(seed))

    def _predict(self, inputs: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Tensor]:
        latent, hidden, restore = self.backbone(inputs, noise=noise)
        return self.neck(latent, restore), hidden

    def _check_size(self, inputs: Tensor) -> None:
        expected = tuple(self.backbone.img_size)
        if tuple(inputs.shape[-2:]) != expected:
            raise ValueError(
                f'inputs are {tuple(inputs.shape[-2:])} (height, width), but backbone.img_size='
                f'{expected}: set it to the input size of the pipeline (RecordedTopdownAffine '
                'counts (width, height))')
