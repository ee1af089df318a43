"""Where new backgrounds come from."""
from __future__ import annotations

import os
import os.path as osp
from collections import OrderedDict
from collections.abc import Sequence

import cv2
import numpy as np

from ..image_headers import find_images
from .loading import LoadPoseImage
from .masks import LoadForegroundMask


def fill_hole(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Paint over a region with the smooth continuation of what surrounds it.

    Push-pull (Gortler et al., The Lumigraph, SIGGRAPH 1996): colours of the known pixels are
    averaged into ever smaller images, which then fill the gaps of the finer ones.

    Args:
        image (np.ndarray): (H, W, 3) uint8.
        hole (np.ndarray): (H, W) uint8, 255 where the image is to be replaced, 0 where it is kept.

    Returns:
        np.ndarray: (H, W, 3) uint8; equal to ``image`` where ``hole`` is 0. Grey (127) if nothing
        is known.
    """
    known = 1 - hole.astype(np.float32)[..., None] / 255
    levels = [np.concatenate([image * known, known], 2)]
    while max(levels[-1].shape[:2]) > 1:
        height, width = levels[-1].shape[:2]
        half = cv2.resize(levels[-1], ((width + 1) // 2, (height + 1) // 2),
                          interpolation=cv2.INTER_AREA)
        # one known pixel of the four is enough for a full opinion
        half *= np.minimum(4, 1 / np.maximum(half[..., 3:], 1e-6))
        levels.append(half)
    filled = levels[-1][..., :3] + 127 * (1 - levels[-1][..., 3:])
    for level in levels[-2::-1]:
        filled = cv2.resize(filled, level.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        filled = level[..., :3] + (1 - level[..., 3:]) * filled.reshape(*level.shape[:2], 3)
    return np.uint8(np.clip(np.round(filled), 0, 255))


def noise_background(height: int, width: int) -> np.ndarray:
    """Clouds of random colour and scale with some grain, (H, W, 3) uint8."""
    cells = np.exp(np.random.uniform(np.log(2), np.log(32))) / max(height, width)
    grid = np.random.randint(0, 256, (*(max(2, round(cells * n)) for n in (height, width)), 3))
    clouds = cv2.resize(grid.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    strength = np.random.randint(0, 24)
    grain = np.random.randint(-strength, strength + 1, clouds.shape, dtype=np.int8)
    return np.uint8(np.clip(clouds + grain, 0, 255))


def color_background(height: int, width: int) -> np.ndarray:
    """One colour, or a linear gradient between two in a random direction, (H, W, 3) uint8."""
    colors = np.random.randint(0, 256, (2, 3)).astype(np.float32)
    angle, flat = np.random.uniform(0, 2 * np.pi), np.random.rand() < 0.5
    if flat:
        return np.broadcast_to(colors[0].astype(np.uint8), (height, width, 3)).copy()
    ramp = (np.cos(angle) * np.linspace(-1, 1, width, dtype=np.float32)
            + np.sin(angle) * np.linspace(-1, 1, height, dtype=np.float32)[:, None])
    ramp = (ramp - ramp.min()) / max(float(np.ptp(ramp)), 1e-6)
    return np.uint8(np.round(colors[0] + ramp[..., None] * (colors[1] - colors[0])))


def cover(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Random crop of an image that fills (height, width), its aspect ratio kept; maybe mirrored.

    Args:
        image (np.ndarray): (h, w, C) uint8.
        height, width (int): Of the result, pixels.

    Returns:
        np.ndarray: (height, width, C) uint8.
    """
    y, x, mirrored = np.random.rand(3)  # always the same number of draws
    scale = max(height / image.shape[0], width / image.shape[1])
    window = [min(n, max(1, round(m / scale))) for n, m in zip(image.shape, (height, width))]
    top, left = (int(u * (n - m + 1)) for u, n, m in zip((y, x), image.shape, window))
    image = image[top:top + window[0], left:left + window[1]]
    if image.shape[:2] != (height, width):
        shrinks = image.shape[0] > height
        image = cv2.resize(image, (width, height),
                           interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return image[:, ::-1] if mirrored < 0.5 else image


def list_photographs(folder: str | os.PathLike | Sequence[str]) -> list[str]:
    """Files of a folder (recursively) or of several.

    Raises:
        FileNotFoundError: A folder does not exist or holds no images.
    """
    paths = []
    for name in [folder] if isinstance(folder, (str, os.PathLike)) else folder:
        root = osp.expanduser(name)
        found = [osp.join(root, path) for path in find_images(root)]
        if not found:
            what = 'holds no images' if osp.isdir(root) else 'is not a folder'
            raise FileNotFoundError(f'SegmentationGuidedAugmentation: folder {name} {what}: name '
                                    'folders of photographs')
        paths += found
    return paths


class BackgroundImages:
    """Decoded background images, the people in them painted over; keeps the latest.

    The cache belongs to the process (it is not pickled) and never decides what a sample looks
    like.

    Args:
        mask_loader (LoadForegroundMask): Finds the masks of training images.
        max_side (int): Larger images are reduced to this longer side, in pixels.
        cache_mb (float): Memory of the decoded images, in 10^6 bytes. The oldest go first.
    """

    def __init__(self, mask_loader: LoadForegroundMask, max_side: int, cache_mb: float) -> None:
        self.mask_loader, self.max_side, self.cache_bytes = mask_loader, max_side, cache_mb * 1e6
        self._load, self._cache, self._bytes = LoadPoseImage(), OrderedDict(), 0

    def __getstate__(self) -> dict:
        return dict(self.__dict__, _cache=OrderedDict(), _bytes=0)

    def get(self, info: dict, has_mask: bool) -> np.ndarray:
        """The background of an image.

        Args:
            info (dict): With ``img_path`` and perhaps ``mask_path``, ``mask_values`` and
                ``mirror_image``.
            has_mask (bool): Look for a mask; else the whole image is background.

        Returns:
            np.ndarray: (H, W, 3) uint8 BGR; read-only, as it is shared.
        """
        key = (info['img_path'], has_mask, info.get('mask_path'), tuple(info.get('mask_values')
               or ()), bool(info.get('mirror_image')))
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        background = self._read(info, has_mask)
        background.setflags(write=False)
        self._cache[key] = background
        self._bytes += background.nbytes
        while self._bytes > self.cache_bytes:
            self._bytes -= self._cache.popitem(last=False)[1].nbytes
        return background

    def _read(self, info: dict, has_mask: bool) -> np.ndarray:
        keys = ('img_path', 'mask_path', 'mask_values', 'mirror_image')
        results = self._load({k: info[k] for k in keys if k in info})
        if has_mask:
            results = self.mask_loader(results)
        image, mask = results['img'], results.get('foreground_mask')
        scale = self.max_side / max(image.shape[:2])
        if scale < 1:
            size = tuple(max(1, round(n * scale)) for n in image.shape[1::-1])
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            mask = None if mask is None else cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
        if mask is not None and mask.any():
            # the borders of masks are not exact: leave no outline of the person
            radius = 1 + max(image.shape[:2]) // 64
            kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2)
            image = fill_hole(image, cv2.dilate(mask, kernel))
        return image
