"""Heads that predict one heatmap per joint."""
from __future__ import annotations

import logging

import cv2
import numpy as np
import torch
from mmengine.logging import print_log
from mmpose.codecs import MegviiHeatmap, MSRAHeatmap, UDPHeatmap
from mmpose.structures import MultilevelPixelData
from torch import Tensor, nn

from ..utils.pseudo_label import heatmap_peaks, render_gaussians, soft_peaks
from ..utils.view_geometry import ViewGeometry
from ..utils.warp import swap_channels, warp_affine
from .base import Readout, register_readout


@register_readout(MSRAHeatmap, UDPHeatmap)
class HeatmapReadout(Readout):
    """Gaussian heatmaps of height 1: ``HeatmapHead``, ``ViPNASHead``, ``CPMHead`` (last stage).

    Confidence is the peak's height. Targets are the codec's Gaussians in closed form.

    Raises:
        ValueError: ``UDPHeatmap(heatmap_type='combined')``, whose offset maps are no heatmaps.
    """

    kind = 'maps'
    default_consistency = dict(type='HeatmapConsistencyLoss')

    def __init__(self, head: nn.Module) -> None:
        super().__init__(head)
        codec = self.codec
        if getattr(codec, 'heatmap_type', 'gaussian') != 'gaussian':
            raise ValueError(
                f'{type(head).__name__} with {type(codec).__name__}(heatmap_type='
                f'{codec.heatmap_type!r}): its offset maps cannot be read. Use '
                "heatmap_type='gaussian', or another codec")
        width, height = (int(n) for n in codec.heatmap_size)
        self.size, self.scale_factor = (height, width), np.asarray(codec.scale_factor)
        self._set_kind()

    def _set_kind(self) -> None:
        """Which of MMPose's Gaussians the labels are."""
        codec = self.codec
        self.sigma = codec.sigma
        self.rounded = isinstance(codec, MSRAHeatmap) and not codec.unbiased
        self.truncated = not getattr(codec, 'unbiased', False)
        if self.truncated and abs(3 * codec.sigma % 1 - 0.5) < 0.5 - 1e-6:
            print_log(
                f'{type(codec).__name__}(sigma={codec.sigma:g}) draws some labels one heatmap '
                'pixel off, and the pseudo-labels with them, because 3 sigma is not whole '
                '(docs/data.md): use a sigma of 1, 2 or 3 (or thirds of a whole number)'
                + (', or unbiased=True' if isinstance(codec, MSRAHeatmap) else ''),
                logger='current', level=logging.WARNING)

    @staticmethod
    def maps(output) -> Tensor:
        """(B, K, H, W): of a head with several stages the last one's."""
        return output[-1] if isinstance(output, (list, tuple)) else output

    def points(self, output, subpixel: bool = True) -> tuple[Tensor, Tensor]:
        """Peaks and their heights."""
        return heatmap_peaks(self.maps(output), subpixel)

    def soft_points(self, output) -> Tensor:
        """Centres of mass around the peaks, within three standard deviations."""
        return soft_peaks(self.maps(output), 3 * self.sigma)

    def untaught_loss(self, output) -> dict[str, Tensor]:
        """All stages but the last one."""
        if not isinstance(output, (list, tuple)) or len(output) < 2:
            return {}
        return dict(loss_unused=0. * sum(maps.float().mean() for maps in output[:-1]))

    def targets(self, points: Tensor) -> Tensor:
        """(B, K, H, W) Gaussians."""
        return render_gaussians(points, self.size, self.sigma, self.rounded, self.truncated)

    def labels(self, samples: list) -> Tensor:
        """(B, K, H, W), of several levels the last one."""
        fields = [s.gt_fields for s in samples]
        if isinstance(fields[0], MultilevelPixelData):
            fields = [f[f.nlevel - 1] for f in fields]
        return torch.stack([f.heatmaps for f in fields])

    def label_points(self, samples: list) -> Tensor:
        """Peaks of the labels."""
        labels = self.labels(samples).float()
        points, _ = self.points(labels)
        return torch.where(labels.amax((2, 3))[..., None] > 0, points, torch.nan)

    def head_loss(self, head: nn.Module, output, targets: Tensor, weights: Tensor) -> Tensor:
        """Of a head with several stages the last one's loss module."""
        module = head.loss_module
        module = module[-1] if isinstance(module, nn.ModuleList) else module
        return module(self.maps(output), targets, weights)

    def distributions(self, output) -> list[Tensor]:
        """Each heatmap, negative values cut off, normalised."""
        p = self.maps(output).float().clamp(min=0).flatten(2)
        return [(p + 1e-12) / (p + 1e-12).sum(-1, keepdim=True)]  # an empty one is uniform

    def warp(self, output, geometry: ViewGeometry) -> Tensor:
        """(B, K, H, W), joints exchanged where the views differ by a flip."""
        swapped = swap_channels(self.maps(output), geometry.flip_indices, geometry.teacher_swap)
        return warp_affine(swapped, geometry.teacher_to_frame)

    def align(self, output, geometry: ViewGeometry | None) -> Tensor:
        """(B, K, H, W)."""
        maps = self.maps(output)
        return maps if geometry is None else geometry.align_student(maps)

    def valid_mask(self, geometry: ViewGeometry) -> Tensor:
        """(B, 1, H, W) of zeros and ones."""
        return geometry.covered(self.size)

    def check(self, head: nn.Module, output, samples: list) -> None:
        """Heatmaps have the codec's size and the labels' shape."""
        maps = self.maps(output)
        if not isinstance(maps, Tensor) or maps.ndim != 4:
            raise ValueError(f'{type(head).__name__} returned {type(maps).__name__}, not '
                             '(B, K, H, W) heatmaps as its codec expects: use for example '
                             'HeatmapHead')
        height, width = self.size
        if tuple(maps.shape[-2:]) != self.size:
            raise ValueError(
                f'the model outputs heatmaps of {maps.shape[-1]}x{maps.shape[-2]} pixels, its '
                f'codec expects {width}x{height} (width x height): set codec.heatmap_size, or the '
                'strides of backbone and head, so that they agree')
        if 'heatmaps' not in samples[0].get('gt_fields', ()):
            return
        labels = self.labels(samples[:1])[0]
        if labels.shape != maps.shape[1:]:
            raise ValueError(
                f'label heatmaps have shape {tuple(labels.shape)}, the model predicts '
                f'{tuple(maps.shape[1:])} (joints, height, width): GenerateTarget must use the '
                'codec of the head, and head.out_channels must be the number of joints')


@register_readout(MegviiHeatmap)
class MegviiReadout(HeatmapReadout):
    """Heatmaps of height 255 whose peak is the pixel that holds the joint: ``MSPNHead``.

    The labels are a blurred pixel; the blur's kernel is laid around it, without the reflection
    that the blur has at the border. Several stages: the last one is read and taught.
    """

    def _set_kind(self) -> None:
        size = self.codec.kernel_size
        kernel = cv2.getGaussianKernel(size, 0)[:, 0]  # small ones are tables, not Gaussians
        # of the Gaussian that a kernel of this size stands for, in OpenCV's formula
        self.sigma = 0.3 * ((size - 1) * 0.5 - 1) + 0.8
        self.radius, self.kernel = size // 2, torch.from_numpy(kernel / kernel.max()).float()

    def points(self, output, subpixel: bool = True) -> tuple[Tensor, Tensor]:
        """Centres of the peaks' pixels, which are at + 0.5 in this codec, and heights / 255."""
        points, values = heatmap_peaks(self.maps(output), subpixel)
        return points + 0.5, values / 255

    def soft_points(self, output) -> Tensor:
        """Likewise."""
        return super().soft_points(output) + 0.5

    def targets(self, points: Tensor) -> Tensor:
        """(B, K, H, W), height 255."""
        profiles = []
        for axis, length in ((1, self.size[0]), (0, self.size[1])):
            grid = torch.arange(length, device=points.device)
            distance = (grid - points[..., axis, None].floor()).long()
            kernel = self.kernel.to(points.device, non_blocking=True)
            values = kernel[(distance + self.radius).clamp(0, 2 * self.radius)]
            profiles.append(values * (distance.abs() <= self.radius))
        return 255 * profiles[0].unsqueeze(-1) * profiles[1].unsqueeze(-2)
