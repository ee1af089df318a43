"""Renders one hand with labels.

Source domain: bare skin, head light, plain background. Target domain: other identities,
mottled skin, sleeves, photographs or table tops, sun from any side with cast shadows, blocks
near the hand, and a camera with blur and noise.
"""

import numpy as np

from .articulated import Figure
from .backgrounds import photo_background, plain_background, table_background
from .camera import Camera, frame_points
from .hand import load_hand
from .lighting import SunLight, head_light
from .photometric import defocus, photograph, to_bytes
from .rasterizer import ShadowMap, vertex_normals
from .sample import Sample, identity_pool, label_keypoints
from .scene import Scene, View
from .textures import PICTURES, SKIN_TONES, TILES, Cloth, SolidNoise

_LEAST_VISIBLE = 0.6
_MIRROR = np.diag([-1.0, 1, 1])


def render_hand(rng, size, domain, split):
    """Generate a hand, left or right, seen from anywhere.

    Args:
        rng (numpy.random.Generator): Source of all randomness.
        size (int): Image size in pixels.
        domain (str): ``'source'`` or ``'target'``.
        split (str): ``'train'``, ``'val'`` or ``'test'``; decides the identities.

    Returns:
        Sample: Image and labels.
    """
    hand = load_hand()
    target = domain == 'target'
    identity = int(rng.choice(identity_pool(np.arange(hand.num_identities), domain, split)))
    rest = hand.identity(identity)
    rotations, mode = hand.sample_pose(rng, rest)
    # Where a sleeve ends, in metres from the wrist along the forearm.
    sleeve = rng.uniform(.01, .09) if target and rng.random() < .5 else None
    along = _along_forearm(hand)
    if sleeve is not None:
        normals = vertex_normals(rest.vertices, hand.faces)
        lift = np.clip((along - sleeve) / .004, 0, 1) * rng.uniform(.003, .009)
        rest = Figure(rest.vertices + normals * lift[:, None], rest.heads, rest.extra)
    figure, faces = hand.pose(rest, rotations, np.eye(3)), hand.faces
    left = rng.random() < .5
    if left:
        figure, faces = figure.moved(_MIRROR, np.zeros(3)), faces[:, ::-1]
    keypoints = hand.keypoints(figure)
    view = View(_camera(rng, keypoints, size, target), size)

    def scene():
        return Scene(figure.vertices, faces, hand.mean.vertices,
                     np.stack([along, hand.tip_weights], 1))

    if target:
        surface = _furnished_scene(rng, scene, keypoints, view)
        image, mask = _render_target(rng, surface, keypoints.mean(0), sleeve)
        image, quality = photograph(rng, image, mask)
    else:
        surface = scene().render(view)
        albedo = np.tile(_skin(rng), (len(surface.pixel), 1))
        image, mask = surface.composite(head_light(surface, albedo, .35),
                                        plain_background(rng, size))
        image, quality = to_bytes(image), None
    pixels, visibility, local = label_keypoints(keypoints, surface, hand.skin_depth)
    return Sample(image, mask >= .5, pixels, visibility, local, view.camera, identity, quality,
                  dict(pose=mode, hand='left' if left else 'right'))


def _along_forearm(hand):
    """Distance of the rest vertices from the wrist towards the elbow, metres, shape (V,)."""
    wrist = hand.mean.heads[hand.bone['wrist.R']]
    axis = hand.mean.heads[hand.bone['lowerarm01.R']] - wrist
    return (hand.mean.vertices - wrist) @ (axis / np.linalg.norm(axis))


def _skin(rng):
    return SKIN_TONES[int(rng.integers(6))] * np.float32(rng.uniform(.9, 1.08))


def _random_rotation(rng):
    """A rotation (3, 3), all attitudes equally likely (Haar measure by QR)."""
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return q * np.sign(np.linalg.det(q))


def _camera(rng, keypoints, size, target):
    """A camera in a random direction and attitude that looks at the middle of the joints."""
    R = _random_rotation(rng)
    eye = keypoints.mean(0) - R[2] * rng.uniform(.45, .9)
    fill = rng.uniform(.5, .78) if target else rng.uniform(.55, .72)
    shift = rng.uniform(-.06, .06, 2) * size
    return Camera(frame_points((keypoints - eye) @ R.T, fill, size, shift), R, eye)


def _furnished_scene(rng, scene, keypoints, view):
    """The rendered hand with blocks, or alone if they would hide too much of it."""
    full = scene()
    _add_blocks(rng, full, keypoints, view.camera)
    surface = scene().render(view)
    if full.num_boxes:
        furnished = full.render(view)
        if len(furnished.on_figure) >= _LEAST_VISIBLE * len(surface.pixel):
            return furnished
    return surface


def _render_target(rng, surface, middle, sleeve):
    """Image and coverage of the hand before the photograph is taken."""
    view, R = surface.view, surface.view.camera.R
    # Towards the camera's side, or most of the hand would lie in its own shadow.
    towards = rng.normal(size=3) @ R - 1.2 * R[2]
    light = SunLight.sample(rng, towards / np.linalg.norm(towards))
    shadow = ShadowMap(*surface.scene.mesh(), light.direction, bias=.006)
    albedo = np.empty((len(surface.pixel), 3), np.float32)
    hand = surface.on_figure
    albedo[hand] = _paint_hand(rng, surface.local[hand], surface.extra[hand], sleeve)
    surface.paint_boxes(rng, albedo)
    if rng.random() < .5:
        background = photo_background(rng, view.size, TILES + PICTURES)
    else:
        background = table_background(rng, view, middle, light, shadow)
    sky = R.T @ np.array([0, -.6, -.8])
    colour = light.shade(surface, albedo, shadow, sky)
    return surface.composite(colour, defocus(rng, background, 2.0))


def _paint_hand(rng, points, extra, sleeve):
    """Mottled skin with redder knuckles and finger tips, and perhaps a sleeve."""
    along, tip = extra.T
    noise = SolidNoise(rng)
    mottle = np.float32(.08) * noise(points, 250) + np.float32(.05) * noise(points, 60)
    colour = _skin(rng) * (1 + mottle[:, None])
    redness = np.clip(noise(points, 120), 0, 1) * np.float32(.12) + tip * np.float32(.08)
    colour = colour * (1 + redness[:, None] * np.float32([1, -.5, -.5]))
    if sleeve is not None:
        covered = np.nonzero(along > sleeve)[0]
        # Patterns are made for bodies: enlarge the forearm so that they get finer on it.
        colour[covered] = Cloth(rng, True)(points[covered] * np.float32(rng.uniform(2, 4)))
    return colour.astype(np.float32, copy=False)


def _add_blocks(rng, scene, keypoints, camera):
    """Up to two small blocks close to the hand, in front of it or behind."""
    middle = keypoints.mean(0)
    extent = float(np.linalg.norm(keypoints - middle, axis=1).max())
    for _ in range(int(rng.choice(3, p=[.4, .4, .2]))):
        turn = _random_rotation(rng)
        ahead = rng.random() < .5
        size = rng.uniform([.015] * 3, [.05, .05, .12] if ahead else [.12, .12, .2])
        direction = rng.normal(size=2)
        direction *= extent * rng.uniform(.3, 1.1) / np.linalg.norm(direction)
        away = -rng.uniform(.07, .13) if ahead else rng.uniform(.12, .25)
        place = middle + np.append(direction, away) @ camera.R
        scene.add_box(place, size, turn)
