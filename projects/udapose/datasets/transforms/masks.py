"""Foreground masks from files."""
from __future__ import annotations

import io
import os.path as osp
from collections.abc import Iterable, Sequence

import mmengine.fileio as fileio
import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.logging import MMLogger
from mmpose.registry import TRANSFORMS
from PIL import Image

from ..image_headers import read_image_sizes

_NUM_SHOWN = 5
# the usual label sets end below it, and a soft mask that stays below it has no foreground
_LEAST_FOREGROUND = 64
# an image shows no more of them, and a soft edge has more values
_LABELS = 32


def mask_path_of(img_path: str, folder: str, suffix: str = '.png', image_root: str | None = None
                 ) -> str:
    """Where an image's mask is expected.

    Args:
        img_path (str): The image file.
        folder (str): Folder of the masks: absolute, or relative to the image's folder (to
            ``image_root``, if that is given).
        suffix (str): What follows the image's name without its extension. Defaults to ``'.png'``.
        image_root (str, optional): A folder above the image whose subfolders ``folder`` repeats.

    Returns:
        str: For example ``data/masks/train/7.png`` for ``data/images/train/7.jpg``, folder
        ``'../masks'`` and image root ``'data/images'``.

    Raises:
        ValueError: The image does not lie below ``image_root``.
    """
    base = osp.dirname(img_path) if image_root is None else osp.expanduser(image_root)
    stem = osp.splitext(osp.relpath(img_path, base) if base else img_path)[0]
    if stem.startswith(osp.pardir):
        raise ValueError(f'image {img_path} does not lie below image_root={image_root}, which '
                         'LoadForegroundMask needs to find its mask')
    scheme, mark, path = osp.join(base, osp.expanduser(folder), stem + suffix).rpartition('://')
    return scheme + mark + osp.normpath(path)  # normpath would make s3:/ of s3://


def decode_mask(data: bytes, foreground_values: Sequence[int] | None = None) -> np.ndarray:
    """Decode a mask file.

    Args:
        data (bytes): Content of a PNG (any format that Pillow reads losslessly): bilevel, grey (8
            or 16 bits), palette, colour with equal channels, or with an alpha channel. Alpha is
            the mask unless it is opaque everywhere.
        foreground_values (Sequence[int], optional): Labels that are foreground (of a palette
            image: its indices; of a bilevel one 255, or 1). Defaults to None: grey values are the
            mask, 255 (65535) foreground.

    Returns:
        np.ndarray: (H, W) uint8 in [0, 255].

    Raises:
        ValueError: A decoded file that is no such mask.
        OSError: Not an image.
    """
    with Image.open(io.BytesIO(data)) as image:
        if foreground_values is None and 'transparency' in image.info:
            image = image.convert('RGBA')
        elif image.mode == 'P' and foreground_values is None:
            image = image.convert('RGB')
        values = np.asarray(image)
    if values.ndim == 3:
        values = _one_channel(values)
    if foreground_values is not None and values.dtype == bool:
        values = values.astype(np.uint8) * 255
        foreground_values = [255 if value == 1 else value for value in foreground_values]
    if foreground_values is not None:
        return np.isin(values, foreground_values).astype(np.uint8) * 255
    if values.dtype == bool:
        return values.astype(np.uint8) * 255
    full = 255 if values.dtype == np.uint8 else 65535  # 16 bits: Pillow may hand over more
    limit = full / 255 * _LEAST_FOREGROUND
    marked = np.count_nonzero(values)
    low = np.count_nonzero(values < limit) - (values.size - marked)
    if 2 * low > marked:  # a soft mask is low at its edge alone
        found = np.unique(values[values > 0])
        # one that is mere edge has many values
        if low == marked or np.count_nonzero(found < limit) <= _LABELS:
            raise ValueError(
                f'it seems to hold labels ({", ".join(f"{v:g}" for v in found[:_NUM_SHOWN])}'
                f'{", ..." if len(found) > _NUM_SHOWN else ""}) and not 0 to {full}: name those of '
                f'the foreground, for example foreground_values=[{found[0]:g}]')
    return values if full == 255 else np.uint8(np.clip(np.round(values / 257), 0, 255))


def _one_channel(values: np.ndarray) -> np.ndarray:
    if values.shape[2] in (2, 4) and values[..., -1].min(initial=255) < np.iinfo(values.dtype).max:
        return values[..., -1]
    if values.shape[2] > 2 and (values[..., :3] != values[..., :1]).any():
        raise ValueError('it is a coloured picture: save one grey channel, or a palette image with '
                         'labels and set foreground_values')
    return values[..., 0]


@TRANSFORMS.register_module()
class LoadForegroundMask(BaseTransform):
    """Load the mask of the foreground that belongs to an image.

    The file is ``results['mask_path']`` where the data set gives one, else that of the rule of
    :func:`mask_path_of`. Place it after loading the image and before ``RandomFlip``: masks stay in
    the pixels of the original image until :class:`RecordedTopdownAffine` warps them. A sample
    without a mask has no key. :func:`check_masks` tells in advance which images lack one.

    Required keys: ``img_path``, optionally ``mask_path``, ``mask_values`` (in place of
    ``foreground_values``), ``mirror_image`` (mirrors the file's mask) and ``img``. Added:
    ``foreground_mask`` (H, W) uint8, 0 background to 255 foreground, original-image pixels.

    Args:
        folder (str, optional): Folder of the masks, relative to the image's. Defaults to None:
            ``mask_path`` alone.
        suffix (str): What follows the image's name without extension. Defaults to ``'.png'``.
        image_root (str, optional): See :func:`mask_path_of`.
        foreground_values (Sequence[int], optional): See :func:`decode_mask`.
        missing (str): For an image without a mask file: ``'error'``, or ``'ignore'`` (the sample
            gets no mask). Defaults to ``'error'``.
        backend_args (dict, optional): Of MMEngine's file client.

    Raises:
        ValueError: A bad argument; a mask that does not fit its image; no rule and no path.
        FileNotFoundError: No mask, and ``missing='error'``.
        OSError: A file that cannot be decoded.
    """

    def __init__(self, folder: str | None = None, suffix: str = '.png',
                 image_root: str | None = None, foreground_values: Sequence[int] | None = None,
                 missing: str = 'error', backend_args: dict | None = None) -> None:
        if missing not in ('error', 'ignore'):
            raise ValueError(f"LoadForegroundMask: missing={missing!r} is not 'error' or 'ignore'")
        if image_root is not None and folder is None:
            raise ValueError('LoadForegroundMask: image_root needs folder, the masks\' place')
        if foreground_values is not None and not len(foreground_values):
            raise ValueError('LoadForegroundMask: foreground_values is empty')
        self.folder, self.suffix, self.image_root = folder, suffix, image_root
        self.foreground_values = None if foreground_values is None else list(foreground_values)
        self.missing, self.backend_args = missing, backend_args

    def find(self, results: dict) -> str | None:
        """The mask file of a sample, which need not exist; None without path and rule."""
        return _find(results, self.folder, self.suffix, self.image_root)

    def transform(self, results: dict) -> dict:
        """Add the mask to ``results``."""
        path = self.find(results)
        if path is None:
            if self.missing == 'ignore':
                return results
            raise ValueError(
                f'LoadForegroundMask: image {results.get("img_path")} has no mask_path: set '
                "folder=... of LoadForegroundMask, or missing='ignore'")
        try:
            data = fileio.get(path, backend_args=self.backend_args)
        except FileNotFoundError:
            if self.missing == 'ignore':
                return results
            raise FileNotFoundError(
                f'mask {path} of image {results.get("img_path")} does not exist: write masks with '
                "`udapose make-masks`, or set missing='ignore' of LoadForegroundMask; "
                'udapose.datasets.check_masks lists all images without one') from None
        try:
            mask = decode_mask(data, results.get('mask_values', self.foreground_values))
            mask = mask[:, ::-1].copy() if results.get('mirror_image') else mask
        except ValueError as error:
            raise ValueError(f'mask {path}: {error}') from None
        except Exception as error:  # Pillow's plugins raise many kinds on damaged files
            raise OSError(f'cannot decode mask {path} ({type(error).__name__}: {error}): replace '
                          'it, or remove it') from None
        if 'img' in results and mask.shape != results['img'].shape[:2]:
            (h, w), (height, width) = mask.shape, results['img'].shape[:2]
            raise ValueError(
                f'mask {path} is {w}x{h}, but image {results.get("img_path")} is {width}x{height} '
                '(as decoded, turned by its EXIF orientation): make the mask from that very image')
        results['foreground_mask'] = mask
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(folder={self.folder!r}, suffix={self.suffix!r}, ' \
               f'image_root={self.image_root!r}, foreground_values={self.foreground_values}, ' \
               f'missing={self.missing!r})'


def _find(results: dict, folder: str | None, suffix: str, image_root: str | None) -> str | None:
    if results.get('mask_path'):
        return osp.expanduser(results['mask_path'])
    return None if folder is None else mask_path_of(results['img_path'], folder, suffix, image_root)


def check_masks(samples, folder: str | None = None, suffix: str = '.png',
                image_root: str | None = None, missing: str = 'report') -> dict[str, str]:
    """Which images lack a usable mask file, from the headers alone.

    Args:
        samples: A data set of MMPose (``get_data_info``), or an iterable of paths of images or of
            dicts with ``img_path`` and optionally ``mask_path``.
        folder, suffix, image_root: As of :class:`LoadForegroundMask`.
        missing (str): ``'report'``: log one warning; ``'error'``: raise. Defaults to ``'report'``.

    Returns:
        dict[str, str]: Image to what is wrong with its mask, in the given order.

    Raises:
        FileNotFoundError: ``missing='error'``, and there are such images; names the first five.
        ValueError: Another value of ``missing``.
    """
    if missing not in ('report', 'error'):
        raise ValueError(f"check_masks: missing={missing!r} is not 'report' or 'error'")
    pairs = {}  # several people of an image may have one mask, or one each
    for sample in _infos(samples):
        sample = dict(img_path=sample) if isinstance(sample, str) else sample
        pairs[sample['img_path'], _find(sample, folder, suffix, image_root)] = None
    images = {image for image, _ in pairs}
    sizes, problems = read_image_sizes([*images, *{mask for _, mask in pairs if mask}])
    wrong = {}
    for image, mask in pairs:
        if image in wrong:
            continue
        if mask is None:
            wrong[image] = 'no mask_path, and no folder is given'
        elif mask in problems:
            wrong[image] = f'mask {mask}: {problems[mask]}'
        elif image in problems:
            wrong[image] = f'the image itself: {problems[image]}'
        elif sizes[mask] != sizes[image]:
            wrong[image] = f'mask {mask} is {"x".join(map(str, sizes[mask]))}, the image ' \
                           f'{"x".join(map(str, sizes[image]))}'
    if wrong:
        shown = '; '.join(f'{image} ({why})' for image, why in [*wrong.items()][:_NUM_SHOWN])
        message = f'{len(wrong)} of {len(images)} images have no usable mask: {shown}'
        if missing == 'error':
            raise FileNotFoundError(f'{message}. Write masks with `udapose make-masks`, or set '
                                    "missing='ignore' of LoadForegroundMask")
        MMLogger.get_current_instance().warning(message)
    return wrong


def tell_missing_masks(infos: Iterable[dict], pipeline) -> None:
    """Say how many images a ``missing='ignore'`` leaves without a mask.

    A misspelt folder would otherwise turn a training with masks into one without.

    Args:
        infos (Iterable[dict]): Samples with ``img_path`` and optionally ``mask_path``.
        pipeline: A ``Compose``, whose :class:`LoadForegroundMask` are looked at.
    """
    for loader in pipeline.transforms:
        if not isinstance(loader, LoadForegroundMask) or loader.missing != 'ignore' or \
                loader.backend_args:
            continue
        count, lacking = _lacking(infos, loader)
        if lacking:
            image, mask = next(iter(lacking.items()))
            MMLogger.get_current_instance().warning(
                f'{len(lacking)} of {count} images have no foreground mask: {image}, for example, '
                f'would have {mask or "one if the data set named it"}. They keep their background, '
                'and all of their pixels weigh the same (docs/masks.md)')


def require_masks(photographs: Sequence[str], loader: LoadForegroundMask) -> None:
    """Say how many photographs, of which all should have a mask, have none.

    Args:
        photographs (Sequence[str]): Image files.
        loader (LoadForegroundMask): Its rule finds their masks.

    Raises:
        FileNotFoundError: None of them has one.
    """
    if loader.backend_args:
        return
    count, lacking = _lacking((dict(img_path=path) for path in photographs), loader)
    if not lacking:
        return
    image, mask = next(iter(lacking.items()))
    text = f'{len(lacking)} of {count} photographs have no mask, so the people in them stay in ' \
           f'the new backgrounds: {image}, for example, would have {mask}'
    if len(lacking) == count:
        raise FileNotFoundError(f'{text}: correct the rule (folder_mask_loader, or mask_loader), '
                                'write masks with `udapose make-masks`, or set folder_masks=False')
    MMLogger.get_current_instance().warning(text)


def _lacking(infos: Iterable[dict], loader: LoadForegroundMask) -> tuple[int, dict]:
    """How many images there are; those without a mask file, with where it would be."""
    masks = {info['img_path']: loader.find(info) for info in infos}
    return len(masks), {image: mask for image, mask in masks.items()
                        if not (mask and osp.isfile(mask))}


def _infos(samples) -> Iterable:
    if hasattr(samples, 'get_data_info'):
        return (samples.get_data_info(i) for i in range(len(samples)))
    return samples
