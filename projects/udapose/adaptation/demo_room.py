"""The demonstration's surroundings and camera: a room, and what a camera does to its pictures."""
from __future__ import annotations

import cv2
import numpy as np

from ..synthetic.backgrounds import surface_texture
from ..synthetic.camera import Camera
from ..synthetic.lighting import SunLight
from ..synthetic.photometric import to_bytes
from ..synthetic.rasterizer import ShadowMap
from ..synthetic.scene import Scene
from ..synthetic.textures import PICTURES, random_colour, sample_photo

#: Of textures on floor and walls. A model that has seen plain backgrounds only finds nobody before
#: full ones, and then there is nothing that it could teach itself.
_CONTRAST = .35


class Room:
    """A floor, four walls with a picture each, and boxes that stand about.

    Args:
        seed (list[int]): Of the materials.
        half (tuple[float, float]): Half the room's extent along x and y, metres.
        boxes (list[tuple]): Centre on the floor (x, y), size (3,), turn in degrees.
    """

    def __init__(self, seed: list[int], half, boxes=()) -> None:
        self._seed, self._half, self._boxes = seed, np.asarray(half, float), list(boxes)

    def furnish(self, scene: Scene) -> None:
        """Add the boxes to a scene."""
        for (x, y), size, turn in self._boxes:
            scene.add_box([x, y, size[2] / 2], size, turn)

    def paint_boxes(self, surface, albedo: np.ndarray) -> None:
        """Fill in the colours of the boxes' surface points."""
        surface.paint_boxes(np.random.default_rng([*self._seed, 9]), albedo)

    def background(self, camera: Camera, rows: slice, side: int, light: SunLight,
                   shadow: ShadowMap) -> np.ndarray:
        """Radiance (side, side, 3) float32 of floor and walls; only in the given rows."""
        rays = camera.rays(side).reshape(side, side, 3)[rows].reshape(-1, 3)
        eye = camera.center.astype(np.float32)
        half = self._half.astype(np.float32)
        with np.errstate(divide='ignore', invalid='ignore'):
            walls = (np.copysign(half, rays[:, :2]) - eye[:2]) / rays[:, :2]
            floor = np.where(rays[:, 2] < -1e-4, -eye[2] / rays[:, 2], np.float32(1e9))
        depth = np.minimum(np.nan_to_num(walls, nan=1e9).min(1), floor)
        points = eye + rays * depth[:, None]
        across = walls[:, 1] < walls[:, 0]  # a wall of constant y
        number = np.where(floor <= depth, 0, 1 + 2 * across + (np.where(
            across, rays[:, 1], rays[:, 0]) > 0))
        image = np.zeros((len(rays), 3), np.float32)
        # One level of the photographs' pyramids for the whole clip: another one would pop up.
        pixel = 1.2 * float(np.hypot(*self._half)) / camera.K[0, 0]
        for surface in range(5):
            where = np.nonzero(number == surface)[0]
            if not len(where):
                continue
            rng, at = np.random.default_rng([*self._seed, surface]), points[where]
            if surface == 0:
                sun = light.key * np.float32(.8 * max(light.direction[2], .2))
                image[where] = _material(rng, at[:, 0], at[:, 1], pixel) * (
                    light.ambient + sun * shadow.lit(at)[:, None])
            else:
                axis, sign = (surface - 1) // 2, 2 * ((surface - 1) % 2) - 1
                facing = .5 + .5 * max(0., float(-sign * light.direction[axis]))
                image[where] = _wall(rng, at[:, 1 - axis], -at[:, 2], pixel) * (
                    light.ambient + light.key * np.float32(.6 * facing))
        result = np.zeros((side, side, 3), np.float32)
        result[rows] = image.reshape(-1, side, 3)
        return result


def _material(rng, u: np.ndarray, v: np.ndarray, pixel: float) -> np.ndarray:
    """Colours (P, 3) of a floor or wall: paint through which a texture shows."""
    paint = random_colour(rng, (0, .3), (.35, .9))
    return paint + np.float32(_CONTRAST) * (surface_texture(rng, u, v, pixel) - paint)


def _wall(rng, u: np.ndarray, v: np.ndarray, pixel: float) -> np.ndarray:
    """Colours (P, 3) of a wall with a picture, ``u`` along and ``v`` downwards, metres."""
    colour = _material(rng, u, v, pixel)
    middle, height = rng.uniform([-2.2, -2.4], [2.2, -1.6])
    width, tall = rng.uniform([.5, .4], [1.2, .8])
    x, y = (u - np.float32(middle)) / np.float32(width), (v - np.float32(height)) / np.float32(tall)
    name = PICTURES[int(rng.integers(len(PICTURES)))]
    inside = np.nonzero((np.abs(x) < .5) & (np.abs(y) < .5))[0]
    if len(inside):
        colour[inside] = sample_photo(name, x[inside] + np.float32(.5), y[inside] + np.float32(.5),
                                      pixel / width)
    return colour


class Film:
    """What the camera does to the picture: focus, exposure, colours, vignette, noise, JPEG.

    The exposure is that of the first picture, as with a camera whose exposure is locked.

    Args:
        rng (np.random.Generator): Draws the camera's properties.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._blur = rng.uniform(.45, .9)
        self._level, self._cast = rng.uniform(.36, .46), 1 + rng.normal(0, .06, 3)
        self._gamma, self._contrast = rng.uniform(.85, 1.2), rng.uniform(.85, 1.15)
        self._vignette, self._noise = rng.uniform(.1, .25), rng.uniform(.015, .035)
        self._quality, self._gain = int(rng.integers(45, 75)), None

    def develop(self, rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
        """Photograph a picture.

        Args:
            rng (np.random.Generator): Of this picture's noise.
            image (np.ndarray): (H, W, 3) radiance, float32 RGB.

        Returns:
            np.ndarray: (H, W, 3) uint8 BGR.
        """
        height, width = image.shape[:2]
        image = cv2.GaussianBlur(image, (0, 0), self._blur * width / 320)
        if self._gain is None:
            self._gain = np.clip(self._level / max(float(image.mean()), 1e-3), .7, 2.4)
        levels = np.linspace(0, 1.2, 1024)
        curve = ((levels ** self._gamma - .5) * self._contrast + .5).astype(np.float32)
        index = image * (self._gain * self._cast * (1023 / 1.2)).astype(np.float32)
        image = curve[np.clip(index, 0, 1023).astype(np.int16)]
        y, x = (np.linspace(-1, 1, n, dtype=np.float32) ** 2 for n in (height, width))
        image *= (1 - np.float32(self._vignette / 2) * (x + y[:, None]))[..., None]
        noise = rng.standard_normal(image.shape, dtype=np.float32)
        image += noise * np.float32(self._noise) * (image + np.float32(.5))
        content = cv2.imencode('.jpg', to_bytes(image)[..., ::-1],
                               [cv2.IMWRITE_JPEG_QUALITY, self._quality])[1]
        return cv2.imdecode(content, cv2.IMREAD_COLOR)
