"""Cached styles of a set of images."""
from __future__ import annotations

import os

import cv2
import numpy as np
import torch
from mmengine.logging import print_log
from mmpose.registry import DATASETS
from torch import Tensor, nn
from torch.utils.data import Dataset

from ..datasets.image_headers import IMAGE_SUFFIXES, find_images
from ..datasets.transforms import LoadPoseImage
from ..datasets.wrappers import without_pipelines


class StyleBank:
    """Style codes of up to ``size`` images, computed once.

    Which images are taken does not depend on the run's random state: they are spread evenly over
    the sorted list.

    Args:
        images (dict | str | Dataset): A folder, or a data set (or its config) whose items have
            ``img_path``; with ``bbox`` (x1, y1, x2, y2) only the box is used. With
            ``mirror_image`` the file's mirror image is, to which the box belongs.
        size (int): Number of images.
        batch_size (int): Images encoded at a time. Defaults to 64.

    Raises:
        FileNotFoundError: No images.
        OSError: An image is missing or cannot be read (names it).
    """

    def __init__(self, images: dict | str | Dataset, size: int, batch_size: int = 64) -> None:
        if isinstance(images, (str, os.PathLike)):
            images = os.path.expanduser(os.fspath(images))
            names = find_images(images, IMAGE_SUFFIXES)
            items = [dict(img_path=f'{images}/{name}') for name in names]
            if not items:
                raise FileNotFoundError(
                    f'AdaINStyleHook: style_images={images} holds no images '
                    f'({", ".join(IMAGE_SUFFIXES)}): name a folder of target images')
        else:
            dataset = DATASETS.build(without_pipelines(images)) if isinstance(images, dict) \
                else images
            items = [dataset.get_data_info(i) for i in _spread(len(dataset), size)]
        self.items = [items[i] for i in _spread(len(items), size)]
        self.batch_size, self.codes = batch_size, None

    def draw(self, count: int, stylizer: nn.Module, like: Tensor) -> Tensor:
        """Codes of ``count`` randomly drawn images on the device of ``like``.

        Args:
            count (int): How many.
            stylizer (nn.Module): Encodes the images, at the first call.
            like (Tensor): (B, 3, H, W), the content at the network's resolution: the images are
                brought to this size.

        Returns:
            Tensor: (count, ...).
        """
        if self.codes is None:
            self.codes = torch.cat([
                stylizer.encode_style(chunk.to(like.device))
                for chunk in self._load(like.shape[-2:]).split(self.batch_size)])
            print_log(f'style cache: {len(self.codes)} target images, '
                      f'{self.codes.numel() * self.codes.element_size() / 2**20:.1f} MiB',
                      logger='current')
        index = torch.randint(len(self.codes), (count,))
        return self.codes[index.to(like.device, non_blocking=True)]

    def _load(self, size: torch.Size) -> Tensor:
        """(N, 3, H, W) RGB in [0, 1]."""
        images, load = [], LoadPoseImage()
        for item in self.items:
            path = item['img_path']
            # mirrored where the data set mirrors it: the box is that of the mirrored image
            try:
                image = load({k: item[k] for k in ('img_path', 'mirror_image') if k in item})['img']
            except OSError as error:
                raise OSError(f'AdaINStyleHook: the style image {path} cannot be read: replace or '
                              f'remove it ({error})') from error
            if item.get('bbox') is not None:
                x1, y1, x2, y2 = np.asarray(item['bbox']).reshape(-1)[:4]
                image = image[max(int(y1), 0):max(int(np.ceil(y2)), 1),
                              max(int(x1), 0):max(int(np.ceil(x2)), 1)]
                if not image.size:
                    raise ValueError(f'AdaINStyleHook: the box {[x1, y1, x2, y2]} of the style '
                                     f'image {path} lies outside of it: correct the annotation')
            image = cv2.resize(image, (size[1], size[0]), interpolation=cv2.INTER_AREA)
            images.append(torch.from_numpy(image[..., ::-1].copy()))
        return torch.stack(images).permute(0, 3, 1, 2).float() / 255


def folder_of(images: Dataset | list) -> str:
    """The folder that holds all images; of many, of as many evenly spread as are looked at.

    Args:
        images (Dataset | list): A data set, or its items, with ``img_path``.

    Returns:
        str: Absolute; empty if they have none in common.
    """
    item = getattr(images, 'get_data_info', None) or images.__getitem__
    folders = [os.path.dirname(os.path.abspath(item(i)['img_path']))
               for i in _spread(len(images), 512)]
    try:
        return os.path.commonpath(folders)
    except ValueError:  # several drives, or no image
        return ''


def _spread(total: int, size: int) -> list[int]:
    """``min(total, size)`` indices evenly over ``range(total)``."""
    return np.linspace(0, total - 1, min(total, size)).round().astype(int).tolist() if total else []
