"""2D heatmaps with a depth map per joint."""
from __future__ import annotations

import torch
from mmpose.registry import MODELS
from torch import Tensor

from .coordinate_head_3d import CoordinateHead3D, soft_argmax


@MODELS.register_module()
class DepthMapHeatmapHead(CoordinateHead3D):
    """2.5D: a heatmap and a depth map per joint, the depth read out under the heatmap.

    After Iqbal et al., "Hand Pose Estimation via Latent 2.5D Heatmap Regression" (ECCV 2018): the
    softmax of the heatmap gives the position by soft-argmax, and the depth is the expectation of
    the depth map under the same distribution. Nothing is as large as a volume: two maps per joint.

    Losses: ``loss_kpt`` on positions and ``loss_depth`` on depths (the same loss module, in shares
    of the volume), and ``loss_heatmap`` if configured.

    Args:
        in_channels (int): Channels of the last feature map.
        num_keypoints (int): K.
        decoder (dict): ``RootRelativeHeatmap3D``. The depth map is in shares of its
            ``depth_range``: -0.5 is the nearest, 0.5 the farthest depth; the output is not
            limited to it.
        coordinate_loss (dict): Loss on coordinates. Defaults to MMPose's ``L1Loss`` with weights.
        heatmap_loss (dict, optional): Loss on the 2D heatmap. Defaults to none.
        depth_loss_weight (float): Factor of ``loss_depth``. Defaults to 1.
        **kwargs: Layers, see :class:`CoordinateHead3D`.
    """

    def __init__(self, in_channels: int, num_keypoints: int, decoder: dict,
                 coordinate_loss: dict = dict(type='L1Loss', use_target_weight=True),  # noqa: B006
                 heatmap_loss: dict | None = None, depth_loss_weight: float = 1.,
                 **kwargs) -> None:
        super().__init__(in_channels, num_keypoints, decoder, 2, coordinate_loss, heatmap_loss,
                         **kwargs)
        self.depth_loss_weight = depth_loss_weight

    def forward(self, feats: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Heatmap logits and depth maps, (N, K, H, W) each."""
        return self._maps(feats).split(self.num_keypoints, 1)

    def read_out(self, outputs: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Coordinates (N, K, 3) in voxels and probabilities (N, K, H, W)."""
        logits, depth_maps = outputs
        maps = logits.flatten(2).float().softmax(-1).view_as(logits)
        depths = (maps * depth_maps).flatten(2).sum(-1)
        voxels = soft_argmax(maps)
        depth_voxels = (depths + .5) * self.decoder.heatmap_size[2] - .5
        return torch.cat([voxels, depth_voxels[..., None]], -1), maps

    def loss(self, feats: tuple[Tensor, ...], batch_data_samples: list,
             train_cfg: dict = {}) -> dict[str, Tensor]:  # noqa: B006
        """Losses of features and samples with ``gt_instance_labels``."""
        labels, weights = self._labels(batch_data_samples)
        outputs = self.forward(feats)
        shares, truth = self._shares(self.read_out(outputs)[0]), self._shares(labels)
        losses = dict(
            loss_kpt=self.loss_module(shares[..., :2], truth[..., :2], weights),
            loss_depth=self.depth_loss_weight * self.loss_module(
                shares[..., 2:], truth[..., 2:], weights))
        if self.heatmap_loss is not None:
            losses['loss_heatmap'] = self.heatmap_loss(outputs[0], labels[..., :2], weights)
        return losses
