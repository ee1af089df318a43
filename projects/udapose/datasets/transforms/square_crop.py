"""The random square crop of the published benchmarks."""
from __future__ import annotations

import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness
from mmpose.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomSquareCrop(BaseTransform):
    """Replace the box by a random square inside of it.

    The published training on bodies and hands (RegDA, UniFrame, arXiv 2404.14885) first resizes to
    a square, then crops a square of a random share of its area at a random position. Here the box
    is changed instead, so that the image is warped once: place it after ``GetBBoxCenterScale`` and
    before :class:`RecordedTopdownAffine`; for two views of one image before :class:`ForkViews`:
    published views share the square, in which their heatmaps are compared.

    The current square has the longer side of the box and its centre: that of the letterboxed image
    if the box is not square. Shares above 1 are drawn again, at most ``attempts`` times in all;
    then the square stays whole. The published code rounds sides and positions to whole pixels of
    the resized image, this one does not.

    Required keys: ``bbox_center`` (N, 2), ``bbox_scale`` (N, 2) pixels; optionally
    ``bbox_rotation`` (N,) degrees, then the square lies in the rotated box. Modified: both.

    Args:
        area (tuple[float, float]): Smallest and largest share of the area that is drawn,
            uniformly. Defaults to ``(0.6, 1.3)``.
        attempts (int): Most draws. Defaults to 10.

    Raises:
        ValueError: ``area`` is not increasing, or has no positive share up to 1.
    """

    def __init__(self, area: tuple[float, float] = (0.6, 1.3), attempts: int = 10) -> None:
        low, high = area
        if not 0 < low <= high or low > 1:
            raise ValueError(f'area={area} must be two increasing shares above 0, the first at '
                             'most 1')
        if attempts < 1:
            raise ValueError(f'attempts={attempts} must be at least 1')
        self.area, self.attempts = (float(low), float(high)), attempts

    @cache_randomness
    def _draw(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Sides (N,) in (0, 1] and positions (N, 2) in [0, 1]."""
        shares = np.random.uniform(*self.area, (count, self.attempts))
        fits = shares <= 1
        first = np.take_along_axis(shares, fits.argmax(1)[:, None], 1)[:, 0]
        sides = np.sqrt(np.where(fits.any(1), first, 1.))
        return sides, np.random.uniform(0, 1, (count, 2))

    def transform(self, results: dict) -> dict:
        """Change the box of ``results``."""
        scale = np.asarray(results['bbox_scale'], np.float32)
        whole = scale.max(-1, keepdims=True)
        sides, positions = self._draw(len(scale))
        side = whole * sides[:, None]
        offset = (positions - 0.5) * (whole - side)
        if 'bbox_rotation' in results:
            angle = np.radians(np.broadcast_to(results['bbox_rotation'], len(scale)))
            cos, sin = np.cos(angle), np.sin(angle)
            offset = np.stack([cos * offset[:, 0] - sin * offset[:, 1],
                               sin * offset[:, 0] + cos * offset[:, 1]], 1)
        results['bbox_center'] = (results['bbox_center'] + offset).astype(np.float32)
        results['bbox_scale'] = np.repeat(side, 2, axis=1).astype(np.float32)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(area={self.area}, attempts={self.attempts})'
