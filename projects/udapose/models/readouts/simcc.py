"""Heads that classify x and y: SimCC, RTMPose, RTMW."""
from __future__ import annotations

import math

import numpy as np
import torch
from mmpose.codecs import SimCCLabel
from mmpose.models.heads import RTMCCHead, RTMWHead, SimCCHead
from torch import Tensor, nn

from ..utils.pseudo_label import profile_peaks, soft_peaks
from .base import Readout, instance_labels, labelled, register_readout

# Their losses differ from ours only by an accuracy that goes through numpy.
_STOCK_LOSSES = (SimCCHead.loss, RTMCCHead.loss, RTMWHead.loss)


@register_readout(SimCCLabel)
class SimCCReadout(Readout):
    """Two profiles per joint, (B, K, Wx) and (B, K, Wy), of logits (arXiv 2107.03332, 2303.07399).

    Confidence is the height of the distribution's peak relative to that of a label, the lower one
    of both axes, in [0, 1]: 1 is as sharp as a label. (MMPose's ``keypoint_scores`` are heights of
    the logits, which have no fixed scale.)
    """

    kind = 'profiles'

    def __init__(self, head: nn.Module) -> None:
        super().__init__(head)
        codec, loss = self.codec, getattr(head, 'loss_module', None)
        self.ratio = codec.simcc_split_ratio
        # as MMPose: the lengths of the profiles, (x, y)
        self.bins = [int(np.around(n * self.ratio)) for n in codec.input_size]
        # logits are trained as softmax(beta * logits)
        self.beta = getattr(loss, 'beta', 1.)
        self.label_beta = loss.label_beta if getattr(loss, 'label_softmax', False) else None
        self.label_peaks = [self._label_peak(axis) for axis in (0, 1)]

    def points(self, output, subpixel: bool = True) -> tuple[Tensor, Tensor]:
        """Peaks of both profiles in input pixels, confidence."""
        positions, heights = [], []
        for logits, label_peak in zip(output, self.label_peaks, strict=True):
            p = (self.beta * logits.float()).softmax(-1)
            position, height = profile_peaks(p, subpixel)
            positions.append(position / self.ratio)
            heights.append((height / label_peak).clamp(max=1.))
        return torch.stack(positions, -1), torch.minimum(*heights)

    def soft_points(self, output) -> Tensor:
        """Means of both distributions around their peaks, within three standard deviations."""
        sigmas = np.broadcast_to(self.codec.sigma, 2)
        return torch.stack([
            soft_peaks(p.unsqueeze(2), 3 * float(sigma))[..., 0] / self.ratio
            for p, sigma in zip(self.distributions(output), sigmas, strict=True)], -1)

    def targets(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """(B, K, Wx) and (B, K, Wy): the codec's labels."""
        return tuple(self._profile(points[..., axis], axis) for axis in (0, 1))

    def labels(self, samples: list) -> tuple[Tensor, Tensor]:
        """(B, K, Wx) and (B, K, Wy)."""
        return tuple(instance_labels(samples, f'keypoint_{axis}_labels') for axis in 'xy')

    def label_points(self, samples: list) -> Tensor:
        """Peaks of the labels."""
        points = torch.stack([profile_peaks(p.float(), subpixel=False)[0] / self.ratio
                              for p in self.labels(samples)], -1)
        return labelled(points, samples)

    def distributions(self, output) -> list[Tensor]:
        """Both profiles' softmax."""
        return [(self.beta * logits.float()).softmax(-1) for logits in output]

    def loss(self, head: nn.Module, feats, output, samples: list, train_cfg: dict) -> dict:
        """As the head's, without the accuracy, for which a GPU would have to wait."""
        if type(head).loss not in _STOCK_LOSSES:
            return super().loss(head, feats, output, samples, train_cfg)
        weights = instance_labels(samples, 'keypoint_weights')
        return dict(loss_kpt=head.loss_module(output, self.labels(samples), weights))

    def check(self, head: nn.Module, output, samples: list) -> None:
        """Profiles have the codec's lengths and the labels' shape."""
        if not isinstance(output, (tuple, list)) or len(output) != 2:
            raise ValueError(f'{type(head).__name__} returned {type(output).__name__}, not the two '
                             'profiles that its codec expects')
        found = [p.shape[-1] for p in output]
        if found != self.bins:
            raise ValueError(
                f'the model outputs profiles of {found[0]} and {found[1]} bins (x, y), its codec '
                f'expects {self.bins[0]} and {self.bins[1]}: head.input_size and '
                'simcc_split_ratio must be those of the codec')
        labels = samples[0].get('gt_instance_labels')
        if labels is not None and 'keypoint_x_labels' in labels:
            shape = tuple(labels.keypoint_x_labels.shape[1:])
            if shape != tuple(output[0].shape[1:]):
                raise ValueError(
                    f'label profiles have shape {shape}, the model predicts '
                    f'{tuple(output[0].shape[1:])} (joints, bins): GenerateTarget must use the '
                    'codec of the head, and head.out_channels must be the number of joints')

    # ------------------------------------------------------------------ labels
    def _profile(self, points: Tensor, axis: int) -> Tensor:
        """(B, K) input pixels to (B, K, n) labels of one axis."""
        codec = self.codec
        grid = torch.arange(self.bins[axis], device=points.device, dtype=torch.float32)
        centre = (points.float() * self.ratio).round()[..., None]
        if codec.smoothing_type == 'gaussian':
            sigma = float(codec.sigma[axis])
            profile = torch.exp(-(grid - centre).square() / (2 * sigma**2))
            return profile / (sigma * math.sqrt(2 * math.pi)) if codec.normalize else profile
        smooth = codec.label_smooth_weight
        return torch.where(grid == centre, 1 - smooth, smooth / (len(grid) - 1))

    def _label_peak(self, axis: int) -> float:
        """Height of the distribution that a label stands for, at its peak."""
        label = self._profile(torch.tensor([[self.size[1 - axis] / 2]], device='cpu'), axis)
        p = (self.label_beta * label).softmax(-1) if self.label_beta is not None \
            else label / label.sum(-1, keepdim=True)
        return float(p.max())
