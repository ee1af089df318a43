"""What a head's output means: from its own form to points, and from points to its labels."""
from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from ..utils.view_geometry import ViewGeometry

_READOUTS: dict[type, type[Readout]] = {}


def register_readout(*codecs: type) -> Callable[[type], type]:
    """Class decorator: use a readout for heads with one of these codecs or a subclass of them.

    Args:
        codecs (type): MMPose codec classes.

    Example:
        >>> @register_readout(MyCodec)
        ... class MyReadout(Readout):
        ...     ...
    """
    def register(readout: type) -> type:
        _READOUTS.update(dict.fromkeys(codecs, readout))
        return readout
    return register


def build_readout(estimator: nn.Module) -> Readout:
    """The readout of a plain MMPose model, chosen by its head's codec.

    Args:
        estimator (nn.Module): A plain top-down model.

    Returns:
        Readout: Checked against the head.

    Raises:
        ValueError: No head, no codec, or a codec without a readout; lists those that exist.
    """
    head = getattr(estimator, 'head', None)
    if head is None:
        raise ValueError(f'{type(estimator).__name__} has no head, so its predictions cannot be '
                         'read: a plain top-down model is needed')
    codec = getattr(head, 'decoder', None)
    if codec is None and hasattr(head, 'pose_head'):
        raise ValueError(
            f'{type(head).__name__} predicts visibility beside the pose, for which there are no '
            f'pseudo-labels: adapt the model with its {type(head.pose_head).__name__} alone, '
            "head=pose_cfg, from a checkpoint whose 'head.pose_head.' is renamed to 'head.'")
    known = ', '.join(sorted(cls.__name__ for cls in _READOUTS))
    if codec is None:
        raise ValueError(f'{type(head).__name__} has no codec (decoder=None), so its predictions '
                         f'cannot be read: give it one of {known}')
    for cls in type(codec).__mro__:  # the nearest ancestor that has one
        if cls in _READOUTS:
            return _READOUTS[cls](head)
    raise ValueError(
        f'{type(head).__name__} with {type(codec).__name__}: no readout is registered for this '
        f'codec. There are readouts for {known}; your own codec needs one (docs/readouts.md)')


class Readout:
    """Knows one family of codecs; holds no weights and no state of a batch.

    *Readout pixels* are the unit in which points are read from the output: heatmap pixels of a
    heatmap, input pixels of the others. A head's output has the head's own form, which is only
    looked into here.

    Args:
        head (nn.Module): The head whose ``decoder`` is the codec.

    Attributes:
        kind (str): ``'maps'`` (B, K, H, W), ``'profiles'`` (two (B, K, n) tensors) or ``'points'``.
        scale_factor (np.ndarray): (2,) input pixels per readout pixel, as (x, y).
        size (tuple[int, int]): (height, width) of the view in readout pixels.
        has_confidence (bool): Whether :meth:`points` gives a confidence that means something.
        default_consistency (dict): Config of the consistency loss for this family.
    """

    kind = 'points'
    has_confidence = True
    default_consistency = dict(type='HeadConsistencyLoss')

    def __init__(self, head: nn.Module) -> None:
        self.codec = head.decoder
        width, height = (int(n) for n in np.broadcast_to(self._input_size(), 2))
        self.size = (height, width)
        self.scale_factor = np.ones(2, np.float32)

    def _input_size(self):
        """The codec's input size: (width, height), or one number for both."""
        return self.codec.input_size

    def build_consistency(self, cfg: dict | None = None) -> nn.Module:
        """A consistency loss that suits the head.

        Args:
            cfg (dict, optional): Its config; without ``type`` the family's default with other
                arguments.
        """
        return MODELS.build({**self.default_consistency, **(cfg or {})})

    # ------------------------------------------------------------------ what a family defines
    def points(self, output, subpixel: bool = True) -> tuple[Tensor, Tensor]:
        """Positions and confidence.

        Args:
            output: The head's.
            subpixel (bool): Refine beyond the grid, where there is one.

        Returns:
            tuple[Tensor, Tensor]: (B, K, 2) readout pixels as (x, y); (B, K), usually in [0, 1].
        """
        raise NotImplementedError

    def targets(self, points: Tensor):
        """Labels in the head's own form.

        Args:
            points (Tensor): (B, K, 2) readout pixels; may lie outside of the view.
        """
        raise NotImplementedError

    def labels(self, samples: list):
        """The source samples' labels, stacked, in the form of :meth:`targets`."""
        raise NotImplementedError

    def label_points(self, samples: list) -> Tensor:
        """(B, K, 2) readout pixels of the source samples' labels, NaN where there is no label."""
        raise NotImplementedError

    def head_loss(self, head: nn.Module, output, targets, weights: Tensor) -> Tensor:
        """The head's own loss module on given labels.

        Args:
            head (nn.Module): The student's.
            output: Its output.
            targets: As from :meth:`targets`.
            weights (Tensor): (B, K).

        Returns:
            Tensor: Scalar.
        """
        return head.loss_module(output, targets, weights)

    def soft_points(self, output) -> Tensor:
        """Positions through which a gradient passes: (B, K, 2) readout pixels as (x, y).

        By default :meth:`points`', which have one where the head regresses coordinates.
        """
        return self.points(output, subpixel=False)[0]

    def untaught_loss(self, output) -> dict[str, Tensor]:
        """A loss of 0 on what :meth:`head_loss` does not look at, such as a head's first stages.

        Without source images nothing else would give the parameters there a gradient, and DDP
        wants one of each.

        Args:
            output: The head's, with gradients.

        Returns:
            dict[str, Tensor]: Empty if there is nothing of the kind.
        """
        return {}

    def distributions(self, output) -> list[Tensor]:
        """Distributions over positions, (B, K, n) each, sums 1; empty if the head has none."""
        return []

    # ------------------------------------------------------------------ frames
    def warp(self, output, geometry: ViewGeometry):
        """The teacher's output in the frame of the comparison; only of maps."""
        raise TypeError(f'{type(self).__name__}: only maps can be warped')

    def align(self, output, geometry: ViewGeometry | None):
        """The student's output in the frame of the comparison, differentiable."""
        return output

    def valid_mask(self, geometry: ViewGeometry) -> Tensor | None:
        """(B, 1, H, W): where both views cover the frame; None if the output has no pixels."""
        return None

    # ------------------------------------------------------------------ the head
    def check(self, head: nn.Module, output, samples: list) -> None:
        """Require that output, codec and labels fit each other.

        Args:
            head (nn.Module): For messages.
            output: The head's.
            samples (list[PoseDataSample]): With or without labels.

        Raises:
            ValueError: Names what differs and the config keys to change.
        """

    def loss(self, head: nn.Module, feats, output, samples: list, train_cfg: dict) -> dict:
        """The head's own losses, for an output that was computed already.

        A shallow copy of the head answers with that output, so that the head itself is untouched
        and nothing is computed twice.

        Args:
            head (nn.Module): The head.
            feats: What the output was computed from.
            output: The head's output.
            samples (list[PoseDataSample]): Labelled.
            train_cfg (dict): The plain model's.

        Returns:
            dict[str, Tensor]: As the head's ``loss``.
        """
        answered = copy.copy(head)
        answered.forward = lambda feats: output
        return answered.loss(feats, samples, train_cfg=train_cfg)

    def __repr__(self) -> str:
        return f'{type(self).__name__}({type(self.codec).__name__}, size={self.size})'


def labelled(points: Tensor, samples: list) -> Tensor:
    """Points (B, K, 2) with NaN where the sample's keypoint weight is 0."""
    weights = instance_labels(samples, 'keypoint_weights')
    return torch.where(weights[..., None] > 0, points, torch.nan)


def instance_labels(samples: list, key: str) -> Tensor:
    """``gt_instance_labels.<key>`` of all samples, one instance each: (B, ...)."""
    return torch.cat([s.gt_instance_labels[key] for s in samples])
