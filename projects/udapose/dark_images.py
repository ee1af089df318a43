"""Files of 16 bits with the values of a 10- or 12-bit camera: read as 8 bits, they are black."""
from __future__ import annotations

import io
import logging

import numpy as np
from mmengine.logging import print_log
from PIL import Image

_DARK = 32  # of 255: two thousandths to an eighth of a 16-bit range is what such cameras fill
_told = False


def tell_dark(content: bytes | np.ndarray, image: np.ndarray, path: object) -> None:
    """Warn, once for each process, of an image of which decoding to 8 bits left next to nothing.

    OpenCV takes the upper 8 of 16 bits. Infrared, thermal and depth cameras that deliver 10 to 13
    bits fill only the lower ones. Dark images in files of 8 bits are none of this function's
    business.

    Args:
        content (bytes | np.ndarray): The file, as bytes.
        image (np.ndarray): As decoded, (H, W, 3), values 0 to 255.
        path: Names the file in the warning.

    Example:
        >>> tell_dark(Path('infrared.png').read_bytes(), cv2.imread('infrared.png'), 'infrared.png')
    """
    global _told
    if _told or image[::4, ::4].max(initial=0) >= _DARK:
        return  # most images end here, for a few microseconds
    try:
        with Image.open(io.BytesIO(content)) as file:
            if not file.mode.startswith('I'):  # 'I;16' and the like: one channel of 16 bits
                return
            highest = int(np.asarray(file).max())
    except Exception:  # Pillow does not know the file, or raises what it likes
        return
    if 255 < highest < _DARK * 256:
        _told = True
        print_log(
            f'{path} has 16 bits a pixel, but its highest value is {highest}: read as 8 '
            f'bits it is nearly black (at most {highest // 256} of 255). Stretch such images, '
            f'for example by {65535 // highest}; others like it are not named', 'current',
            logging.WARNING)
