"""The teacher looks at its view several times: pseudo-labels that views agree on."""
from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from numbers import Real

import torch
from torch import Tensor

from ..readouts import Readout
from ..utils.warp import heatmap_matrices, invert, transform_points, warp_affine

_DEFAULTS = dict(flip=False, scale=1., rotation=0.)
#: Beyond this (and below 1 over it) a view shows a few pixels, or everything as a few pixels.
_MOST_SCALE = 10.


def check_extra_views(views: object) -> tuple[dict, ...]:
    """Complete ``train_cfg.extra_views``.

    Args:
        views (Sequence[dict] | None): See :class:`ExtraViews`; None for none.

    Returns:
        tuple[dict, ...]: With all keys.

    Raises:
        ValueError: No list of dicts, unknown keys, a value out of range, or a view that is the
            teacher's own.
    """
    key = 'train_cfg.extra_views'
    if views is None:
        return ()
    if isinstance(views, (str, Mapping)) or not isinstance(views, Sequence) or not all(
            isinstance(view, Mapping) for view in views):
        raise ValueError(f'{key} is a list such as [dict(flip=True, scale=1.2)], got {views!r}')
    complete = []
    for view in views:
        unknown = set(view) - set(_DEFAULTS)
        if unknown:
            raise ValueError(f'{key}: unknown {sorted(map(str, unknown))}; a view has '
                             f'{sorted(_DEFAULTS)}')
        view = {**_DEFAULTS, **view}
        if not isinstance(view['flip'], bool):
            raise ValueError(f'{key}: flip is True or False, got {view}')
        # comparisons that NaN fails
        if not (_is_number(view['scale']) and 1 / _MOST_SCALE <= view['scale'] <= _MOST_SCALE
                and _is_number(view['rotation']) and -360 <= view['rotation'] <= 360):
            raise ValueError(f'{key}: scale is a number from {1 / _MOST_SCALE:g} to '
                             f'{_MOST_SCALE:g}, rotation one of degrees from -360 to 360, got '
                             f'{view}')
        if {**view, 'rotation': view['rotation'] % 360} == _DEFAULTS:
            raise ValueError(f"{key}: a view without flip, scale or rotation is the teacher's own, "
                             f'got {view}')
        complete.append(view)
    return tuple(complete)


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


class ExtraViews:
    """Further views made of the teacher's, on its device; what they see is brought together.

    Each joint is where the views agree best, and its confidence is the mean of theirs, each
    multiplied by its agreement with that place. So one view's error gets no more than its share of
    the confidence. Source: pseudo-labels from several transformed copies, arXiv 1712.04440
    (data distillation).

    Args:
        views (Sequence[dict]): Of ``flip`` (bool, mirrored), ``scale`` (0.1 to 10, above 1
            enlarges what is in the middle), ``rotation`` (degrees clockwise, before the flip). What
            lies outside of the image is 0, the mean colour of normalised images.
        readout (Readout): Of the teacher's head.
        radius (float): Distance at which agreement falls to exp(-1/2), as a share of the view's
            longer side.
    """

    def __init__(self, views: Sequence[dict], readout: Readout, radius: float = 0.05) -> None:
        self.views, self.readout = check_extra_views(views), readout
        self.radius = radius * max(readout.size)

    def read(self, images: Tensor, own, flip_indices: Tensor,
             forward: Callable[[Tensor], object]) -> tuple[Tensor, Tensor]:
        """Points and confidence that the views agree on.

        Args:
            images (Tensor): (B, 3, H, W), the teacher's view.
            own: The head's output on it.
            flip_indices (Tensor): (K,) joint index after a horizontal flip.
            forward (Callable): From images to the head's output, float32.

        Returns:
            tuple[Tensor, Tensor]: (B, K, 2) readout pixels of the teacher's view, (B, K).
        """
        found = [self.readout.points(own)]
        for view in self.views:
            matrix = view_matrix(view, images.shape[-2:]).to(images.device, non_blocking=True)
            matrix = matrix.expand(len(images), 3, 3)
            points, confidence = self.readout.points(forward(warp_affine(images, matrix)))
            back = heatmap_matrices(invert(matrix), torch.as_tensor(self.readout.scale_factor))
            points = transform_points(points, back)
            if view['flip']:
                points, confidence = points[:, flip_indices], confidence[:, flip_indices]
            found.append((points, confidence))
        points, confidence = (torch.stack(values) for values in zip(*found, strict=True))
        return agreed(points, confidence, self.radius)


def view_matrix(view: Mapping, size: tuple[int, int]) -> Tensor:
    """From pixels of the given view to those of the extra one, around the middle.

    Args:
        view (Mapping): Complete.
        size (tuple[int, int]): (height, width).

    Returns:
        Tensor: (1, 3, 3).
    """
    angle = math.radians(view['rotation'])
    cos, sin = view['scale'] * math.cos(angle), view['scale'] * math.sin(angle)
    mirror = -1. if view['flip'] else 1.
    x, y = (size[1] - 1) / 2, (size[0] - 1) / 2
    linear = [[mirror * cos, -mirror * sin], [sin, cos]]
    return torch.tensor([[
        [*linear[0], x - linear[0][0] * x - linear[0][1] * y],
        [*linear[1], y - linear[1][0] * x - linear[1][1] * y],
        [0., 0., 1.]]], device='cpu')


def agreed(points: Tensor, confidence: Tensor, radius: float) -> tuple[Tensor, Tensor]:
    """The place that most confidence is near to, and how much of it.

    Args:
        points (Tensor): (V, B, K, 2), one and the same frame.
        confidence (Tensor): (V, B, K), not negative.
        radius (float): Distance at which agreement falls to exp(-1/2), in the points' unit.

    Returns:
        tuple[Tensor, Tensor]: (B, K, 2) means of the points near the best one, weighted by
        agreement and confidence; (B, K) mean over the views of confidence times agreement.
    """
    confidence = confidence.clamp(min=0.)
    squares = (points[:, None] - points[None]).square().sum(-1)
    votes = confidence[None] * torch.exp(-squares / (2 * radius**2))  # (candidate, voter, B, K)
    best = votes.sum(1).argmax(0, keepdim=True)  # the first one of several
    votes = votes.gather(0, best[:, None].expand(1, *votes.shape[1:]))[0]
    most = votes.sum(0)
    # where nobody is confident, the first view's point: 0 / 0 is none
    weights = votes / torch.where(most > 0, most, 1.)
    mean = torch.where(most[..., None] > 0, (weights[..., None] * points).sum(0), points[0])
    return mean, most / len(points)
