"""Images of style transfer's training, ready for the network."""
from __future__ import annotations

import torch
from mmengine.model import BaseDataPreprocessor
from mmpose.registry import MODELS


@MODELS.register_module()
class StyleImagePreprocessor(BaseDataPreprocessor):
    """Bring ``StyleTransferDataset``'s images to the model's device, as RGB in [0, 1].

    Args:
        non_blocking (bool): Whether the copy may overlap. Defaults to False.
    """

    def forward(self, data: dict, training: bool = False) -> dict:
        """Stack and scale.

        Args:
            data (dict): ``inputs``: dict of ``content`` and ``style``, each (B, 3, H, W) or a list
                of (3, H, W), uint8 RGB.
            training (bool): Not used.

        Returns:
            dict: ``inputs``: the same with float32 tensors (B, 3, H, W) in [0, 1].
        """
        inputs = self.cast_data(data)['inputs']
        return dict(inputs={
            role: (images if torch.is_tensor(images) else torch.stack(list(images))).float() / 255
            for role, images in inputs.items()})
