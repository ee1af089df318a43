"""Finding image files and reading their headers, without decoding pixels."""
from __future__ import annotations

import logging
import os
import os.path as osp
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
from mmengine.logging import MMLogger, print_log
from PIL import Image

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff')
#: Pictures that OpenCV does not read everywhere: left out, and said.
FOREIGN_SUFFIXES = ('.heic', '.heif', '.avif', '.gif', '.jxl', '.jp2', '.dng', '.cr2', '.cr3',
                    '.nef', '.arw')
_EXIF_ORIENTATION = 0x0112
_SECONDS_BETWEEN_PROGRESS = 10.


def find_images(folder: str, suffixes: Sequence[str] = IMAGE_SUFFIXES) -> list[str]:
    """All image files below a folder, in an order that does not depend on the file system.

    Hidden files and folders (a leading dot, as in macOS's ``._photo.jpg``) are passed over.
    Linked folders are followed, each real folder once, so that circular links end. Pictures of
    another kind (``FOREIGN_SUFFIXES``) are counted in a warning.

    Args:
        folder (str): Where to start.
        suffixes (Sequence[str] | str): Accepted suffixes with dot, in lower case.

    Returns:
        list[str]: Paths relative to ``folder`` with forward slashes, sorted.
    """
    suffixes = (suffixes,) if isinstance(suffixes, str) else tuple(suffixes)
    found, visited, foreign = [], set(), Counter()
    for parent, folders, files in os.walk(folder, followlinks=True):
        folders[:] = sorted(f for f in folders if not f.startswith('.'))
        real = os.path.realpath(parent)
        if real in visited:
            folders.clear()
            continue
        visited.add(real)
        relative = os.path.relpath(parent, folder)
        for name in files:
            if name.startswith('.'):
                continue
            if name.lower().endswith(suffixes):
                found.append(os.path.normpath(os.path.join(relative, name)).replace(os.sep, '/'))
            elif name.lower().endswith(FOREIGN_SUFFIXES):
                foreign[osp.splitext(name.lower())[1]] += 1
    if foreign:
        print_log(f'{folder}: {left_out(foreign)}', logger='current', level=logging.WARNING)
    return sorted(found)


def left_out(kinds: Mapping[str, int], remedy: str = 'convert them to JPEG or PNG') -> str:
    """The sentence about files whose kind is not read; ``kinds`` maps suffixes to numbers."""
    return (f'{sum(kinds.values())} files are left out, as their kind is not read '
            f'({listed_kinds(kinds)}): {remedy}')


def listed_kinds(kinds: Mapping[str, int]) -> str:
    """Numbers of files by suffix, as in ``'1 .gif, 2 .heic'``."""
    return ', '.join(f'{number} {suffix}' for suffix, number in sorted(kinds.items()))


def listed_path(folder: str, name: str) -> str:
    """The path of an image that a list or annotation file names.

    Files written on Windows name ``people\\1.jpg``, which elsewhere is no folder with a file.

    Args:
        folder (str): What the name is relative to.
        name (str): As in the file.
    """
    path = osp.join(folder, name)
    if '\\' in name and not osp.exists(path):  # it may be a part of a name
        other = osp.join(folder, name.replace('\\', '/'))
        return other if osp.exists(other) else path
    return path


def read_image_size(path: str) -> tuple[int, int]:
    """Width and height as the decoder will deliver them, from the header alone where it says so.

    OpenCV turns a photograph as its EXIF orientation says, so a portrait taken with a phone has
    sides exchanged with respect to the header's.

    Args:
        path (str): An image file.

    Returns:
        tuple[int, int]: Width and height in pixels.

    Raises:
        OSError: The file is missing, or its header is not one of an image.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            jpeg = image.format in ('JPEG', 'MPO')
            if image.format == 'TIFF' and image.mode in ('F', 'I'):
                raise OSError(
                    'has 32-bit samples, which OpenCV does not decode: convert it to 8 bits')
            # getexif of a PNG without it up front would read the whole file
            turned = (jpeg or image.format == 'TIFF' or 'exif' in image.info) and \
                image.getexif().get(_EXIF_ORIENTATION, 1) in (5, 6, 7, 8)
    except OSError:
        raise
    except Exception as error:  # Pillow's plugins raise many kinds on damaged headers
        raise OSError(f'{type(error).__name__}: {error}') from error
    if turned and not jpeg:  # libraries and their versions differ about these
        image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)  # as mmcv
        if image is None:
            raise OSError('cannot be decoded')
        return image.shape[1], image.shape[0]
    return (height, width) if turned else (width, height)


def read_image_sizes(paths: Sequence[str], num_threads: int = 8
                     ) -> tuple[dict[str, tuple[int, int]], dict[str, str]]:
    """Read many headers in threads; logs progress every 10 seconds.

    Args:
        paths (Sequence[str]): Image files.
        num_threads (int): Threads (reading headers mostly waits for the disk). Defaults to 8.

    Returns:
        tuple:
        - sizes (dict[str, tuple[int, int]]): Path to (width, height) of readable images.
        - problems (dict[str, str]): Path to reason of the others, in the given order.
    """
    def check(path: str) -> tuple[int, int] | str:
        try:
            return read_image_size(path)
        except FileNotFoundError:
            return 'no such file'
        except OSError as error:
            # Pillow's messages repeat the path
            return str(error).replace(repr(path), 'the file') or type(error).__name__

    sizes, problems = {}, {}
    last = time.monotonic()
    with ThreadPoolExecutor(num_threads) as pool:
        for count, (path, result) in enumerate(zip(paths, pool.map(check, paths), strict=True), 1):
            if isinstance(result, str):
                problems[path] = result
            else:
                sizes[path] = result
            if time.monotonic() - last > _SECONDS_BETWEEN_PROGRESS:
                last = time.monotonic()
                MMLogger.get_current_instance().info(
                    f'Checked the headers of {count} of {len(paths)} images')
    return sizes, problems
