"""Heads that regress coordinates."""
from __future__ import annotations

import torch
from mmpose.codecs import IntegralRegressionLabel, RegressionLabel
from mmpose.models.heads import DSNTHead, IntegralRegressionHead, RegressionHead, RLEHead
from torch import Tensor, nn

from ..utils.pseudo_label import render_gaussians
from .base import Readout, instance_labels, labelled, register_readout


@register_readout(RegressionLabel)
class RegressionReadout(Readout):
    """Coordinates as fractions of the input's size: ``RegressionHead``, ``RLEHead``.

    RLE's confidence is ``1 - sigma``, the mean of both axes, as in MMPose (arXiv 2107.11291). A
    plain regression has none: it is 1 everywhere and selects nothing.
    """

    def __init__(self, head: nn.Module) -> None:
        super().__init__(head)
        self.has_confidence = self.has_sigma = isinstance(head, RLEHead)

    @staticmethod
    def coordinates(output) -> Tensor:
        """(B, K, 2) fractions of (width, height)."""
        return output[..., :2]

    def points(self, output, subpixel: bool = True) -> tuple[Tensor, Tensor]:
        """Input pixels; RLE's confidence."""
        coordinates = self.coordinates(output).float()
        if not self.has_sigma:
            return coordinates * self._extent(coordinates), torch.ones_like(coordinates[..., 0])
        return coordinates * self._extent(coordinates), 1 - output[..., 2:].float().sigmoid().mean(
            -1)

    def targets(self, points: Tensor) -> Tensor:
        """(B, K, 2) fractions."""
        return points.float() / self._extent(points)

    def labels(self, samples: list) -> Tensor:
        """(B, K, 2) fractions."""
        return instance_labels(samples, 'keypoint_labels')

    def label_points(self, samples: list) -> Tensor:
        """The labels in input pixels."""
        labels = instance_labels(samples, 'keypoint_labels')
        return labelled(labels * self._extent(labels), samples)

    def head_loss(self, head: nn.Module, output, targets, weights: Tensor) -> Tensor:
        """The loss module as the head calls it."""
        parts = (output[..., :2], output[..., 2:]) if self.has_sigma else (output,)
        return head.loss_module(*parts, targets, weights[..., None])

    def loss(self, head: nn.Module, feats, output, samples: list, train_cfg: dict) -> dict:
        """As the head's, without the accuracy, for which a GPU would have to wait."""
        if type(head).loss not in (RegressionHead.loss, RLEHead.loss,
                                   IntegralRegressionHead.loss):
            return super().loss(head, feats, output, samples, train_cfg)
        weights = instance_labels(samples, 'keypoint_weights')
        return dict(loss_kpt=self.head_loss(head, output, self.labels(samples), weights))

    def check(self, head: nn.Module, output, samples: list) -> None:
        """As many joints as the labels have."""
        joints = self.coordinates(output).shape[1]
        labels = samples[0].get('gt_instance_labels')
        if labels is not None and 'keypoint_labels' in labels and \
                labels.keypoint_labels.shape[1] != joints:
            raise ValueError(f'the labels have {labels.keypoint_labels.shape[1]} joints, the model '
                             f'predicts {joints}: head.num_joints must be the number of joints')

    def _extent(self, like: Tensor) -> Tensor:
        """(2,) width and height of the input."""
        return torch.as_tensor(self.size[::-1]).to(like, non_blocking=True)


@register_readout(IntegralRegressionLabel)
class IntegralReadout(RegressionReadout):
    """Coordinates as means of heatmaps: ``IntegralRegressionHead``, ``DSNTHead``.

    The output is (coordinates, heatmaps of sum 1); confidence is the heatmap's highest value, so
    it depends on the heatmap's size: select by quantile rather than by ``min_confidence``.
    """

    def __init__(self, head: nn.Module) -> None:
        super().__init__(head)
        self.has_confidence = True
        self.with_heatmaps = isinstance(head, DSNTHead)

    def _input_size(self):
        return self.codec.keypoint_codec.input_size

    @staticmethod
    def coordinates(output) -> Tensor:
        """(B, K, 2) fractions of (width, height)."""
        return output[0]

    def points(self, output, subpixel: bool = True) -> tuple[Tensor, Tensor]:
        """Input pixels; the heatmaps' highest values."""
        coordinates = self.coordinates(output).float()
        return coordinates * self._extent(coordinates), output[1].float().amax((2, 3))

    def targets(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """(B, K, 2) fractions and (B, K, H, W) heatmaps as the codec renders them."""
        codec = self.codec.heatmap_codec
        width, height = (int(n) for n in codec.heatmap_size)
        scale = torch.as_tensor(codec.scale_factor).to(points, non_blocking=True)
        heatmaps = render_gaussians(points / scale, (height, width), codec.sigma,
                                    not codec.unbiased, not codec.unbiased)
        if self.codec.normalize:
            heatmaps = heatmaps / (heatmaps.sum((2, 3), keepdim=True) + 1e-24)
        return super().targets(points), heatmaps

    def labels(self, samples: list) -> tuple[Tensor, Tensor]:
        """Fractions and heatmaps."""
        return super().labels(samples), torch.stack([s.gt_fields.heatmaps for s in samples])

    def head_loss(self, head: nn.Module, output, targets, weights: Tensor) -> Tensor:
        """The loss module as the head calls it, DSNT's with both of its parts."""
        if not self.with_heatmaps:
            return head.loss_module(output[0], targets[0], weights)
        return sum(head.loss_module([*_safe(output, weights)], [*targets], weights))

    def loss(self, head: nn.Module, feats, output, samples: list, train_cfg: dict) -> dict:
        """As the head's."""
        if self.with_heatmaps:
            output = _safe(output, instance_labels(samples, 'keypoint_weights'))
        return super().loss(head, feats, output, samples, train_cfg)

    def distributions(self, output) -> list[Tensor]:
        """The heatmaps."""
        return [output[1].float().flatten(2)]


def _safe(output: tuple[Tensor, Tensor], weights: Tensor) -> tuple[Tensor, Tensor]:
    """The same output with a finite gradient in MMPose's ``JSDiscretLoss``.

    It multiplies heatmaps by the joints' weights, and where a product is 0 the gradient of p log p
    is NaN with current PyTorch: one joint without label, or one rejected pseudo-label, and all
    weights are lost. Such joints get no gradient here, and neither do pixels whose softmax has
    underflowed.
    """
    coordinates, heatmaps = output
    counted = weights.reshape(weights.shape[:2])[..., None, None] > 0
    return coordinates, torch.where(counted, heatmaps, heatmaps.detach()).clamp(min=1e-24)
