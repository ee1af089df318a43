"""Images and foreground masks, stacked."""
from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.model import ImgDataPreprocessor
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor


@MODELS.register_module()
class ReconstructionDataPreprocessor(ImgDataPreprocessor):
    """Stack, move and normalise a batch of ``PackReconstructionInputs``.

    Images and masks go to the device as one tensor each; the data samples stay where they are.

    Args:
        mean (Sequence[float], optional): Three numbers, in the order of the channels after
            ``bgr_to_rgb``.
        std (Sequence[float], optional): Likewise.
        bgr_to_rgb (bool): Defaults to False.
        non_blocking (bool): Whether the copy may overlap. Defaults to False.

    Raises:
        ValueError: Images of different sizes, or a mask of another size than its image.
    """

    def __init__(self, mean: Sequence[float] | None = None, std: Sequence[float] | None = None,
                 bgr_to_rgb: bool = False, non_blocking: bool = False) -> None:
        super().__init__(mean=mean, std=std, bgr_to_rgb=bgr_to_rgb, non_blocking=non_blocking)

    def forward(self, data: dict, training: bool = False) -> dict:
        """Prepare a batch.

        Args:
            data (dict): ``inputs``: list of (3, H, W) uint8; ``data_samples``: list of
                ``PoseDataSample``, those with a mask with ``gt_fields.foreground_mask`` (1, H, W)
                uint8, 0 background to 255 foreground.
            training (bool): Not used.

        Returns:
            dict: ``inputs`` (N, 3, H, W) float32; ``data_samples`` as they were; ``foreground``
            (N, 1, H, W) float32 in [0, 1], 0 where there is no mask, and ``known`` (N,) bool, both
            None if no sample has a mask; ``known`` None also if all have.
        """
        samples = data.get('data_samples')
        images = _stack(data['inputs'])
        foreground, known = self._masks(samples or (), images.shape[-2:])
        images = self._move(images).float()
        if self._channel_conversion:
            images = images.flip(1)
        if self._enable_normalize:
            images = (images - self.mean) / self.std
        return dict(inputs=images, data_samples=samples, foreground=foreground, known=known)

    def _masks(self, samples: Sequence[PoseDataSample], size: Sequence[int]
               ) -> tuple[Tensor | None, Tensor | None]:
        masks = [s.gt_fields.foreground_mask if 'gt_fields' in s and 'foreground_mask' in
                 s.gt_fields else None for s in samples]
        if all(mask is None for mask in masks):
            return None, None
        for sample, mask in zip(samples, masks):
            if mask is not None and mask.shape[-2:] != size:
                raise ValueError(f'the foreground mask of {sample.metainfo.get("img_path")} is '
                                 f'{tuple(mask.shape[-2:])}, the input {tuple(size)} (height, '
                                 'width): crop both with RecordedTopdownAffine')
        present = [mask is not None for mask in masks]
        empty = torch.zeros(1, *size, dtype=torch.uint8)
        foreground = torch.stack([empty if mask is None else mask for mask in masks])
        known = None if all(present) else self._move(torch.tensor(present))
        return self._move(foreground).float() / 255, known

    def _move(self, tensor: Tensor) -> Tensor:
        return tensor.to(self.device, non_blocking=self._non_blocking)


def _stack(images: Tensor | Sequence[Tensor]) -> Tensor:
    if torch.is_tensor(images):
        return images
    sizes = {tuple(image.shape) for image in images}
    if len(sizes) > 1:
        raise ValueError(f'a batch has images of different shapes (C, H, W): {sorted(sizes)}. Give '
                         'both domains the same RecordedTopdownAffine.input_size')
    return torch.stack(list(images))
