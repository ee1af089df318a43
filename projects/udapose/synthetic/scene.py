"""A figure and boxes in one mesh: assembly, rendering and compositing."""

from dataclasses import dataclass

import cv2
import numpy as np

from .camera import Camera
from .rasterizer import rasterize, vertex_normals
from .rotations import AXIS_Z, axis_rotation
from .textures import PICTURES, TILES, random_colour, sample_photo

_CORNERS = np.array([[x, y, z] for x in (-.5, .5) for y in (-.5, .5) for z in (-.5, .5)])
_SIDES = np.array([(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4),
                   (1, 5, 7, 3)])
_SIDE_UV = np.array([(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)], float)
_BOX_VERTICES = 24
_BOX_FACES = np.concatenate([[[4 * k, 4 * k + 1, 4 * k + 2], [4 * k, 4 * k + 2, 4 * k + 3]]
                             for k in range(6)])

FIGURE = 0
"""Object number of the figure; boxes are 1, 2, ..., other people follow."""


class Scene:
    """Triangles of a figure and of boxes, with what is to be interpolated over them.

    Args:
        vertices (ndarray): Posed figure in world metres, shape (V, 3).
        faces (ndarray): Its triangles, shape (F, 3).
        local (ndarray): Rest position of the vertices, for textures, shape (V, 3).
        extra (ndarray, optional): More vertex values to interpolate, shape (V, C).
    """

    def __init__(self, vertices, faces, local, extra=None):
        extra = np.zeros((len(vertices), 0)) if extra is None else extra
        self._extra_count = extra.shape[1]
        self._vertices, self._faces = [vertices], [faces]
        self._objects = [np.zeros(len(faces), np.int8)]
        self._values = [np.concatenate(
            [vertex_normals(vertices, faces), vertices, local, extra], 1)]
        self.num_boxes = 0
        self.people = []

    def add_person(self, vertices, faces, local, extra):
        """Add another figure, which is not the labelled one; boxes must have been added before.

        Args:
            vertices, faces, local, extra: As of the figure itself.

        Returns:
            int: Its object number.
        """
        number = self.num_boxes + len(self.people) + 1
        self.people.append(number)
        self._faces.append(faces + sum(len(v) for v in self._vertices))
        self._vertices.append(vertices)
        self._objects.append(np.full(len(faces), number, np.int8))
        self._values.append(np.concatenate(
            [vertex_normals(vertices, faces), vertices, local, extra], 1))
        return number

    def add_box(self, center, size, turn):
        """Add a box; its texture coordinates become the surface's ``local``.

        Args:
            center (array): World metres, shape (3,).
            size (array): Edge lengths in metres, shape (3,).
            turn (float or ndarray): Turn about the vertical in degrees, or a rotation (3, 3).
        """
        if self.people:
            raise ValueError('boxes are numbered before people: add the boxes first')
        turn = axis_rotation(AXIS_Z, turn) if np.ndim(turn) == 0 else turn
        corners = (_CORNERS * size) @ turn.T + center
        vertices = corners[_SIDES].reshape(-1, 3)
        self.num_boxes += 1
        faces = _BOX_FACES + sum(len(v) for v in self._vertices)
        normals = np.cross(corners[_SIDES[:, 1]] - corners[_SIDES[:, 0]],
                           corners[_SIDES[:, 2]] - corners[_SIDES[:, 0]])
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        self._values.append(np.concatenate(
            [np.repeat(normals, 4, 0), vertices, np.tile(_SIDE_UV, (6, 1)),
             np.zeros((_BOX_VERTICES, self._extra_count))], 1))
        self._vertices.append(vertices)
        self._faces.append(faces)
        self._objects.append(np.full(len(faces), self.num_boxes, np.int8))

    def mesh(self):
        """All vertices (V, 3) and triangles (F, 3)."""
        return np.concatenate(self._vertices), np.concatenate(self._faces)

    def render(self, view):
        """Find the visible surface.

        Args:
            view (View): Camera and resolution.

        Returns:
            Surface: Visible surface points, ``view.supersample`` times finer than the image.
        """
        camera, size = view.camera.scaled(view.supersample), view.size * view.supersample
        vertices, faces = self.mesh()
        local = camera.to_camera(vertices)
        depth = np.maximum(local[:, 2], 1e-3)
        pixels = local[:, :2] / depth[:, None] * camera.K[[0, 1], [0, 1]] + camera.K[:2, 2]
        fragments = rasterize(pixels, local[:, 2], faces, size, size)
        values = fragments.interpolate(faces, np.concatenate(self._values).astype(np.float32))
        normals = values[:, :3]
        normals /= np.sqrt(np.einsum('pc,pc->p', normals, normals))[:, None] + 1e-9
        return Surface(self, view, fragments.pixel, np.concatenate(self._objects)[fragments.face],
                       normals, values[:, 3:6], values[:, 6:9], values[:, 9:], fragments.depth)


@dataclass
class View:
    """What to render.

    Attributes:
        camera (Camera): Camera of a square image.
        size (int): Width and height of the image in pixels.
        supersample (int): Rendered pixels per image pixel and axis.
    """
    camera: Camera
    size: int
    supersample: int = 2


@dataclass
class Surface:
    """Visible surface points; P of them, all values float32.

    Attributes:
        scene (Scene): What was rendered.
        view (View): How they were rendered; S below is ``size * supersample``.
        pixel (ndarray): Flat index of the rendered pixel, shape (P,).
        object (ndarray): 0 for the figure, else the number of the box or person, shape (P,).
        normal (ndarray): Unit normal, shape (P, 3).
        position (ndarray): World metres, shape (P, 3).
        local (ndarray): Rest position of the figure, texture coordinates of a box, (P, 3).
        extra (ndarray): Further interpolated values, shape (P, C).
        depth (ndarray): Depth in metres, infinite where empty, shape (S, S).
    """
    scene: Scene
    view: View
    pixel: np.ndarray
    object: np.ndarray
    normal: np.ndarray
    position: np.ndarray
    local: np.ndarray
    extra: np.ndarray
    depth: np.ndarray

    def paint_boxes(self, rng, albedo):
        """Give each box a tinted photograph.

        Args:
            rng (numpy.random.Generator): Source of randomness.
            albedo (ndarray): Colours to fill in, shape (P, 3).
        """
        names = TILES + PICTURES
        for number in range(1, self.scene.num_boxes + 1):
            name = names[int(rng.integers(len(names)))]
            copies = float(rng.choice([1, 1, 2]))
            tint = random_colour(rng, (0, .6), (.4, 1))
            coloured = rng.random() < .6
            where = np.nonzero(self.object == number)[0]
            if len(where) == 0:
                continue
            footprint = copies / max(np.sqrt(len(where)) / 2, 1)
            uv = self.local[where]
            colour = sample_photo(name, uv[:, 0] * copies, uv[:, 1] * copies, footprint)
            albedo[where] = (colour * tint if coloured else
                             tint * (.8 + .2 * colour.mean(1, keepdims=True)))

    @property
    def on_figure(self):
        """ndarray: Indices of the points that belong to the figure."""
        return np.nonzero(self.object == FIGURE)[0]

    def composite(self, colour, background):
        """Blend the rendered surface over a background with antialiased borders.

        Args:
            colour (ndarray): Colours of the surface points, shape (P, 3).
            background (ndarray): Image of the final size, shape (H, W, 3).

        Returns:
            tuple[ndarray, ndarray]: Image (H, W, 3) float32; the figure's coverage (H, W)
            in [0, 1].
        """
        final, fine = self.view.size, len(self.depth)
        layer = np.zeros((fine * fine, 4), np.float32)
        layer[self.pixel, :3] = np.clip(colour, 0, 1.5)
        layer[self.pixel, 3] = 1
        figure = np.zeros(fine * fine, np.float32)
        figure[self.pixel[self.on_figure]] = 1
        shape = (fine, fine)
        layer = cv2.resize(layer.reshape(*shape, 4), (final, final), interpolation=cv2.INTER_AREA)
        figure = cv2.resize(figure.reshape(shape), (final, final), interpolation=cv2.INTER_AREA)
        return layer[..., :3] + (1 - layer[..., 3:]) * background, figure
