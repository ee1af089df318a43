"""Instances whose box is the whole image, where annotations do not tell the images' sizes."""
from __future__ import annotations

from collections.abc import Iterator, Sequence

from mmengine.logging import MMLogger

from ..image_headers import read_image_sizes
from .base import PublicPoseDataset

_NUM_SHOWN = 5


def whole_images(dataset: PublicPoseDataset, paths: Sequence[str]) -> Iterator[tuple[int, dict]]:
    """Boxes of whole images, from the files' headers alone.

    Args:
        dataset (PublicPoseDataset): Whose images they are. Its ``on_missing`` decides about files
            that exist but are damaged: an error, or they are left out and counted in its report.
        paths (Sequence[str]): The files.

    Yields:
        tuple[int, dict]: Index in ``paths``; ``img_path``, ``bbox`` (x1, y1, x2, y2) and
        ``image_size`` (width, height), pixels. The size is (0, 0) if there is no such file, which
        the base class reports.

    Raises:
        OSError: Damaged files, with their number and the first of them.
    """
    sizes, problems = read_image_sizes(sorted(set(paths)))
    damaged = {path: why for path, why in problems.items() if why != 'no such file'}
    if damaged:
        shown = '; '.join(f'{path} ({why})' for path, why in [*damaged.items()][:_NUM_SHOWN])
        message = f'{type(dataset).__name__}: {len(damaged)} image files cannot be read: {shown}'
        if dataset.on_missing == 'error':
            raise OSError(f'{message}. Extract the archive again, or leave them out by '
                          "on_missing='skip'")
        MMLogger.get_current_instance().warning(f'Left out: {message}')
        dataset.count('damaged image files, left out', len(damaged))
    for i, path in enumerate(paths):
        if path not in damaged:
            width, height = sizes.get(path, (0, 0))
            yield i, dict(img_path=path, bbox=(0, 0, width, height), image_size=(width, height))
