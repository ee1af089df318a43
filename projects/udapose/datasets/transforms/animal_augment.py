"""The augmentation of synthetic animals in the published benchmarks, on the whole image."""
from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS

from .affine import flip_matrix

_GREY = 127


@TRANSFORMS.register_module()
class WholeImageAffine(BaseTransform):
    r"""Random scale per axis, horizontal shear, rotation and shift of the image before the crop.

    A pixel :math:`x` goes to :math:`c + t + R\,H\,S\,(x - c)` with the image's centre :math:`c`,
    scales :math:`S`, shear :math:`H`, rotation :math:`R` and shift :math:`t`; the image keeps its
    size. What comes into view has one random colour; the interpolation is nearest or bilinear with
    equal chance. Joints that leave the image become unlabelled.

    Required key: ``img`` (H, W, 3) uint8. Modified where they exist: ``keypoints`` (N, K, 2)
    pixels, ``keypoints_visible`` (N, K[, 2]), with ``move_box`` also ``bbox`` (N, 4) xyxy. Added:
    ``pre_matrix`` (3, 3) float64, pixels of the original image to those of the warped one, which
    :class:`RecordedTopdownAffine` makes part of ``input_matrix``. A ``foreground_mask`` stays in
    the original image's pixels, as always before the crop.

    Args:
        scale (tuple[float, float]): Range of the two scales. Defaults to ``(0.5, 1.5)``.
        shift (float): Largest shift as a fraction of width and height. Defaults to 0.05.
        rotation (float): Largest rotation in degrees. Defaults to 30.
        shear (float): Largest horizontal shear in degrees. Defaults to 20.
        move_box (bool): Whether the box moves along (as the box around the warped box). Defaults
            to False: as published the crop stays where it was, so that the animal moves in it.
        prob (float): Probability of a change. Defaults to 1.

    Raises:
        ValueError: Bad ranges; ``move_box`` behind ``GetBBoxCenterScale``.
    """

    def __init__(self, scale: Sequence[float] = (0.5, 1.5), shift: float = 0.05,
                 rotation: float = 30., shear: float = 20., move_box: bool = False,
                 prob: float = 1.) -> None:
        if not 0 < scale[0] <= scale[1] or min(shift, rotation, shear) < 0 or shear >= 90 \
                or not 0 <= prob <= 1:
            raise ValueError(f'WholeImageAffine: scale={scale} must be a positive range, '
                             f'shift={shift} and rotation={rotation} not negative, shear={shear} '
                             f'in [0, 90), prob={prob} in [0, 1]')
        self.scale, self.shift, self.rotation, self.shear = tuple(scale), shift, rotation, shear
        self.move_box, self.prob = move_box, prob

    def draw(self, width: int, height: int) -> np.ndarray:
        """A random matrix, (3, 3) float64, pixels to pixels of an image of this size."""
        sx, sy = np.random.uniform(*self.scale, 2)
        angle, slope = np.radians(np.random.uniform(-1, 1, 2) * (self.rotation, self.shear))
        shift = np.random.uniform(-self.shift, self.shift, 2) * (width, height)
        rotate = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix = np.eye(3)
        matrix[:2, :2] = rotate @ [[1, np.tan(slope)], [0, 1]] @ np.diag([sx, sy])
        center = np.array([width - 1, height - 1]) / 2
        matrix[:2, 2] = center + shift - matrix[:2, :2] @ center
        return matrix

    def transform(self, results: dict) -> dict:
        """Warp the image of ``results`` and what lies in its pixels."""
        if np.random.rand() >= self.prob:
            return results
        height, width = results['img'].shape[:2]
        return self.warp(results, self.draw(width, height),
                         np.random.choice([cv2.INTER_NEAREST, cv2.INTER_LINEAR]),
                         np.random.randint(0, 256, 3).tolist())

    def warp(self, results: dict, matrix: np.ndarray, interpolation: int = cv2.INTER_LINEAR,
             fill: Sequence[int] = (0, 0, 0)) -> dict:
        """Apply a given matrix of the image as it is now (maybe flipped).

        Args:
            results (dict): As for :meth:`transform`.
            matrix (np.ndarray): (3, 3) pixels to pixels.
            interpolation (int): Of OpenCV.
            fill (Sequence[int]): Colour of what comes into view, [0, 255].
        """
        height, width = results['img'].shape[:2]
        results['img'] = cv2.warpAffine(
            np.ascontiguousarray(results['img']), matrix[:2], (width, height),
            flags=int(interpolation), borderMode=cv2.BORDER_CONSTANT, borderValue=tuple(fill))
        # the recorded matrix acts before a flip that was already made
        direction = results.get('flip_direction') if results.get('flip') else None
        flip = flip_matrix(direction, width, height)
        results['pre_matrix'] = flip @ matrix @ flip @ results.get('pre_matrix', np.eye(3))
        if results.get('keypoints') is not None:
            points = results['keypoints'].copy()
            points[..., :2] = points[..., :2] @ matrix[:2, :2].T + matrix[:2, 2]
            results['keypoints'] = points
            outside = ((points[..., :2] < 0) | (points[..., :2] > (width, height))).any(-1)
            if results.get('keypoints_visible') is not None:
                results['keypoints_visible'] = results['keypoints_visible'].copy()
                results['keypoints_visible'][outside] = 0
        if self.move_box and results.get('bbox') is not None:
            if 'bbox_center' in results:
                raise ValueError('WholeImageAffine(move_box=True) must come before '
                                 'GetBBoxCenterScale, which already read the box')
            corners = results['bbox'][:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)
            corners = corners @ matrix[:2, :2].T + matrix[:2, 2]
            results['bbox'] = np.concatenate([corners.min(1), corners.max(1)], -1) \
                .astype(np.float32)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(scale={self.scale}, shift={self.shift}, ' \
               f'rotation={self.rotation}, shear={self.shear}, move_box={self.move_box}, ' \
               f'prob={self.prob})'


@TRANSFORMS.register_module()
class AnimalSourceAugmentation(WholeImageAffine):
    """The published augmentation of SyntheticAnimal's training images (UniFrame, ECCV 2022).

    Four changes, each with probability ``prob`` and in random order: an affine map (see
    :class:`WholeImageAffine`), Gaussian noise, Gaussian blur and contrast about mid grey. Noise and
    contrast are drawn per channel with probability 0.5. Place it after loading and before
    ``RandomFlip``.

    Required and modified keys: those of :class:`WholeImageAffine`.

    Args:
        noise (float): Standard deviation in grey values of [0, 255]. Defaults to 127.5.
        blur (tuple[float, float]): Range of the blur's sigma, pixels. Defaults to ``(1, 5)``.
        contrast (tuple[float, float]): Range of the factor. Defaults to ``(0.5, 2)``.
        prob (float): Probability of each of the changes. Defaults to 0.5.
        **kwargs: Those of :class:`WholeImageAffine`.

    Raises:
        ValueError: Bad ranges.
    """

    def __init__(self, noise: float = 127.5, blur: Sequence[float] = (1., 5.),
                 contrast: Sequence[float] = (0.5, 2.), prob: float = 0.5, **kwargs) -> None:
        super().__init__(prob=prob, **kwargs)
        if noise < 0 or not 0 < blur[0] <= blur[1] or not 0 <= contrast[0] <= contrast[1]:
            raise ValueError(f'AnimalSourceAugmentation: noise={noise} must not be negative, '
                             f'blur={blur} and contrast={contrast} must be ranges')
        self.noise, self.blur, self.contrast = noise, tuple(blur), tuple(contrast)

    def transform(self, results: dict) -> dict:
        """Change ``results['img']`` and, with the affine map, what lies in its pixels."""
        steps = (super().transform, self._add_noise, self._blur, self._change_contrast)
        for step in np.random.permutation(len(steps)):
            # the affine map draws for itself whether it happens
            if step == 0 or np.random.rand() < self.prob:
                results = steps[step](results)
        return results

    def _add_noise(self, results: dict) -> dict:
        img = np.ascontiguousarray(results['img'])
        channels = img.shape[2] if np.random.rand() < 0.5 else 1
        # with the channels side by side: of a scalar OpenCV fills the first channel only
        noise = np.empty((img.shape[0], img.shape[1] * channels), np.int16)
        # OpenCV's generator takes a fraction of the time of NumPy's, which gives its seed
        cv2.setRNGSeed(np.random.randint(2**31))
        cv2.randn(noise, 0, self.noise)
        noise = cv2.merge([noise] * img.shape[2]) if channels < img.shape[2] \
            else noise.reshape(img.shape)
        results['img'] = cv2.add(img, noise, dtype=cv2.CV_8U)  # saturates
        return results

    def _blur(self, results: dict) -> dict:
        results['img'] = cv2.GaussianBlur(np.ascontiguousarray(results['img']), (0, 0),
                                          np.random.uniform(*self.blur))
        return results

    def _change_contrast(self, results: dict) -> dict:
        channels = results['img'].shape[2]
        factors = np.broadcast_to(np.random.uniform(
            *self.contrast, channels if np.random.rand() < 0.5 else 1), channels)
        table = _GREY + np.outer(np.arange(256) - _GREY, factors)
        table = np.clip(np.round(table), 0, 255).astype(np.uint8)
        results['img'] = cv2.LUT(np.ascontiguousarray(results['img']), table[:, None])
        return results

    def __repr__(self) -> str:
        return f'{super().__repr__()[:-1]}, noise={self.noise}, blur={self.blur}, ' \
               f'contrast={self.contrast})'
