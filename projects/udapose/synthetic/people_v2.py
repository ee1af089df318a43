"""Renders one person with labels, version 2: sports and gymnastics as photographs show them.

Poses in any attitude, other people, wide angles, tilted cameras, closer crops and cut-off limbs;
in the target domain also more silhouettes, outdoor scenes, and light and colours of photographs.
The source domain stays plain: tight clothes, head light, plain background.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from .articulated import Figure
from .backgrounds import photo_background, plain_background, room_background
from .body import REGIONS, load_body
from .camera import Camera, frame_points
from .garments import Dressed, dress
from .lighting import head_light
from .outdoors import outdoor_background
from .outfits import Outfit
from .people import add_boxes
from .photo_style import PhotoLight, develop
from .photometric import to_bytes
from .poses_v2 import sample_attitude, sample_family, sample_pose
from .rasterizer import ShadowMap, vertex_normals
from .rotations import AXIS_X, AXIS_Y, AXIS_Z, axis_rotation
from .sample import Sample, identity_pool, label_keypoints
from .scene import Scene, View
from .wardrobe import paint_person

_POSE_ATTEMPTS = 40
_VIEW_ATTEMPTS = 8
_LEAST_VISIBLE = 0.4
_LEAST_INSIDE = 0.7


@dataclass
class Person:
    """A posed person.

    Attributes:
        figure (Figure): Body in world metres, clothes lifted.
        mesh (Dressed): The same with garments.
        outfit (Outfit or None): None: plain tight clothes.
        modes (tuple[str]): Family and limbs of the pose.
    """
    figure: Figure
    mesh: Dressed
    outfit: Outfit | None
    modes: tuple


def render_person(rng, size, domain, split):
    """Generate a person.

    Args:
        rng (numpy.random.Generator): Source of all randomness.
        size (int): Image size in pixels.
        domain (str): ``'source'`` or ``'target'``.
        split (str): ``'train'``, ``'val'`` or ``'test'``; decides the identities.

    Returns:
        Sample: Image and labels.
    """
    body = load_body()
    target = domain == 'target'
    ages = np.nonzero(body.age > (.3 if target else .5))[0]
    pool = identity_pool(ages, domain, split)
    identity = int(rng.choice(pool))
    person = _pose_person(rng, body, identity, target, sample_family(rng))
    low, high = person.figure.vertices.min(0), person.figure.vertices.max(0)
    center = (low + high) / 2
    view = View(_camera(rng, body, person.figure, center, size, target), size)
    if target:
        surface, crowd = _furnished_scene(rng, body, person, center, view, pool)
        image, mask = _render_target(rng, body, surface, [person, *crowd], center)
        image, quality = develop(rng, image, mask)
    else:
        surface = _scene(body, person).render(view)
        albedo = paint_person(rng, body, surface.local, surface.extra[:, :len(REGIONS)],
                              rich=False)
        image, mask = surface.composite(head_light(surface, albedo), plain_background(rng, size))
        image, quality = to_bytes(image), None
    keypoints, visibility, local = label_keypoints(body.keypoints(person.figure), surface,
                                                   body.skin_depth)
    return Sample(image, mask >= .5, keypoints, visibility, local, view.camera, identity, quality,
                  dict(pose='/'.join(person.modes)))


def _pose_person(rng, body, identity, dressed, family):
    """A plausible pose of an identity, dressed; its lowest point at the attitude's height."""
    rest = body.identity(identity)
    attitude = sample_attitude(rng, family)
    for _ in range(_POSE_ATTEMPTS):
        pose = sample_pose(rng, family)
        matrices = body.bone_matrices(rest, body.rotations(rest, pose), attitude.turn)
        # the joints tell whether limbs collide; the mesh costs ten times as much
        if not body.intersects_itself(Figure(None, *body.joints(rest, matrices))):
            break
    outfit, garments = None, []
    if dressed:
        outfit = Outfit.sample(rng, attitude.turn[2, 2] < .3)
        normals = vertex_normals(rest.vertices, body.faces)
        rest.vertices = rest.vertices + normals * outfit.offsets(body)[:, None]
        garments = outfit.garments(rng, body, rest, matrices)
    figure = body.skin(rest, matrices)
    lift = np.array([0, 0, attitude.height - figure.vertices[:, 2].min()])
    figure = figure.moved(np.eye(3), lift)
    mesh = dress(body, figure, garments, matrices)
    mesh.vertices[len(figure.vertices):] += lift
    return Person(figure, mesh, outfit, pose.modes)


def _scene(body, person):
    mesh = person.mesh
    return Scene(mesh.vertices, mesh.faces, mesh.local, mesh.extra)


def _camera(rng, body, figure, center, size, target):
    """A camera that looks at the figure; most of the joints are in the image."""
    joints = body.keypoints(figure)
    for _ in range(_VIEW_ATTEMPTS):
        elevation = float(np.clip(rng.normal(4, 16 if target else 9), -30, 60))
        forward = (axis_rotation(AXIS_Z, rng.uniform(0, 360)) @ axis_rotation(AXIS_X, -elevation)
                   @ AXIS_Y)
        right = np.cross(forward, AXIS_Z)
        right /= np.linalg.norm(right)
        tilt = 35 if rng.random() < .12 else 9 if target else 4
        right = axis_rotation(forward, rng.normal(0, tilt)) @ right
        R = np.stack([right, np.cross(forward, right), forward])
        eye = center - forward * rng.uniform(1.9, 6)
        close = rng.random() < .2
        fill = rng.uniform(.95, 1.35) if close else rng.uniform(.62, .97)
        shift = rng.uniform(-1, 1, 2) * size * (.14 if close else .06)
        eye[2] = max(eye[2], .12)
        points = (figure.vertices - eye) @ R.T
        if points[:, 2].min() < .3:
            continue
        camera = Camera(frame_points(points, fill, size, shift), R, eye)
        pixels = camera.project(camera.to_camera(joints))
        if ((pixels >= -.5) & (pixels < size - .5)).all(1).mean() >= _LEAST_INSIDE:
            return camera
    # far and whole
    eye = center - forward * 5
    points = (figure.vertices - eye) @ R.T
    return Camera(frame_points(points, .8, size, np.zeros(2)), R, eye)


def _furnished_scene(rng, body, person, center, view, pool):
    """The rendered person among boxes and other people, or alone if they would hide too much."""
    scene = _scene(body, person)
    add_boxes(rng, scene, center * [1, 1, 0] + [0, 0, .8], view.camera, (.6, .22, .12, .06), .25)
    crowd = []
    for _ in range(int(rng.choice(4, p=[.52, .27, .14, .07]))):
        family = 'everyday' if rng.random() < .6 else sample_family(rng)
        other = _pose_person(rng, body, int(rng.choice(pool)), True, family)
        place = _place(rng, center, view.camera)
        turn = axis_rotation(AXIS_Z, rng.uniform(0, 360))
        middle = other.figure.vertices.mean(0) * [1, 1, 0]
        mesh = other.mesh
        mesh.vertices = (mesh.vertices - middle) @ turn.T + place
        crowd.append(other)
        scene.add_person(mesh.vertices, mesh.faces, mesh.local, mesh.extra)
    alone = _scene(body, person).render(view)
    if scene.num_boxes or crowd:
        furnished = scene.render(view)
        if len(furnished.on_figure) >= _LEAST_VISIBLE * len(alone.pixel):
            return furnished, crowd
    return alone, []


def _place(rng, center, camera):
    """Where another person stands: mostly behind, some close by, few in front."""
    front = (center - camera.center) * [1, 1, 0]
    distance = max(float(np.linalg.norm(front)), .5)
    front /= distance
    side = np.cross(front, AXIS_Z)
    kind = rng.random()
    if kind < .12:
        along, across = -rng.uniform(.25, .5) * distance, rng.choice([-1, 1]) * rng.uniform(.5, .9)
    elif kind < .4:
        along, across = rng.uniform(.1, .9), rng.choice([-1, 1]) * rng.uniform(.3, 1)
    else:
        along = rng.uniform(1, 6)
        across = rng.uniform(-1, 1) * (.6 + .3 * along)
    return center * [1, 1, 0] + front * along + side * across


def _render_target(rng, body, surface, people, center):
    """Image and coverage of the person before the photograph is taken."""
    view, scene = surface.view, surface.scene
    light = PhotoLight.sample(rng, view.camera.R[2])
    shadow = ShadowMap(*scene.mesh(), light.direction, resolution=160)
    albedo = np.empty((len(surface.pixel), 3), np.float32)
    for number, person in zip([0, *scene.people], people, strict=True):
        where = np.nonzero(surface.object == number)[0]
        if len(where):
            albedo[where] = person.outfit.paint(rng, body, surface.local[where],
                                                surface.extra[where])
    surface.paint_boxes(rng, albedo)
    kind = rng.random()
    if kind < .3:
        background = photo_background(rng, view.size)
    elif kind < .65:
        background = outdoor_background(rng, view, light, shadow)
    else:
        background = room_background(rng, view, center, light, shadow)
    occlusion = np.clip(np.float32(.65) + np.float32(.9) * surface.position[:, 2], .65, 1)
    colour = light.shade(surface, albedo, shadow, AXIS_Z, occlusion)
    depth = np.linalg.norm(surface.position - view.camera.center.astype(np.float32), axis=1)
    own = float(np.linalg.norm(center - view.camera.center))
    sigma = (rng.uniform(1.2, 4) if rng.random() < .3 else rng.uniform(0, 1.1)) * view.size / 128
    far = (depth > own + 1) & (surface.object > 0)
    return _focused(surface, colour, background, far, sigma)


def _focused(surface, colour, background, far, sigma):
    """Composite with the background and what is far away out of focus."""
    if far.any():
        background = _layer(surface, colour, np.nonzero(far)[0], background)
    if sigma >= .2:
        background = cv2.GaussianBlur(np.ascontiguousarray(background, np.float32), (0, 0), sigma)
    image = _layer(surface, colour, np.nonzero(~far)[0], background)
    fine, final = len(surface.depth), surface.view.size
    figure = np.zeros(fine * fine, np.float32)
    figure[surface.pixel[surface.on_figure]] = 1
    return image, cv2.resize(figure.reshape(fine, fine), (final, final),
                             interpolation=cv2.INTER_AREA)


def _layer(surface, colour, where, background):
    """Some of the surface's points over an image."""
    fine, final = len(surface.depth), surface.view.size
    layer = np.zeros((fine * fine, 4), np.float32)
    layer[surface.pixel[where], :3] = np.clip(colour[where], 0, 1.5)
    layer[surface.pixel[where], 3] = 1
    layer = cv2.resize(layer.reshape(fine, fine, 4), (final, final), interpolation=cv2.INTER_AREA)
    return layer[..., :3] + (1 - layer[..., 3:]) * background
