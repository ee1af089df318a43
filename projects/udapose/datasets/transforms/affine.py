"""A top-down crop that remembers its matrix."""
from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from mmcv.transforms.utils import cache_randomness
from mmpose.datasets.transforms import TopdownAffine
from mmpose.registry import TRANSFORMS
from mmpose.structures.bbox import get_udp_warp_matrix, get_warp_matrix

_BORDERS = dict(constant=cv2.BORDER_CONSTANT, replicate=cv2.BORDER_REPLICATE,
                reflect=cv2.BORDER_REFLECT_101)


def flip_matrix(direction: str | None, width: int, height: int) -> np.ndarray:
    """Matrix of a flip, pixel centres at integers: a horizontal one takes x to ``width - 1 - x``.

    Args:
        direction (str, optional): ``'horizontal'``, ``'vertical'``, ``'diagonal'`` or None.
        width (int): Width of the image in pixels.
        height (int): Height of the image in pixels.

    Returns:
        np.ndarray: (3, 3) float64.
    """
    matrix = np.eye(3)
    if direction in ('horizontal', 'diagonal'):
        matrix[0] = -1, 0, width - 1
    if direction in ('vertical', 'diagonal'):
        matrix[1] = 0, -1, height - 1
    return matrix


@TRANSFORMS.register_module()
class RecordedTopdownAffine(TopdownAffine):
    """MMPose's ``TopdownAffine`` that records where every pixel went.

    Without shear and with a constant border it gives the very same image and keypoints. Unlabelled
    samples stay unlabelled (MMPose adds dummies).

    Required keys: ``img``, ``bbox_center``, ``bbox_scale``, optionally ``bbox_rotation``,
    ``keypoints``, ``flip`` and ``flip_direction`` (a ``RandomFlip`` must come *before*), and
    ``foreground_mask`` (H, W) uint8 in pixels of the *original* image, which ``RandomFlip`` leaves:
    it is warped to the input like the image (bilinear, 0 outside whatever the border), and
    ``pre_matrix`` (3, 3), original-image pixels to those of an image that was warped before
    (:class:`WholeImageAffine`).
    Added, besides MMPose's: ``input_matrix`` (3, 3) float32, original-image pixels to input pixels
    (flip included; integers are pixel centres), and ``flip`` (bool).

    Args:
        input_size (tuple[int, int]): (width, height) of the input in pixels.
        use_udp (bool): Unbiased data processing (Huang et al., CVPR 2020). Defaults to ``False``.
        shear (float): Largest horizontal shear in degrees, drawn uniformly in ``[-shear, shear]``,
            about the centre of the input. Defaults to 0.
        border (str): What lies outside of the image: ``'constant'`` (black), ``'replicate'`` or
            ``'reflect'``. Defaults to ``'constant'``.

    Raises:
        ValueError: Unknown ``border``, or ``shear`` not in [0, 90); more than one instance; a mask
            of another size than the image.
    """

    def __init__(self, input_size: Sequence[int], use_udp: bool = False, shear: float = 0.,
                 border: str = 'constant') -> None:
        super().__init__(tuple(input_size), use_udp)
        if border not in _BORDERS:
            raise ValueError(f'border={border!r} is not one of {tuple(_BORDERS)}')
        if not 0 <= shear < 90:
            raise ValueError(f'shear={shear} degrees is not in [0, 90)')
        self.shear, self.border = shear, border

    @cache_randomness
    def _random_shear(self) -> float:
        return float(np.tan(np.radians(np.random.uniform(-self.shear, self.shear))))

    def box_matrix(self, results: dict) -> np.ndarray:
        """(3, 3) float64, image pixels to input pixels, of the box of ``results`` as it is.

        Args:
            results (dict): With ``bbox_center``, ``bbox_scale``, optionally ``bbox_rotation``.
        """
        width, height = self.input_size
        scale = self._fix_aspect_ratio(results['bbox_scale'], width / height)
        return self._crop_matrix(dict(results, bbox_scale=scale), shear=False)

    def _crop_matrix(self, results: dict, shear: bool = True) -> np.ndarray:
        """(3, 3) float64, pixels of the (flipped) image to input pixels."""
        center, scale = results['bbox_center'], results['bbox_scale']
        if len(center) != 1:
            raise ValueError('a top-down crop takes one instance, got bbox_center of shape '
                             f'{center.shape}')
        rotation = results['bbox_rotation'][0] if 'bbox_rotation' in results else 0.
        make = get_udp_warp_matrix if self.use_udp else get_warp_matrix
        matrix = np.eye(3)
        matrix[:2] = make(center[0], scale[0], rotation, output_size=self.input_size)
        if shear and self.shear:
            slope = self._random_shear()
            middle = (self.input_size[1] - 1) / 2
            matrix = np.array([[1, slope, -slope * middle], [0, 1, 0], [0, 0, 1]]) @ matrix
        return matrix

    def transform(self, results: dict) -> dict:
        """Crop the image of ``results`` and record the matrix."""
        width, height = self.input_size
        results['bbox_scale'] = self._fix_aspect_ratio(results['bbox_scale'], width / height)
        matrix = self._crop_matrix(results)
        img = results['img']
        results['img'] = cv2.warpAffine(img, matrix[:2], (width, height), flags=cv2.INTER_LINEAR,
                                        borderMode=_BORDERS[self.border])

        results['flip'] = bool(results.get('flip', False))
        direction = results.get('flip_direction') if results['flip'] else None
        flip = flip_matrix(direction, img.shape[1], img.shape[0])
        original = flip @ results['pre_matrix'] if 'pre_matrix' in results else flip
        results['input_matrix'] = (matrix @ original).astype(np.float32)
        if results.get('foreground_mask') is not None:
            results['foreground_mask'] = self._warp_mask(
                results['foreground_mask'], img.shape[:2], (matrix @ original)[:2])

        if results.get('keypoints') is not None:
            transformed = results['keypoints'].copy()
            transformed[..., :2] = cv2.transform(transformed[..., :2], matrix[:2])
            results['transformed_keypoints'] = transformed
        results['input_size'] = (width, height)
        results['input_center'] = results['bbox_center'][0]
        results['input_scale'] = results['bbox_scale'][0]
        return results

    def _warp_mask(self, mask: np.ndarray, shape: tuple[int, int], matrix: np.ndarray
                   ) -> np.ndarray:
        if mask.shape != shape:
            raise ValueError(f'foreground_mask has shape {mask.shape}, the image {shape}: nothing '
                             'between LoadForegroundMask and RecordedTopdownAffine may resize or '
                             'crop the image')
        return cv2.warpAffine(mask, matrix, self.input_size, flags=cv2.INTER_LINEAR)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(input_size={self.input_size}, use_udp={self.use_udp}, ' \
               f'shear={self.shear}, border={self.border!r})'
