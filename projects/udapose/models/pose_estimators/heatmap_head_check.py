"""Early checks that a plain model suits heatmap-based adaptation."""
from __future__ import annotations

import logging

from mmengine.logging import print_log
from mmpose.codecs import MSRAHeatmap, UDPHeatmap
from torch import Tensor, nn


def check_heatmap_head(estimator: nn.Module) -> None:
    """Require a head whose codec renders one Gaussian heatmap per joint.

    Warns of a sigma for which MMPose's codec draws its labels a pixel off.

    Raises:
        ValueError: Names the head or codec and those that work.
    """
    head = getattr(estimator, 'head', None)
    codec = getattr(head, 'decoder', None)
    works = ('use a head with one (B, K, H, W) heatmap tensor, such as HeatmapHead with the codec '
             'MSRAHeatmap or UDPHeatmap(heatmap_type="gaussian")')
    if head is None:
        raise ValueError(f'{type(estimator).__name__} has no head: {works}')
    if not isinstance(codec, (MSRAHeatmap, UDPHeatmap)) or getattr(
            codec, 'heatmap_type', 'gaussian') != 'gaussian':
        name = type(codec).__name__ if codec is not None else 'no codec (decoder=None)'
        raise ValueError(
            f'{type(head).__name__} with {name} does not predict Gaussian heatmaps: {works}')
    if not getattr(codec, 'unbiased', False) and abs(3 * codec.sigma % 1 - 0.5) < 0.5 - 1e-6:
        print_log(
            f'{type(codec).__name__}(sigma={codec.sigma:g}) draws some labels one heatmap pixel '
            'off, and the pseudo-labels with them, because 3 sigma is not whole (docs/data.md): '
            'use a sigma of 1, 2 or 3 (or thirds of a whole number)'
            + (', or unbiased=True' if isinstance(codec, MSRAHeatmap) else ''),
            logger='current', level=logging.WARNING)


def check_heatmaps(estimator: nn.Module, heatmaps: Tensor, data_samples: list) -> None:
    """Require that output, codec and labels have the same shape.

    Args:
        estimator (nn.Module): The plain model.
        heatmaps (Tensor): (B, K, H, W), output of its head.
        data_samples (list[PoseDataSample]): Labelled samples with ``gt_fields.heatmaps``.

    Raises:
        ValueError: Names what differs and the config keys to change.
    """
    head = estimator.head
    if not isinstance(heatmaps, Tensor) or heatmaps.ndim != 4:
        raise ValueError(f'{type(head).__name__} returned {type(heatmaps).__name__}, not one '
                         '(B, K, H, W) heatmap tensor: use for example HeatmapHead')
    width, height = (int(n) for n in head.decoder.heatmap_size)
    if tuple(heatmaps.shape[-2:]) != (height, width):
        raise ValueError(
            f'the model outputs heatmaps of {heatmaps.shape[-1]}x{heatmaps.shape[-2]} pixels, its '
            f'codec expects {width}x{height} (width x height): set codec.heatmap_size, or the '
            "strides of backbone and head, so that they agree")
    labels = getattr(data_samples[0].get('gt_fields'), 'heatmaps', None)
    if labels is not None and labels.shape != heatmaps.shape[1:]:
        raise ValueError(
            f'label heatmaps have shape {tuple(labels.shape)}, the model predicts '
            f'{tuple(heatmaps.shape[1:])} (joints, height, width): GenerateTarget must use the '
            'codec of the head, and head.out_channels must be the number of joints')
