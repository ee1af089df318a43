"""Colours, photographs and procedural patterns; images are float32 RGB in [0, 1]."""

from functools import lru_cache

import cv2
import numpy as np

from .articulated import ASSETS

TILES = ('brick', 'grass', 'gravel')
"""Photographs of surfaces."""
PICTURES = ('chelsea', 'coffee', 'coins', 'hubble_deep_field', 'rocket')
"""Photographs of scenes."""
SKIN_TONES = np.float32([[.96, .80, .69], [.90, .70, .56], [.78, .57, .42], [.62, .43, .30],
                         [.45, .30, .21], [.33, .22, .16]])


@lru_cache(maxsize=1)
def load_photos():
    """All photographs as pyramids, finest level first.

    Returns:
        dict[str, list[ndarray]]: By name: levels of shape (H, W, 3).
    """
    photos = {}
    for name in TILES + PICTURES:
        path = ASSETS / 'photos' / f'{name}.jpg'
        data = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
        if data is None:
            raise FileNotFoundError(f'The photograph {path} is missing or damaged; '
                                    'reinstall udapose.')
        levels = [cv2.cvtColor(data, cv2.COLOR_BGR2RGB).astype(np.float32) / 255]
        for _ in range(4):
            height, width = levels[-1].shape[:2]
            levels.append(cv2.resize(levels[-1], (width // 2, height // 2),
                                     interpolation=cv2.INTER_AREA))
        photos[name] = levels
    return photos


def sample_photo(name, u, v, footprint=0.0):
    """Look up a photograph that is repeated with alternating mirroring.

    Args:
        name (str): Photograph.
        u (ndarray): Horizontal texture coordinates, 1 per copy, shape (P,).
        v (ndarray): Vertical texture coordinates, shape (P,).
        footprint (float): Size of an image pixel in texture coordinates; picks the level.

    Returns:
        ndarray: Colours, shape (P, 3).
    """
    levels = load_photos()[name]
    texels = max(footprint * levels[0].shape[1], 1.0)
    level = levels[min(int(np.log2(texels) + 0.5), len(levels) - 1)]
    height, width = level.shape[:2]
    # Distance to the nearest even number runs 0..1..0: mirrored copies without a seam.
    x = np.abs(u - 2 * np.round(u * 0.5)) * np.float32(width - 1)
    y = np.abs(v - 2 * np.round(v * 0.5)) * np.float32(height - 1)
    # remap's images are limited to 32767 pixels a side: fold the list of points.
    count = len(u)
    columns = 256
    rows = -(-count // columns)
    maps = np.zeros((2, rows * columns), np.float32)
    maps[0, :count], maps[1, :count] = x, y
    maps = maps.reshape(2, rows, columns)
    colour = cv2.remap(level, maps[0], maps[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return colour.reshape(-1, 3)[:count]


def photo_crop(rng, names, size, least=0.45):
    """Random square cut of a photograph, perhaps mirrored, shape (size, size, 3)."""
    image = load_photos()[names[int(rng.integers(len(names)))]][0]
    height, width = image.shape[:2]
    side = int(min(height, width) * rng.uniform(least, 1))
    left, top = rng.integers(width - side + 1), rng.integers(height - side + 1)
    method = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    crop = cv2.resize(image[top:top + side, left:left + side], (size, size), interpolation=method)
    return crop[:, ::-1] if rng.random() < 0.5 else crop


def hsv_colour(hue, saturation, value):
    """RGB colour, shape (3,), of hue, saturation and value in [0, 1]."""
    k = (np.float32([5, 3, 1]) + np.float32(hue) * 6) % 6
    shade = np.clip(np.minimum(k, 4 - k), 0, 1)
    return (np.float32(value) * (1 - np.float32(saturation) * shade)).astype(np.float32)


def random_colour(rng, saturation, value):
    """Colour with any hue; saturation and value are drawn from the given ranges."""
    return hsv_colour(rng.random(), rng.uniform(*saturation), rng.uniform(*value))


def cloud_noise(rng, size, octaves=4, base=3):
    """Smooth 2-D noise in [0, 1], shape (size, size)."""
    total = np.zeros((size, size), np.float32)
    for k in range(octaves):
        cells = rng.random((base * 2**k, base * 2**k), dtype=np.float32)
        total += cv2.resize(cells, (size, size), interpolation=cv2.INTER_CUBIC) / 2**k
    total -= total.min()
    return total / (total.max() + 1e-6)


class SolidNoise:
    """Cheap smooth noise in space: the mean of six random sinusoids, in [-1, 1].

    Args:
        rng (numpy.random.Generator): Source of randomness.
    """

    def __init__(self, rng):
        self._waves = rng.normal(0, 1, (3, 6)).astype(np.float32)
        self._phases = rng.uniform(0, 2 * np.pi, 6).astype(np.float32)

    def __call__(self, points, frequency):
        """Noise at points (P, 3) in metres; frequency in radians per metre; shape (P,)."""
        phase = points @ (self._waves * np.float32(frequency))
        phase += self._phases
        return np.sin(phase, out=phase).mean(-1)


class Cloth:
    """Colour of a garment, plain or with a woven pattern.

    Args:
        rng (numpy.random.Generator): Source of randomness.
        rich (bool): Allow patterns and fine shading; plain colour otherwise.
    """

    _PATTERNS = dict(plain=.3, stripe=.15, upright=.08, check=.13, camouflage=.12, dots=.08,
                     denim=.14)

    def __init__(self, rng, rich):
        self.first = random_colour(rng, (.1, .9), (.15, .95))
        self.second = random_colour(rng, (.1, .9), (.15, .95))
        self.pattern, self.noise = 'plain', None
        if rich:
            names = list(self._PATTERNS)
            self.pattern = names[int(rng.choice(len(names), p=list(self._PATTERNS.values())))]
            self.frequency = rng.uniform(25, 90)
            self.duty = rng.uniform(-.4, .6)
            self.noise = SolidNoise(rng)
            if self.pattern == 'denim':
                self.second = self.first * np.float32(.7)

    def _mixture(self, points):
        x, z = points[:, 0], points[:, 2]
        f = np.float32(self.frequency)
        if self.pattern == 'stripe':
            return np.sin(z * (1.6 * f)) > self.duty
        if self.pattern == 'upright':
            return np.sin(x * (1.6 * f)) > self.duty
        if self.pattern == 'check':
            return .5 * (np.sin(z * (1.2 * f)) > 0) + .5 * (np.sin(x * (1.2 * f)) > 0)
        if self.pattern == 'camouflage':
            return self.noise(points, 14) > .05
        if self.pattern == 'dots':
            return np.sin(x * f) * np.sin(z * f) > .55
        return .5 + .25 * np.sin(x * 700 + z * 500)

    def __call__(self, points):
        """Colours (P, 3) at rest positions (P, 3) in metres."""
        if self.pattern == 'plain':
            colour = np.broadcast_to(self.first, (len(points), 3))
        else:
            mixture = self._mixture(points).astype(np.float32)[:, None]
            colour = self.first + (self.second - self.first) * mixture
        if self.noise is not None:
            colour = colour * (1 + np.float32(.1) * self.noise(points, 25)[:, None])
        return colour
