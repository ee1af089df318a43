"""Backgrounds: plain ones (source domain), photographs, rooms and table tops (target)."""

import numpy as np

from .rotations import AXIS_Z, axis_rotation
from .textures import PICTURES, TILES, cloud_noise, photo_crop, random_colour, sample_photo

_FAR = np.float32(1e9)


def plain_background(rng, size):
    """One colour, a gradient or smooth clouds, shape (size, size, 3), in [0, 1]."""
    first, second = rng.uniform(.1, .9, (2, 3)).astype(np.float32)
    kind = int(rng.integers(3))
    if kind == 0:
        return np.broadcast_to(first, (size, size, 3))
    if kind == 1:
        angle = rng.uniform(0, 2 * np.pi)
        grid = np.linspace(-.5, .5, size, dtype=np.float32)
        mixture = (grid[None] * np.float32(np.cos(angle)) + grid[:, None]
                   * np.float32(np.sin(angle))) + np.float32(.5)
        mixture = np.clip(mixture, 0, 1)
    else:
        mixture = cloud_noise(rng, size, octaves=3)
    return first + (second - first) * mixture[..., None]


def photo_background(rng, size, names=PICTURES):
    """A random cut of a photograph, shape (size, size, 3), in [0, 1]."""
    return photo_crop(rng, names, size) * np.float32(rng.uniform(.6, 1.05))


def surface_texture(rng, u, v, pixel):
    """Material of a floor, wall or table: photograph, planks, tiles or plain paint.

    Args:
        rng (numpy.random.Generator): Source of randomness.
        u (ndarray): Coordinates along the surface in metres, shape (P,).
        v (ndarray): Coordinates across the surface in metres, shape (P,).
        pixel (float): Size of an image pixel on the surface in metres.

    Returns:
        ndarray: Colours, shape (P, 3), float32.
    """
    kind = rng.random()
    tint = random_colour(rng, (0, .35), (.5, 1.1))
    scale = np.float32(rng.uniform(.8, 2.5))
    name = TILES[int(rng.integers(len(TILES)))]
    if kind < .5:
        colour = sample_photo(name, u / scale, v / scale, pixel / scale)
        return colour.mean(1, keepdims=True) * tint * np.float32(1.3) if kind < .3 else colour
    if kind < .7:
        return _planks(u, v)
    if kind < .85:
        odd = (np.floor(u / np.float32(.4)) + np.floor(v / np.float32(.4))) % 2
        return tint * (np.float32(.75) + np.float32(.25) * odd)[:, None]
    return np.broadcast_to(tint * np.float32(.8), (len(u), 3))


def _planks(u, v):
    board = u / np.float32(.14)
    number = np.floor(board)
    shade = 1 + np.float32(.36) + np.float32(.18) * np.sin(number * np.float32(12.9898))
    shade *= np.float32(.85) + np.float32(.15) * np.sin(v * 9 + u * 120)
    shade[board - number < .05] *= np.float32(.5)
    return np.float32([.55, .38, .24]) * shade[:, None]


def room_background(rng, view, target, light, shadow):
    """Floor at height zero and a wall behind the figure, perhaps with pictures on it.

    Args:
        rng (numpy.random.Generator): Source of randomness.
        view (View): Camera and resolution; not supersampled.
        target (ndarray): World point the camera looks at, shape (3,).
        light (SunLight): Illumination.
        shadow (ShadowMap): Shadows that fall on the floor.

    Returns:
        ndarray: Radiance, shape (size, size, 3), float32.
    """
    camera, size = view.camera, view.size
    rays = camera.rays(size)
    eye = camera.center.astype(np.float32)
    front = target - camera.center
    distance = float(np.linalg.norm(front))
    front = front * [1, 1, 0]
    normal = axis_rotation(AXIS_Z, rng.normal(0, 25)) @ (front / np.linalg.norm(front))
    along = np.cross(normal, AXIS_Z)
    wall_distance = distance + rng.uniform(1.2, 5)
    with np.errstate(divide='ignore'):
        to_floor = np.where(rays[:, 2] < -1e-4, -eye[2] / rays[:, 2], _FAR)
        towards = rays @ normal.astype(np.float32)
        to_wall = np.where(towards > 1e-3, np.float32(wall_distance) / towards, _FAR)
    image = np.empty((size * size, 3), np.float32)
    floor = to_floor < to_wall
    for is_floor, where in ((True, np.nonzero(floor)[0]), (False, np.nonzero(~floor)[0])):
        if len(where) == 0:
            continue
        depth = np.minimum((to_floor if is_floor else to_wall)[where], 60)
        pixel = float(np.median(depth)) / camera.K[0, 0]
        points = eye + rays[where] * depth[:, None]
        if is_floor:
            sun = light.key * np.float32(.8 * max(light.direction[2], .2))
            image[where] = surface_texture(rng, points[:, 0], points[:, 1], 1.5 * pixel) * (
                light.ambient + sun * shadow.lit(points)[:, None])
        else:
            u = (points - target.astype(np.float32)) @ along.astype(np.float32)
            facing = .5 + .5 * max(0.0, float(-normal @ light.direction))
            image[where] = _wall(rng, u, -points[:, 2], pixel) * (
                light.ambient + light.key * np.float32(.6 * facing))
    return image.reshape(size, size, 3)


def _wall(rng, u, v, pixel):
    """Colours (P, 3) of a wall at ``u`` along and ``v`` downwards from the floor, metres."""
    if rng.random() < .45:
        width, height = rng.uniform([2.5, 2.5], [6, 5]).astype(np.float32)
        name = PICTURES[int(rng.integers(len(PICTURES)))]
        colour = sample_photo(name, u / width + np.float32(rng.random()),
                              v / height + np.float32(rng.random()), pixel / width)
    else:
        colour = surface_texture(rng, u, v, pixel)
    if rng.random() < .5:
        colour = np.array(colour)
        for _ in range(int(rng.integers(1, 4))):
            center, middle, width, height = rng.uniform([-2, -2.2, .4, .4], [2, -.7, 1.3, 1.1])
            x = (u - np.float32(center)) / np.float32(width) + np.float32(.5)
            y = (v - np.float32(middle)) / np.float32(height) + np.float32(.5)
            name = PICTURES[int(rng.integers(len(PICTURES)))]
            inside = np.nonzero((x > 0) & (x < 1) & (y > 0) & (y < 1))[0]
            if len(inside):
                colour[inside] = sample_photo(name, x[inside], y[inside], pixel / width)
    return colour


def table_background(rng, view, target, light, shadow):
    """A table top behind a hand that catches its shadow.

    Args:
        rng (numpy.random.Generator): Source of randomness.
        view (View): Camera and resolution; not supersampled.
        target (ndarray): World point the camera looks at, shape (3,).
        light (SunLight): Illumination.
        shadow (ShadowMap): Shadows that fall on the table.

    Returns:
        ndarray: Radiance, shape (size, size, 3), float32.
    """
    camera, size = view.camera, view.size
    rays = camera.rays(size)
    right, down, forward = camera.R
    normal = forward + rng.normal(0, .25) * right + rng.normal(0, .25) * down
    normal /= np.linalg.norm(normal)
    reach = float((target - camera.center) @ normal) + rng.uniform(.1, .3)
    depth = np.float32(reach) / np.maximum(rays @ normal.astype(np.float32), np.float32(.05))
    points = camera.center.astype(np.float32) + rays * depth[:, None]
    u_axis = np.cross(normal, down)
    u_axis /= np.linalg.norm(u_axis)
    offset = points - target.astype(np.float32)
    # Table textures are about five times finer than those of rooms.
    zoom = np.float32(rng.uniform(3, 7))
    pixel = float(zoom) * reach / camera.K[0, 0]
    u = offset @ u_axis.astype(np.float32) * zoom
    v = offset @ np.cross(normal, u_axis).astype(np.float32) * zoom
    if rng.random() < .4:
        name = PICTURES[int(rng.integers(len(PICTURES)))]
        shift = rng.random(2).astype(np.float32)
        colour = sample_photo(name, u / 2 + shift[0], v / 2 + shift[1], pixel / 2)
    else:
        colour = surface_texture(rng, u, v, pixel)
    facing = .3 + .7 * max(0.0, float(-normal @ light.direction))
    colour = colour * (light.ambient + light.key * np.float32(facing) * shadow.lit(points)[:, None])
    return colour.reshape(size, size, 3)
