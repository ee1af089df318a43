"""Changes of colour and of visible parts, on uint8 images."""
from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness
from mmpose.registry import TRANSFORMS

_GRAY_BGR = np.array([0.114, 0.587, 0.299])  # ITU-R BT.601 luma


@TRANSFORMS.register_module()
class ColorJitter(BaseTransform):
    r"""Random brightness, contrast and saturation in one pass over the image.

    Factors :math:`b, c, s` are uniform in ``[max(0, 1 - x), 1 + x]``. With a colour :math:`v`, its
    grey value :math:`g(v)` and the image's mean grey value :math:`\bar g`, brightness is
    :math:`b v`, contrast :math:`c v + (1 - c) \bar g`, saturation :math:`s v + (1 - s) g(v)`. The
    three commute, so they are one affine map of the colour; rounding and clipping to [0, 255]
    happen once, at the end (torchvision's clips after each).

    Required and modified key: ``img`` (H, W, 3) uint8 BGR.

    Args:
        brightness (float): Range of the factor. Defaults to 0.25.
        contrast (float): Range of the factor. Defaults to 0.25.
        saturation (float): Range of the factor. Defaults to 0.25.
        prob (float): Probability of a change. Defaults to 1.

    Raises:
        ValueError: A negative range, or ``prob`` not in [0, 1].
    """

    def __init__(self, brightness: float = 0.25, contrast: float = 0.25, saturation: float = 0.25,
                 prob: float = 1.) -> None:
        if min(brightness, contrast, saturation) < 0 or not 0 <= prob <= 1:
            raise ValueError(f'ColorJitter: brightness={brightness}, contrast={contrast}, '
                             f'saturation={saturation} must not be negative, and prob={prob} must '
                             'be in [0, 1]')
        self.ranges = (brightness, contrast, saturation)
        self.prob = prob

    @cache_randomness
    def _random_factors(self) -> tuple[float, float, float] | None:
        # always the same number of draws, whatever happens
        chance, *draws = np.random.rand(4)
        if chance >= self.prob:
            return None
        return tuple(max(0., 1 - r) + u * (1 + r - max(0., 1 - r))
                     for r, u in zip(self.ranges, draws, strict=True))

    def transform(self, results: dict) -> dict:
        """Change the colours of ``results['img']``."""
        factors = self._random_factors()
        if factors is not None:
            brightness, contrast, saturation = factors
            img = results['img']
            mean = float(np.dot(_GRAY_BGR, cv2.mean(img)[:3]))
            matrix = np.empty((3, 4))
            matrix[:, :3] = brightness * contrast * (
                saturation * np.eye(3) + (1 - saturation) * _GRAY_BGR)
            matrix[:, 3] = brightness * (1 - contrast) * mean
            results['img'] = cv2.transform(img, matrix)
        return results

    def __repr__(self) -> str:
        brightness, contrast, saturation = self.ranges
        return f'{type(self).__name__}(brightness={brightness}, contrast={contrast}, ' \
               f'saturation={saturation}, prob={self.prob})'


@TRANSFORMS.register_module()
class CutoutPatches(BaseTransform):
    """Paint random rectangles over the image: a strong augmentation for the student's view.

    Place it after the crop; the geometry and labels stay.

    Required and modified key: ``img`` (H, W, C).

    Args:
        num (tuple[int, int]): Fewest and most rectangles. Defaults to ``(1, 3)``.
        size (tuple[float, float]): Range of a rectangle's sides as a fraction of the image's, each
            drawn by itself. Defaults to ``(0.1, 0.3)``.
        fill (str | Sequence[float]): ``'mean'`` colour of the image, ``'noise'``, or a BGR colour.
            Defaults to ``'mean'``.
        prob (float): Probability of any rectangles. Defaults to 1.

    Raises:
        ValueError: Bad ranges.
    """

    def __init__(self, num: Sequence[int] = (1, 3), size: Sequence[float] = (0.1, 0.3),
                 fill: str | Sequence[float] = 'mean', prob: float = 1.) -> None:
        if not 0 <= num[0] <= num[1] or not 0 < size[0] <= size[1] <= 1 or not 0 <= prob <= 1:
            raise ValueError(f'CutoutPatches: num={num} and size={size} must be ranges (size in '
                             f'(0, 1]), prob={prob} in [0, 1]')
        if isinstance(fill, str) and fill not in ('mean', 'noise'):
            raise ValueError(f"CutoutPatches: fill={fill!r} is not 'mean', 'noise' or a colour")
        self.num, self.size, self.fill, self.prob = tuple(num), tuple(size), fill, prob

    def transform(self, results: dict) -> dict:
        """Paint over ``results['img']`` (a copy of it)."""
        if np.random.rand() >= self.prob:
            return results
        img = results['img'].copy()
        height, width = img.shape[:2]
        color = img.mean((0, 1)) if isinstance(self.fill, str) else np.asarray(self.fill)
        for _ in range(np.random.randint(self.num[0], self.num[1] + 1)):
            h, w = np.maximum(1, np.round(
                np.random.uniform(*self.size, 2) * (height, width))).astype(int)
            y, x = np.random.randint(height - h + 1), np.random.randint(width - w + 1)
            patch = img[y:y + h, x:x + w]
            patch[:] = (np.random.randint(0, 256, patch.shape) if self.fill == 'noise'
                        else color.astype(img.dtype))
        results['img'] = img
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(num={self.num}, size={self.size}, fill={self.fill!r}, ' \
               f'prob={self.prob})'
