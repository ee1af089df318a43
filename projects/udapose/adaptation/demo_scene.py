"""What the demonstration's camera sees: dressed people in a room, in the target domain's look.

The generator of the embedded data draws everything anew for each picture. Here clothes, room,
light and camera are drawn once for a clip: what is drawn while a frame is painted comes from a
random generator that starts alike in every frame.
"""
from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..synthetic.body import Body
from ..synthetic.camera import Camera
from ..synthetic.lighting import SunLight
from ..synthetic.rasterizer import ShadowMap, rasterize, vertex_normals
from ..synthetic.rotations import AXIS_Z
from ..synthetic.sample import identity_pool, label_keypoints
from ..synthetic.scene import Scene, View
from ..synthetic.wardrobe import clothing_offsets, paint_person
from .demo_motion import PosePath, turned
from .demo_room import Film, Room

_SHADOW_TEXELS = 192


class Person:
    """One identity with clothes, who moves.

    Args:
        seed (list[int]): Of everything about this person.
        body (Body): The body model.
        seconds (float): How long the person moves.
        place (Callable): Gives place, heading and metres walked at a time, see
            :class:`~udapose.adaptation.demo_motion.OnTheSpot`.
        walks (bool): Whether the legs walk.

    Attributes:
        height (float): Metres, standing.
    """

    def __init__(self, seed: list[int], body: Body, seconds: float, place, walks: bool = False
                 ) -> None:
        rng = np.random.default_rng(seed)
        self.body, self._place, self._look = body, place, [*seed, 1]
        ages = np.nonzero(body.age > .3)[0]
        self.identity = int(rng.choice(identity_pool(ages, 'target', 'test')))
        rest = body.identity(self.identity)
        self.height = float(np.ptp(rest.vertices[:, 2]))
        self._path = PosePath(rng, body, rest, seconds, walks)
        normals = vertex_normals(rest.vertices, body.faces)
        rest.vertices = rest.vertices + normals * clothing_offsets(rng, body)[:, None]
        self._rest = rest

    def figure(self, time: float):
        """The posed figure in the world at a time in seconds; its lowest point is on the floor."""
        place, heading, distance = self._place(time)
        rotations = self.body.rotations(self._rest, self._path.at(time, distance))
        figure = self.body.pose(self._rest, rotations, turned(heading))
        root = self.body.joint(figure, 'root')
        offset = np.array([*(place - root[:2]), -figure.vertices[:, 2].min()])
        return figure.moved(np.eye(3), offset)

    def paint(self, local: np.ndarray, regions: np.ndarray) -> np.ndarray:
        """Colours (P, 3) of surface points; the same at every time."""
        return paint_person(np.random.default_rng(self._look), self.body, local, regions,
                            rich=True)


@dataclass
class Seen:
    """A person in a frame.

    Attributes:
        keypoints (np.ndarray): (22, 2) pixels; integers are pixel centres.
        visibility (np.ndarray): (22,) 0 outside the frame, 1 occluded, 2 visible.
        box (np.ndarray): (4,) xywh around the whole person, within the frame.
        mask (np.ndarray): (H, W) bool, pixels of which the person covers more than half.
        share (float): Of the person in the frame that nobody else hides, in [0, 1].
    """
    keypoints: np.ndarray
    visibility: np.ndarray
    box: np.ndarray
    mask: np.ndarray
    share: float


class Stage:
    """People in a room before a camera.

    Args:
        people (list[Person]): At least one.
        room (Room): Around them.
        camera (Callable): Gives eye (3,) and the point looked at (3,) in metres at a time.
        light (SunLight): Illumination.
        film (Film): The camera's look.
        size (tuple[int, int]): Width and height of the frames.
        focal (float): Focal length as a share of the width.
    """

    def __init__(self, people, room: Room, camera, light: SunLight, film: Film, size,
                 focal: float = 1.08) -> None:
        self.people, self.room, self.camera = people, room, camera
        self.light, self.film, self.size = light, film, tuple(size)
        self._side, self._focal = max(size), focal * size[0]
        # The generator's pictures are square: of such a one the middle is the frame.
        self._left, self._top = ((self._side - n) // 2 for n in size)

    def shoot(self, time: float, rng: np.random.Generator) -> tuple[np.ndarray, list[Seen]]:
        """Render a frame.

        Args:
            time (float): Seconds from the clip's start.
            rng (np.random.Generator): Of the camera's noise.

        Returns:
            tuple[np.ndarray, list[Seen]]: (H, W, 3) uint8 BGR, and each person's labels.
        """
        body = self.people[0].body
        figures = [person.figure(time) for person in self.people]
        count, vertices = len(figures), len(body.mean.vertices)
        faces = np.concatenate([body.faces + k * vertices for k in range(count)])
        who = np.repeat(np.eye(count), vertices, 0)
        scene = Scene(np.concatenate([f.vertices for f in figures]), faces,
                      np.tile(body.mean.vertices, (count, 1)),
                      np.concatenate([np.tile(body.region_weights, (count, 1)), who], 1))
        self.room.furnish(scene)
        view = View(look_at(*self.camera(time), self._focal, self._side), self._side)
        surface = scene.render(view)
        owner = np.where(surface.object == 0, surface.extra[:, -count:].argmax(1), -1)
        width, height = self.size
        rows, columns = (slice(start, start + n) for start, n in (
            (self._top, height), (self._left, width)))
        image = self._paint(surface, owner, view, rows)[rows, columns]
        seen = self._labels(figures, surface, owner, rows, columns)
        return self.film.develop(rng, image), seen

    def _paint(self, surface, owner, view, rows) -> np.ndarray:
        shadow = ShadowMap(*surface.scene.mesh(), self.light.direction, _SHADOW_TEXELS)
        albedo = np.zeros((len(surface.pixel), 3), np.float32)
        regions = surface.extra[:, :-len(self.people)]
        for k, person in enumerate(self.people):
            where = np.nonzero(owner == k)[0]
            albedo[where] = person.paint(surface.local[where], regions[where])
        self.room.paint_boxes(surface, albedo)
        occlusion = np.clip(np.float32(.65) + np.float32(.9) * surface.position[:, 2], .65, 1)
        colour = self.light.shade(surface, albedo, shadow, AXIS_Z, occlusion)
        background = self.room.background(view.camera, rows, self._side, self.light, shadow)
        return surface.composite(colour, background)[0]

    def _labels(self, figures, surface, owner, rows, columns) -> list[Seen]:
        camera, fine = surface.view.camera, len(surface.depth)
        corner, size = np.array([self._left, self._top]), np.array(self.size)
        result, covers = [], []
        for k, (person, figure) in enumerate(zip(self.people, figures)):
            pixels, visibility, _ = label_keypoints(
                person.body.keypoints(figure), surface, person.body.skin_depth)
            pixels = pixels - corner
            inside = ((pixels >= -.5) & (pixels < size - .5)).all(1)
            outline = camera.project(camera.to_camera(figure.vertices)) - corner
            # Boxes count from the edge of the first pixel, as COCO's do.
            low, high = (np.clip(end + .5, 0, size) for end in (outline.min(0), outline.max(0)))
            cover = np.zeros(fine * fine, np.float32)
            cover[surface.pixel[owner == k]] = 1
            mask = cv2.resize(cover.reshape(fine, fine), (self._side, self._side),
                              interpolation=cv2.INTER_AREA)[rows, columns] > .5
            result.append(Seen(pixels, np.where(inside, visibility, 0),
                               np.concatenate([low, high - low]), mask, 1.))
            covers.append(self._in_frame(cover))
        for k, one in enumerate(result):
            if any(_meet(one.box, other.box) for other in result if other is not one):
                alone = self._in_frame(self._alone(figures[k], surface.view))
                one.share = float(covers[k].sum() / max(alone.sum(), 1))
        return result

    def _in_frame(self, cover: np.ndarray) -> np.ndarray:
        """The frame's part of a cover with finer pixels than the square picture's."""
        finer = int(np.sqrt(cover.size)) // self._side
        top, left = self._top * finer, self._left * finer
        return cover.reshape(self._side * finer, -1)[
            top:top + self.size[1] * finer, left:left + self.size[0] * finer]

    def _alone(self, figure, view) -> np.ndarray:
        """The finer pixels that a person would cover if nobody else were there."""
        camera, fine = view.camera.scaled(view.supersample), view.size * view.supersample
        local = camera.to_camera(figure.vertices)
        return np.isfinite(rasterize(camera.project(local), local[:, 2],
                                     self.people[0].body.faces, fine, fine).depth)


def look_at(eye: np.ndarray, target: np.ndarray, focal: float, side: int) -> Camera:
    """An upright camera at ``eye`` with ``target`` in the middle of its square picture."""
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, AXIS_Z)
    right /= np.linalg.norm(right)
    middle = (side - 1) / 2
    return Camera(np.array([[focal, 0, middle], [0, focal, middle], [0, 0, 1.]]),
                  np.stack([right, np.cross(forward, right), forward]), np.asarray(eye, float))


def _meet(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two boxes xywh have a point in common."""
    return bool(((a[:2] < b[:2] + b[2:]) & (b[:2] < a[:2] + a[2:])).all())
