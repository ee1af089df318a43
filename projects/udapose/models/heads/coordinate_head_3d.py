"""What the heads with 3D coordinates have in common."""
from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.structures import InstanceData, PixelData
from mmpose.models.heads import HeatmapHead
from mmpose.registry import MODELS
from mmpose.utils.tensor_utils import to_numpy
from torch import Tensor

from .camera_space import add_camera_space


def soft_argmax(probabilities: Tensor) -> Tensor:
    """Expected coordinates, from the marginals along each axis.

    Args:
        probabilities (Tensor): (N, K, H, W) or (N, K, D, H, W), each joint's map summing to 1.

    Returns:
        Tensor: (N, K, 2 or 3), x, y (and z) in voxels.
    """
    axes = range(2, probabilities.dim())
    expected = []
    for axis in reversed(axes):
        marginal = probabilities.sum([other for other in axes if other != axis])
        centers = torch.arange(marginal.shape[-1], device=marginal.device, dtype=marginal.dtype)
        expected.append((marginal * centers).sum(-1))  # autocast would round a matrix product
    return torch.stack(expected, -1)


class CoordinateHead3D(HeatmapHead):
    """Base of heads that predict voxel coordinates (x, y, z) from a map or volume per joint.

    The layers are those of MMPose's ``HeatmapHead``: deconvolutions, convolutions, a final layer.

    Args:
        in_channels (int): Channels of the last feature map.
        num_keypoints (int): K.
        decoder (dict): The codec, ``RootRelativeHeatmap3D``; its ``heatmap_size`` must be what the
            layers make of the input.
        maps_per_keypoint (int, optional): Output channels per joint. Defaults to the codec's depth.
        coordinate_loss (dict): Called with predicted and true coordinates in shares of the volume
            (N, K, D) and weights (N, K). Defaults to ``L1Loss`` with weights.
        heatmap_loss (dict, optional): Called with logits, voxel coordinates and weights; see
            :class:`GaussianHeatmapKLLoss`.
        deconv_out_channels, deconv_kernel_sizes, conv_out_channels, conv_kernel_sizes,
        final_layer, init_cfg: As in MMPose's ``HeatmapHead``.

    Raises:
        ValueError: No decoder, or one that is not a 3D codec; a map of another size.
    """

    def __init__(self, in_channels: int, num_keypoints: int, decoder: dict,
                 maps_per_keypoint: int | None, coordinate_loss: dict, heatmap_loss: dict | None,
                 deconv_out_channels: Sequence[int] | None = (256, 256, 256),
                 deconv_kernel_sizes: Sequence[int] | None = (4, 4, 4),
                 conv_out_channels: Sequence[int] | None = None,
                 conv_kernel_sizes: Sequence[int] | None = None,
                 final_layer: dict = dict(kernel_size=1),  # noqa: B006
                 init_cfg: dict | list | None = None) -> None:
        if len((decoder or {}).get('heatmap_size', ())) != 3:
            raise ValueError(f'{type(self).__name__} needs a 3D codec as decoder, such as '
                             f'RootRelativeHeatmap3D, got {decoder}')
        super().__init__(
            in_channels, num_keypoints * (maps_per_keypoint or decoder['heatmap_size'][2]),
            deconv_out_channels, deconv_kernel_sizes, conv_out_channels, conv_kernel_sizes,
            final_layer, loss=coordinate_loss, decoder=decoder, init_cfg=init_cfg)
        self.num_keypoints = num_keypoints
        self.heatmap_loss = MODELS.build(heatmap_loss) if heatmap_loss else None

    @abstractmethod
    def read_out(self, outputs: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Coordinates (N, K, 3) in voxels and probability maps (N, K, H, W) of :meth:`forward`."""

    def _maps(self, feats: tuple[Tensor, ...]) -> Tensor:
        """Output of the layers, (N, C, H, W), with the codec's width and height."""
        maps = super().forward(feats)
        width, height = self.decoder.heatmap_size[:2]
        if maps.shape[-2:] != (height, width):
            raise ValueError(
                f'{type(self).__name__} makes maps of {maps.shape[-1]} x {maps.shape[-2]} from '
                f'features of {feats[-1].shape[-1]} x {feats[-1].shape[-2]}, but the decoder\'s '
                f'heatmap_size is {self.decoder.heatmap_size}: each deconvolution doubles the size')
        return maps

    def _shares(self, voxels: Tensor) -> Tensor:
        """Voxels in shares of the volume, -0.5 to 0.5: all axes weigh alike."""
        return (voxels + .5) / voxels.new_tensor(self.decoder.heatmap_size) - .5

    def _labels(self, batch_data_samples: list) -> tuple[Tensor, Tensor]:
        self._check_samples(batch_data_samples)
        labels = [d.gt_instance_labels for d in batch_data_samples]
        return (torch.cat([label.keypoint_labels for label in labels]),
                torch.cat([label.keypoint_weights for label in labels]))

    def _check_samples(self, batch_data_samples: list) -> None:
        """Require the decoder's own crop, volume and joints: others only give wrong numbers."""
        volume = self.decoder.volume
        for sample in batch_data_samples:
            meta, where = sample.metainfo, sample.metainfo.get('img_path', 'a sample')
            size = tuple(meta.get('input_size', volume[0]))
            if size != volume[0]:
                raise ValueError(
                    f'the input of {where} is {size[0]} x {size[1]} (width, height), but the '
                    f'decoder has input_size={volume[0]}: set input_size of RecordedTopdownAffine '
                    'in each pipeline, of the codec, and img_size of the backbone alike')
            if tuple(meta.get('codec_volume', volume)) != volume:
                raise ValueError(
                    f'the labels of {where} were encoded with (input_size, heatmap_size, '
                    f'depth_range) {meta["codec_volume"]}, but the decoder has {volume}: give '
                    f'GenerateTarget (encoder) and {type(self).__name__} the same codec')
            labels = sample.get('gt_instance_labels')
            if labels and labels.keypoint_labels.shape[1] != self.num_keypoints:
                raise ValueError(
                    f'{where} has {labels.keypoint_labels.shape[1]} joints, but '
                    f'num_keypoints={self.num_keypoints} of {type(self).__name__}')

    def predict(self, feats: tuple[Tensor, ...] | list, batch_data_samples: list,
                test_cfg: dict = {}) -> list | tuple[list, list]:  # noqa: B006
        """Predict poses.

        Args:
            feats (tuple[Tensor] | list[tuple[Tensor]]): Features; with ``flip_test`` those of the
                image and of the mirrored image.
            batch_data_samples (list[PoseDataSample]): The batch's samples.
            test_cfg (dict): ``flip_test`` (average with the mirrored image's prediction),
                ``output_heatmaps`` and ``root_depth``, see :func:`add_camera_space`.

        Raises:
            ValueError: Inputs of another size than the decoder's.

        Returns:
            list[InstanceData] | tuple: Per sample ``keypoints`` (1, K, 2) in input pixels (the
            estimator moves them to the original image), ``keypoint_scores`` (1, K), the
            probability of the best 3 x 3 window, ``keypoint_depths`` (1, K) mm relative to the
            root, and ``keypoints_cam`` (1, K, 3) mm where a root depth is known. With
            ``output_heatmaps`` also a list of ``PixelData`` with ``heatmaps`` (K, H, W).
        """
        self._check_samples(batch_data_samples)
        if test_cfg.get('flip_test', False):
            swap = batch_data_samples[0].metainfo['flip_indices']
            voxels, maps = self.read_out(self.forward(feats[0]))
            mirrored, mirrored_maps = self.read_out(self.forward(feats[1]))
            mirrored = torch.cat([maps.shape[-1] - 1 - mirrored[..., :1], mirrored[..., 1:]], -1)
            voxels = (voxels + mirrored[:, swap]) / 2
            maps = (maps + mirrored_maps[:, swap].flip(-1)) / 2
        else:
            voxels, maps = self.read_out(self.forward(feats))
        scores = F.avg_pool2d(maps, 3, 1, 1).flatten(2).amax(-1) * 9
        points = self.decoder.from_voxels(voxels)
        predictions = [
            InstanceData(keypoints=point[None, :, :2], keypoint_depths=point[None, :, 2],
                         keypoint_scores=score[None])
            for point, score in zip(to_numpy(points), to_numpy(scores))]
        add_camera_space(predictions, batch_data_samples, test_cfg.get('root_depth'))
        if test_cfg.get('output_heatmaps', False):
            return predictions, [PixelData(heatmaps=m) for m in maps.detach()]
        return predictions
