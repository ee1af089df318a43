"""Renders one person with labels.

Source domain: plain clothes, head light, plain background. Target domain: other identities,
patterned loose clothes, rooms or photographs, sun with cast shadows, boxes that stand in the
way or behind, and a camera with blur and noise.
"""

import numpy as np

from .backgrounds import photo_background, plain_background, room_background
from .body import REGIONS, load_body
from .camera import Camera, frame_points
from .lighting import SunLight, head_light
from .photometric import defocus, photograph, to_bytes
from .poses import sample_body_pose
from .rasterizer import ShadowMap, vertex_normals
from .rotations import AXIS_X, AXIS_Y, AXIS_Z, axis_rotation
from .sample import Sample, identity_pool, label_keypoints
from .scene import Scene, View
from .wardrobe import clothing_offsets, paint_person

_POSE_ATTEMPTS = 60
_LEAST_VISIBLE = 0.4


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
    # The target domain has younger people as well: a gap in body proportions.
    ages = np.nonzero(body.age > (.3 if target else .5))[0]
    identity = int(rng.choice(identity_pool(ages, domain, split)))
    figure, pose, turn = _posed_figure(rng, body, identity, target)
    center = (figure.vertices.max(0) + figure.vertices.min(0)) / 2
    view = View(_camera(rng, figure, center, size, target), size)
    if target:
        surface = _furnished_scene(rng, body, figure, pose, turn, center, view)
        image, mask = _render_target(rng, body, surface, center)
        image, quality = photograph(rng, image, mask)
    else:
        surface = _scene(body, figure).render(view)
        albedo = paint_person(rng, body, surface.local, surface.extra, rich=False)
        image, mask = surface.composite(head_light(surface, albedo), plain_background(rng, size))
        image, quality = to_bytes(image), None
    keypoints, visibility, local = label_keypoints(body.keypoints(figure), surface,
                                                   body.skin_depth)
    return Sample(image, mask >= .5, keypoints, visibility, local, view.camera, identity, quality,
                  dict(pose='/'.join(pose.modes)))


def _posed_figure(rng, body, identity, target):
    """A plausible pose of an identity, standing on the floor at height zero."""
    rest = body.identity(identity)
    for _ in range(_POSE_ATTEMPTS):
        pose = sample_body_pose(rng)
        rotations = body.rotations(rest, pose)
        turn = axis_rotation(AXIS_X, rng.normal(0, 4)) @ axis_rotation(AXIS_Y, rng.normal(0, 4))
        figure = body.pose(rest, rotations, turn)
        if not body.intersects_itself(figure):
            break
    if target:
        normals = vertex_normals(rest.vertices, body.faces)
        rest.vertices = rest.vertices + normals * clothing_offsets(rng, body)[:, None]
        figure = body.pose(rest, rotations, turn)
    lift = np.array([0, 0, -figure.vertices[:, 2].min()])
    return figure.moved(np.eye(3), lift), pose, turn


def _scene(body, figure):
    return Scene(figure.vertices, body.faces, body.mean.vertices, body.region_weights)


def _camera(rng, figure, center, size, target):
    """A camera that looks at the figure; yaw 0 sees its front."""
    yaw = rng.uniform(0, 360) if rng.random() < .55 else rng.normal(0, 45)
    elevation = rng.normal(10, 11) if target else rng.normal(6, 6)
    elevation = float(np.clip(elevation, -6, 40))
    forward = axis_rotation(AXIS_Z, yaw) @ axis_rotation(AXIS_X, -elevation) @ AXIS_Y
    right = np.cross(forward, AXIS_Z)
    right /= np.linalg.norm(right)
    # The camera rolls about its viewing direction.
    roll = axis_rotation(forward, rng.normal(0, 4 if target else 2))
    right = roll @ right
    R = np.stack([right, np.cross(forward, right), forward])
    eye = center - forward * rng.uniform(2.8, 5.5)
    fill, shift = rng.uniform(.66, .88), rng.uniform(-.05, .05, 2) * size
    return Camera(frame_points((figure.vertices - eye) @ R.T, fill, size, shift), R, eye)


def _furnished_scene(rng, body, figure, pose, turn, center, view):
    """The rendered person with a seat and boxes, or alone if they would hide too much."""
    alone, scene = _scene(body, figure), _scene(body, figure)
    if pose.modes[0] == 'sit':
        _add_seat(rng, body, scene, figure, turn)
    add_boxes(rng, scene, center, view.camera)
    surface = alone.render(view)
    if scene.num_boxes:
        furnished = scene.render(view)
        if len(furnished.on_figure) >= _LEAST_VISIBLE * len(surface.pixel):
            return furnished
    return surface


def _render_target(rng, body, surface, center):
    """Image and coverage of the person before the photograph is taken."""
    view, scene = surface.view, surface.scene
    light = SunLight.sample(rng)
    shadow = ShadowMap(*scene.mesh(), light.direction)
    albedo = np.empty((len(surface.pixel), 3), np.float32)
    person = surface.on_figure
    albedo[person] = paint_person(rng, body, surface.local[person], surface.extra[person],
                                  rich=True)
    surface.paint_boxes(rng, albedo)
    if rng.random() < .3:
        background = photo_background(rng, view.size)
    else:
        background = room_background(rng, view, center, light, shadow)
    # Less sky light arrives close to the floor.
    occlusion = np.clip(np.float32(.65) + np.float32(.9) * surface.position[:, 2], .65, 1)
    colour = light.shade(surface, albedo, shadow, AXIS_Z, occlusion)
    return surface.composite(colour, defocus(rng, background))


def _add_seat(rng, body, scene, figure, turn):
    """A box below the pelvis of a sitting person, if there is room."""
    torso = body.region_weights[:, REGIONS['torso']] > .6
    height = min(figure.vertices[torso, 2].min(), body.joint(figure, 'upperleg01.L')[2] - .09)
    front = -(turn @ AXIS_Y) * [1, 1, 0]
    front /= np.linalg.norm(front)
    width = rng.uniform(.34, .5)
    if height > .12:
        middle = body.joint(figure, 'root') - front * (width / 2 - .16)
        scene.add_box([middle[0], middle[1], height / 2], [width, width, height],
                      np.degrees(np.arctan2(front[1], front[0])))


def add_boxes(rng, scene, center, camera, counts=(.35, .3, .2, .15), in_front=.45):
    """Up to three boxes on the floor, in front of the person or behind.

    Args:
        rng (numpy.random.Generator): Source of randomness.
        scene (Scene): To add them to.
        center (ndarray): Middle of the person in metres, shape (3,).
        camera (Camera): Says where the front is.
        counts (tuple): Probabilities of 0 to 3 boxes.
        in_front (float): Probability of a box to be in front.
    """
    front = (center - camera.center) * [1, 1, 0]
    front /= np.linalg.norm(front)
    side = np.cross(front, AXIS_Z)
    for _ in range(int(rng.choice(4, p=counts))):
        ahead = rng.random() < in_front
        extent = rng.uniform([.25] * 3, [.6, .4, .7] if ahead else [.9, .7, 1.0])
        along = -rng.uniform(.55, .9) if ahead else rng.uniform(.7, 1.8)
        place = center + front * along + side * rng.uniform(-.9, .9)
        scene.add_box([place[0], place[1], extent[2] / 2], extent, rng.uniform(0, 90))
