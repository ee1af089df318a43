"""Standing people for miniature body data sets, and pictures with a dot at each joint."""
import cv2
import numpy as np

# body16, metres, seen from the front: the person's right is on the left of the picture, y down
_TEMPLATE = np.array([
    (-.12, .85, 0), (-.11, .45, 0), (-.10, .05, 0), (.10, .05, 0), (.11, .45, 0), (.12, .85, 0),
    (0, .03, 0), (0, -.45, 0), (0, -.52, 0), (0, -.78, 0), (-.45, -.05, 0), (-.35, -.22, 0),
    (-.18, -.45, 0), (.18, -.45, 0), (.35, -.22, 0), (.45, -.05, 0)])


def people(rng, num):
    """(num, 16, 3) metres, x right, y down, z away; thorax is between the shoulders."""
    out = _TEMPLATE + rng.normal(0, .03, (num, 16, 3))
    out[:, 7] = out[:, 12:14].mean(1)
    return out


def picture(rng, width, height, points, flags=None):
    """Smooth random colours with a dot (left green, right red, middle white) at each joint."""
    image = cv2.resize(rng.integers(0, 90, (3, 3, 3)).astype(np.uint8), (width, height),
                       interpolation=cv2.INTER_CUBIC)
    for j, (x, y) in enumerate(np.round(points).astype(int)):
        if flags is None or flags[j]:
            colour = (60, 60, 255) if j in (0, 1, 2, 10, 11, 12) else \
                (60, 255, 60) if j in (3, 4, 5, 13, 14, 15) else (255, 255, 255)
            cv2.circle(image, (int(x), int(y)), max(2, width // 80), colour, -1)
    return image


def save(path, image):
    """A JPEG without colour subsampling, which small dots would not survive."""
    cv2.imwrite(str(path), image, [cv2.IMWRITE_JPEG_QUALITY, 97, cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
                                   cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444])
