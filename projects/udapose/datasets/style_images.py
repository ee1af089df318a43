"""Pairs of images that train a style transfer network."""
from __future__ import annotations

import os
import os.path as osp
from collections.abc import Sequence

import cv2
import numpy as np
import torch
from mmengine.logging import MMLogger
from mmpose.registry import DATASETS
from torch.utils.data import Dataset

from .image_headers import IMAGE_SUFFIXES, find_images, listed_path, read_image_sizes
from .text_files import read_lines
from .transforms import LoadPoseImage
from .wrappers import without_pipelines

_NUM_SHOWN = 5


@DATASETS.register_module()
class StyleTransferDataset(Dataset):
    """A content image and a randomly drawn style image.

    Item ``i`` has content image ``i``, so a sampler decides on the order and goes through all of
    them; the style image, the crops and the flips are drawn from NumPy's random state. Items are
    ``dict(inputs=dict(content=..., style=...))`` with (3, size, size) uint8 RGB tensors.

    Each of ``content`` and ``style`` is

    - a folder, searched recursively,
    - a text file with one path a line (``#`` starts a comment), relative to the file's folder,
    - a list of paths,
    - or the config of a data set whose items have ``img_path``, for example the source of a pose
      config (its pipeline and its keypoints are not used).

    Args:
        content (str | Sequence[str] | dict): Content images.
        style (str | Sequence[str] | dict): Style images.
        size (int): Side of the crops in pixels. Defaults to 256.
        resize (int | Sequence[int], optional): Range of the shorter side before the crop, drawn
            uniformly; at least ``size``. Defaults to twice the size (AdaIN: 512).
        flip_prob (float): Probability of a horizontal flip. Defaults to 0.5.
        on_unreadable (str): ``'error'`` or ``'skip'`` images with unreadable headers (reported).
            Defaults to ``'error'``.

    Raises:
        FileNotFoundError: A folder or list does not exist, or has no images.
        OSError: Unreadable images.
        ValueError: A bad argument.
    """

    def __init__(self, content: str | Sequence[str] | dict, style: str | Sequence[str] | dict,
                 size: int = 256, resize: int | Sequence[int] | None = None,
                 flip_prob: float = 0.5, on_unreadable: str = 'error') -> None:
        resize = 2 * size if resize is None else resize
        self.resize = (resize, resize) if isinstance(resize, int) else tuple(resize)
        if len(self.resize) != 2 or not 0 < size <= self.resize[0] <= self.resize[1]:
            raise ValueError('StyleTransferDataset: resize must be a side or a range of sides of '
                             f'at least size={size}, got {resize}')
        if not 0 <= flip_prob <= 1:
            raise ValueError(f'StyleTransferDataset: flip_prob must be in [0, 1], got {flip_prob}')
        if on_unreadable not in ('error', 'skip'):
            raise ValueError(f"StyleTransferDataset: on_unreadable must be 'error' or 'skip', got "
                             f'{on_unreadable!r}')
        self.size, self.flip_prob = size, flip_prob
        self.paths = {role: _checked(_list_images(images, role), role, on_unreadable)
                      for role, images in (('content', content), ('style', style))}
        self._load = LoadPoseImage()
        MMLogger.get_current_instance().info(
            f'StyleTransferDataset: {len(self.paths["content"])} content and '
            f'{len(self.paths["style"])} style images')

    @property
    def metainfo(self) -> dict:
        """What MMEngine's loops show to the visualizer."""
        return dict(dataset_name='style_transfer')

    def __len__(self) -> int:
        return len(self.paths['content'])

    def __getitem__(self, index: int) -> dict:
        """One pair; see the class."""
        partner = np.random.randint(len(self.paths['style']))
        return dict(inputs=dict(content=self._image(self.paths['content'][index]),
                                style=self._image(self.paths['style'][partner])))

    def _image(self, path: str) -> torch.Tensor:
        """Load, resize, crop, flip: (3, size, size) uint8 RGB."""
        image = self._load(dict(img_path=path))['img']
        side = np.random.randint(self.resize[0], self.resize[1] + 1)
        height, width = image.shape[:2]
        scale = side / min(height, width)
        width, height = (max(side, round(n * scale)) for n in (width, height))
        image = cv2.resize(image, (width, height), interpolation=(
            cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR))
        x, y = (np.random.randint(n - self.size + 1) for n in (width, height))
        image = image[y:y + self.size, x:x + self.size, ::-1]
        if np.random.rand() < self.flip_prob:
            image = image[:, ::-1]
        return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)


def _list_images(images: str | Sequence[str] | dict, role: str) -> list[str]:
    """Paths of the content or style images."""
    remedy = (f'point {role} of StyleTransferDataset to your images, for example with '
              f'--cfg-options train_dataloader.dataset.{role}=FOLDER')
    if isinstance(images, dict):
        dataset = DATASETS.build(without_pipelines(images))
        # an image with several people is one image
        return list(dict.fromkeys(
            dataset.get_data_info(i)['img_path'] for i in range(len(dataset))))
    images = os.fspath(images) if isinstance(images, os.PathLike) else images
    if not isinstance(images, str):
        if not images:
            raise FileNotFoundError(f'the list of {role} images is empty: {remedy}')
        return [osp.expanduser(path) for path in images]
    path = osp.expanduser(images)
    if osp.isfile(path) and path.endswith('.txt'):
        names, folder = read_lines(path, role), osp.dirname(path)
    elif osp.isdir(path):
        names, folder = find_images(path), path
    else:
        what = 'is neither a folder nor a .txt list' if osp.exists(path) else 'does not exist'
        raise FileNotFoundError(f'{role} images "{images}" {what}: {remedy}')
    if not names:
        raise FileNotFoundError(f'no {role} images in "{images}" (folders are searched recursively '
                                f'for {", ".join(IMAGE_SUFFIXES)}): {remedy}')
    return [listed_path(folder, osp.expanduser(name)) for name in names]


def _checked(paths: list[str], role: str, on_unreadable: str) -> list[str]:
    """The paths whose headers can be read."""
    sizes, problems = read_image_sizes(paths)
    if problems:
        shown = '; '.join(f'{p} ({reason})' for p, reason in [*problems.items()][:_NUM_SHOWN])
        message = f'{len(problems)} of {len(paths)} {role} images cannot be read: {shown}'
        if on_unreadable == 'error' or not sizes:
            raise OSError(f"{message}. Replace or remove them, or set on_unreadable='skip' to "
                          'leave them out')
        MMLogger.get_current_instance().warning(f'{message}; they are left out')
    return [path for path in paths if path in sizes]
