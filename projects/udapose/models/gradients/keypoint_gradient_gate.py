"""Keypoint-wise decomposition and gate of the target's gradient (HamiPose)."""
from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from mmengine.dist import all_reduce
from mmpose.registry import MODELS
from torch import Tensor, nn

from ..readouts import Readout
from .increment_metric import IncrementMetric
from .output_gradient import (
    channel_rows,
    gradient_at_output,
    linear_layer_name,
    pull_back,
    with_gradient,
)

if TYPE_CHECKING:
    from ..pose_estimators.adaptation_batch import AdaptationBatch

_GATES = ('soft', 'hard', 'open', 'closed')


@MODELS.register_module()
class KeypointGradientGate(nn.Module):
    r"""Take from each keypoint's target gradient what its source gradient would contradict.

    A ``gradient_rule`` of :class:`MeanTeacherPoseEstimator`. With the gradients :math:`g_s, g_t`
    of source loss and consistency at the student's output maps, pulled back to the parameters of
    channel k of the last layer (:math:`\hat g_s, \hat g_t`),

    .. math:: \rho_k = \cos(\hat g_s, \hat g_t), \qquad
              a_k = \frac{\langle \hat g_s, \hat g_t \rangle}{\langle \hat g_s, \hat g_s \rangle},
              \qquad g = g_s + (g_t - a_k g_s) + \phi_k a_k g_s

    with the gate :math:`\phi_k = \max(0, \tanh(\gamma \rho_k)) \, c_k`, :math:`c_k` the teacher's
    confidence. g replaces the sum :math:`g_s + g_t` at the maps and goes through the network in
    the one usual backward pass. Logged losses keep their values. Sources: HamiPose (CVPR 2026),
    as described by secondary summaries (docs/hamipose.md says what follows from it: the source
    gradient of keypoint k is multiplied by :math:`1 - a_k (1 - \phi_k)`).

    Args:
        gate (str): ``'soft'`` (as described), ``'hard'`` (1 where the cosine is positive, as
            PCGrad, arXiv 2001.06782), ``'closed'`` (0: the parallel part is always removed) or
            ``'open'`` (1: the plain sum).
        confidence (bool): Multiply a soft or hard gate by the teacher's mean confidence in this
            keypoint. Defaults to True.
        gamma (float): Final slope of the soft gate. Defaults to 2.
        gamma_warmup (float): Share of the training during which the slope rises linearly from 0.
            Defaults to 0.1.
        decomposition (bool): False gates the whole target gradient instead of its parallel part:
            :math:`g = g_s + \phi_k g_t`. Defaults to True.
        metric (dict, optional): Arguments of :class:`IncrementMetric`; the default and
            ``kind='channel'`` give the same gate.
        source_weight_range (tuple[float, float], optional): Bounds of the factor that the source
            gradient gets. By default there are none (as described), and it can become negative.
        layer (str, optional): Dotted name, within the student, of the convolution that makes the
            maps. Found by itself in MMPose's heads.

    Raises:
        ValueError: Unknown gate or values out of range; (when the model is built) a head without
            heatmaps or without a linear last layer; (in the first step) maps that are not the
            layer's output, or several source losses.
    """

    def __init__(self, gate: str = 'soft', confidence: bool = True, gamma: float = 2.,
                 gamma_warmup: float = 0.1, decomposition: bool = True,
                 metric: dict | None = None,
                 source_weight_range: tuple[float, float] | None = None,
                 layer: str | None = None) -> None:
        super().__init__()
        if gate not in _GATES:
            raise ValueError(f'gate must be one of {_GATES}, got {gate!r}')
        if gamma < 0 or not 0 <= gamma_warmup <= 1:
            raise ValueError('gamma >= 0 and gamma_warmup in [0, 1] are needed, got '
                             f'gamma={gamma}, gamma_warmup={gamma_warmup}')
        if source_weight_range and source_weight_range[0] > source_weight_range[1]:
            raise ValueError(f'source_weight_range={source_weight_range}: (lowest, highest)')
        self.gate, self.confidence, self.decomposition = gate, confidence, decomposition
        self.gamma, self.gamma_warmup = gamma, gamma_warmup
        self.metric = IncrementMetric(**(metric or {}))
        self.source_weight_range, self.layer = source_weight_range, layer
        self.features: tuple[str, ...] = ()  # the estimator collects these
        self._checked = False

    def attach(self, student: nn.Module, readout: Readout) -> None:
        """Find the last layer; called once by the estimator.

        Raises:
            ValueError: See the class.
        """
        head = type(student.head).__name__
        if readout.kind != 'maps':
            raise ValueError(
                f'KeypointGradientGate needs heatmaps, but {head} with '
                f'{type(readout.codec).__name__} predicts {readout.kind}: leave gradient_rule out, '
                'or use a head such as HeatmapHead')
        name = linear_layer_name(student.head)
        self.layer = self.layer or (name and f'head.{name}')
        try:
            layer = student.get_submodule(self.layer or '?')
        except AttributeError:
            layer = None
        if not isinstance(layer, nn.Conv2d) or layer.groups != 1 or layer.padding_mode != 'zeros':
            found = 'nothing' if layer is None else str(layer)
            raise ValueError(
                'KeypointGradientGate needs a linear last layer with one output channel per '
                f'keypoint (nn.Conv2d, groups=1, zero padding); {head} has {found} as '
                f'{self.layer or "head.final_layer"}: name it with gradient_rule.layer, or leave '
                'gradient_rule out')
        self.features = (f'{self.layer}:input',)
        self.metric.allocate(channel_rows(layer))

    def forward(self, batch: AdaptationBatch, losses: dict[str, Tensor]) -> dict[str, Tensor]:
        """Give source loss and consistency their combined gradient.

        Args:
            batch (AdaptationBatch): Its ``features`` hold the last layer's input.
            losses (dict[str, Tensor]): The head's own loss on source images and
                ``loss_consistency``.

        Returns:
            dict[str, Tensor]: The same with the same values, and ``gradient_conflict`` (share of
            keypoints with a negative cosine), ``gradient_cosine``, ``gradient_gate`` (mean phi),
            ``gradient_source_weight`` (mean factor of the source gradient).
        """
        key = self._source_key(batch, losses)
        layer = batch.student.get_submodule(self.layer)
        maps = [batch.source.output, batch.target.output]
        features = [d.features[self.features[0]] for d in (batch.source, batch.target)]
        if not self._checked:
            self._check(layer, features[0], maps[0])
        scale = float(maps[0].numel())
        source, target = (gradient_at_output(loss, output, scale) for loss, output in zip(
            (losses[key], losses['loss_consistency']), maps, strict=True))
        cosine, ratio = self._compare(*self._pulled(layer, features, (source, target)),
                                      self.metric.update(channel_rows(layer)))
        phi = self._phi(cosine, batch)
        weights = self._weights(ratio, phi)
        combined = [g * (w / scale)[:, None, None] for g, w in zip(
            (source, target), weights, strict=True)]
        return {**losses,
                key: with_gradient(losses[key], maps[0], combined[0]),
                'loss_consistency': with_gradient(losses['loss_consistency'], maps[1], combined[1]),
                'gradient_conflict': (cosine < 0).float().mean(), 'gradient_cosine': cosine.mean(),
                'gradient_gate': phi.mean(), 'gradient_source_weight': weights[0].mean()}

    # ------------------------------------------------------------------ the parts
    @staticmethod
    def _pulled(layer: nn.Conv2d, features: list, gradients: tuple) -> Tensor:
        """(2, K, P), the mean over all processes as for the gradients themselves."""
        rows = torch.stack([pull_back(layer, f, g)
                            for f, g in zip(features, gradients, strict=True)])
        all_reduce(rows, op='mean')
        return rows

    @staticmethod
    def _compare(source: Tensor, target: Tensor, inverse: Tensor | None
                 ) -> tuple[Tensor, Tensor]:
        """(K,) cosines and (K,) lengths of the parallel part in multiples of the source's; 0 where
        a gradient is 0."""
        weighted = source if inverse is None else source * inverse
        product = (weighted * target).sum(1)
        own = (weighted * source).sum(1)
        other = (target.square() if inverse is None else target.square() * inverse).sum(1)
        tiny = torch.finfo(own.dtype).tiny
        norm = own.sqrt() * other.sqrt()
        cosine = torch.where(norm > tiny, product / norm.clamp(min=tiny), 0.).clamp(-1, 1)
        return cosine, torch.where(own > tiny, product / own.clamp(min=tiny), 0.)

    def _phi(self, cosine: Tensor, batch: AdaptationBatch) -> Tensor:
        """(K,) gates in [0, 1]."""
        if self.gate in ('open', 'closed'):
            return torch.full_like(cosine, float(self.gate == 'open'))
        if self.gate == 'hard':
            phi = (cosine > 0).to(cosine.dtype)
        else:
            ramp = min(batch.progress / self.gamma_warmup, 1.) if self.gamma_warmup else 1.
            phi = torch.tanh(self.gamma * ramp * cosine).clamp(min=0)
        return phi * self._confidence(batch) if self.confidence else phi

    @staticmethod
    def _confidence(batch: AdaptationBatch) -> Tensor:
        """(K,) the teacher's mean peak, in [0, 1], over the images that show the keypoint."""
        values = batch.pseudo.confidence.float()
        both = torch.stack([values.clamp(0, 1).sum(0), (values > 0).float().sum(0)])
        all_reduce(both, op='sum')
        return both[0] / both[1].clamp(min=1)

    def _weights(self, ratio: Tensor, phi: Tensor) -> tuple[Tensor, Tensor]:
        """(K,) factors of both gradients."""
        if not self.decomposition:
            return torch.ones_like(phi), phi
        source = 1 - ratio * (1 - phi)
        if self.source_weight_range is not None:
            source = source.clamp(*self.source_weight_range)
        return source, torch.ones_like(phi)

    # ------------------------------------------------------------------ checks
    @staticmethod
    def _source_key(batch: AdaptationBatch, losses: dict[str, Tensor]) -> str:
        if batch.source is None:
            raise ValueError('KeypointGradientGate compares the gradients of source and target, '
                             'but this batch has no source images: leave gradient_rule out')
        keys = [k for k in losses if 'loss' in k and k != 'loss_consistency']
        if len(keys) != 1:
            raise ValueError(
                f'KeypointGradientGate needs one source loss at the heatmaps, but '
                f'{type(batch.student.head).__name__} returns {keys}: leave gradient_rule out, or '
                'use a head with one loss')
        return keys[0]

    @torch.no_grad()
    def _check(self, layer: nn.Conv2d, features: Tensor, maps: Tensor) -> None:
        """Once, in the first step: one reading back."""
        if not isinstance(maps, Tensor) or maps.shape[1] != layer.out_channels or \
                not torch.allclose(layer(features[:1]).float(), maps[:1].float(), 1e-2, 1e-3):
            raise ValueError(
                f'KeypointGradientGate: the heatmaps are not the output of {self.layer} (something '
                'comes after it, or there are several stages): name the layer that makes them '
                'with gradient_rule.layer, or leave gradient_rule out')
        self._checked = True
