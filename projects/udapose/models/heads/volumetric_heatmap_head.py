"""3D keypoints as the expectation over a volume."""
from __future__ import annotations

from mmpose.registry import MODELS
from torch import Tensor

from .coordinate_head_3d import CoordinateHead3D, soft_argmax


@MODELS.register_module()
class VolumetricHeatmapHead(CoordinateHead3D):
    """A D x H x W volume per joint, read out by soft-argmax.

    After Sun et al., "Integral Human Pose Regression" (ECCV 2018): the layers give D channels per
    joint, which a softmax over the whole volume turns into a distribution; its expectation is the
    prediction, differentiable and finer than a voxel.

    **Memory** in training: some 4 float32 volumes, ``16 N K D H W`` bytes (logits, softmax and
    their gradients; a heatmap loss adds one or two). By this count N = 64, K = 22 and 16^3 voxels
    take 92 MB, 32^3 0.7 GB, 64^3 5.9 GB. The 2.5D head's maps take ``2 / D`` of it.

    Losses: ``loss_kpt`` on the expected coordinates, and ``loss_heatmap`` if configured.

    Args:
        in_channels (int): Channels of the last feature map.
        num_keypoints (int): K.
        decoder (dict): ``RootRelativeHeatmap3D``; ``heatmap_size`` gives D.
        coordinate_loss (dict): Loss on coordinates in shares of the volume, -0.5 to 0.5. Defaults
            to MMPose's ``L1Loss`` with weights.
        heatmap_loss (dict, optional): Loss on the volume. Defaults to none.
        **kwargs: Layers, see :class:`CoordinateHead3D`.
    """

    def __init__(self, in_channels: int, num_keypoints: int, decoder: dict,
                 coordinate_loss: dict = dict(type='L1Loss', use_target_weight=True),  # noqa: B006
                 heatmap_loss: dict | None = None, **kwargs) -> None:
        super().__init__(in_channels, num_keypoints, decoder, None,
                         coordinate_loss, heatmap_loss, **kwargs)

    def forward(self, feats: tuple[Tensor, ...]) -> Tensor:
        """Logits (N, K, D, H, W) of features whose last has shape (N, C, h, w)."""
        return self._maps(feats).unflatten(1, (self.num_keypoints, -1))

    def read_out(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Coordinates (N, K, 3) in voxels and probabilities (N, K, H, W), summed over depth."""
        shape = outputs.shape
        # half precision would round coordinates of large volumes
        volumes = outputs.flatten(2).float().softmax(-1).reshape(shape)
        return soft_argmax(volumes), volumes.sum(2)

    def loss(self, feats: tuple[Tensor, ...], batch_data_samples: list,
             train_cfg: dict = {}) -> dict[str, Tensor]:  # noqa: B006
        """Losses of features and samples with ``gt_instance_labels``."""
        labels, weights = self._labels(batch_data_samples)
        logits = self.forward(feats)
        voxels, _ = self.read_out(logits)
        losses = dict(loss_kpt=self.loss_module(
            self._shares(voxels), self._shares(labels), weights))
        if self.heatmap_loss is not None:
            losses['loss_heatmap'] = self.heatmap_loss(logits, labels, weights)
        return losses
