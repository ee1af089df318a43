"""Light and development of photographs in the generator's version 2."""

from dataclasses import dataclass

import cv2
import numpy as np

from .lighting import SunLight
from .photometric import photograph
from .rotations import AXIS_X, AXIS_Y, AXIS_Z, axis_rotation


@dataclass
class PhotoLight(SunLight):
    """Sun, overcast sky, lamps or light from behind, perhaps with a bright rim.

    Attributes:
        rim (ndarray or None): Unit vector towards a lamp behind the figure, shape (3,).
        rim_colour (ndarray): Its strength and colour, shape (3,), float32.
    """
    rim: np.ndarray | None = None
    rim_colour: np.ndarray | None = None

    @classmethod
    def sample(cls, rng, forward):
        """Draw a light.

        Args:
            rng (numpy.random.Generator): Source of randomness.
            forward (ndarray): The camera's viewing direction in the world, shape (3,).
        """
        kind = rng.choice(['sun', 'overcast', 'lamps', 'behind'], p=[.45, .22, .2, .13])
        turn = axis_rotation(AXIS_Z, rng.uniform(0, 360))
        direction = turn @ axis_rotation(AXIS_X, rng.uniform(12, 80)) @ AXIS_Y
        if kind == 'behind':
            level = forward * [1, 1, 0]
            level /= max(np.linalg.norm(level), 1e-6)
            level = axis_rotation(AXIS_Z, rng.normal(0, 35)) @ level
            direction = level * np.cos(.5) + AXIS_Z * np.sin(.5)
        strength = dict(sun=(.25, .5, .7, 1.2), overcast=(.65, .95, .1, .35),
                        lamps=(.3, .55, .4, .8), behind=(.3, .6, .6, 1.1))[str(kind)]
        warm = np.array([1, .1, -1])
        temperature = rng.normal(.08 if kind == 'lamps' else 0, .12)
        key = rng.uniform(*strength[2:]) * (1 + temperature * warm)
        ambient = rng.uniform(*strength[:2]) * (1 - rng.normal(.3, .5) * temperature * warm)
        rim = colour = None
        if kind == 'behind' or rng.random() < .15:
            side = axis_rotation(AXIS_Z, rng.choice([-1, 1]) * rng.uniform(25, 75))
            rim = side @ forward + [0, 0, rng.uniform(0, .7)]
            rim /= np.linalg.norm(rim)
            colour = (rng.uniform(.4, 1.1) * (1 + rng.normal(0, .15) * warm)).astype(np.float32)
        return cls(direction, key.astype(np.float32), ambient.astype(np.float32), rim, colour)

    def shade(self, surface, albedo, shadow, up, occlusion=None):
        """As :meth:`SunLight.shade`, and the rim: a grazing light on edges that face its lamp."""
        radiance = super().shade(surface, albedo, shadow, up, occlusion)
        if self.rim is None:
            return radiance
        lit = np.clip(surface.normal @ self.rim.astype(np.float32), 0, 1)
        where = np.nonzero(lit > .05)[0]
        normal = surface.normal[where]
        view = surface.view.camera.center.astype(np.float32) - surface.position[where]
        view /= np.sqrt(np.einsum('pc,pc->p', view, view))[:, None]
        edge = 1 - np.clip(np.einsum('pc,pc->p', normal, view), 0, 1)
        radiance[where] += (lit[where] * edge * edge)[:, None] * self.rim_colour * (
            np.float32(.25) + np.float32(.75) * albedo[where])
        return radiance


def develop(rng, image, figure):
    """Coarse pixels, saturation, colour cast and a dark border, then :func:`photograph`.

    Args:
        rng (numpy.random.Generator): Source of randomness.
        image (ndarray): Rendered square image, shape (H, W, 3), float32.
        figure (ndarray): Coverage of the figure, shape (H, W), in [0, 1].

    Returns:
        tuple[ndarray, int]: The photograph (H, W, 3) uint8; JPEG quality in percent.
    """
    size = len(image)
    if rng.random() < .25:
        coarse = int(size * rng.uniform(.45, .9))
        image = cv2.resize(cv2.resize(image, (coarse, coarse), interpolation=cv2.INTER_AREA),
                           (size, size), interpolation=cv2.INTER_LINEAR)
    saturation = np.float32(0. if rng.random() < .05 else rng.uniform(.55, 1.3))
    grey = image.mean(2, keepdims=True)
    cast = 1 + rng.normal(0, .07) * np.array([1, 0, -1])
    image = np.maximum(grey + (image - grey) * saturation, 0) * cast.astype(np.float32)
    if rng.random() < .3:
        grid = np.linspace(-1, 1, size, dtype=np.float32)
        x, y = grid + np.float32(rng.normal(0, .15)), grid + np.float32(rng.normal(0, .15))
        dark = np.float32(rng.uniform(.15, .5) / 2) * (x ** 2 + y[:, None] ** 2)
        image = image * np.clip(1 - dark, .2, 1)[..., None]
    return photograph(rng, image, figure, .2, (.001, .028))
