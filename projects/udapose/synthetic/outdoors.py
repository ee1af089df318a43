"""A background outdoors: ground, sky with clouds, and a line of trees or houses."""

import numpy as np

from .backgrounds import surface_texture
from .textures import cloud_noise, hsv_colour, random_colour, sample_photo


def outdoor_background(rng, view, light, shadow):
    """Ground at height zero up to the horizon, sky above it.

    Args:
        rng (numpy.random.Generator): Source of randomness.
        view (View): Camera and resolution; not supersampled.
        light (SunLight): Illumination.
        shadow (ShadowMap): Shadows that fall on the ground.

    Returns:
        ndarray: Radiance, shape (size, size, 3), float32.
    """
    camera, size = view.camera, view.size
    rays = camera.rays(size)
    flat = np.sqrt(rays[:, 0] ** 2 + rays[:, 1] ** 2)
    rise = rays[:, 2] / np.maximum(flat, np.float32(1e-6))
    azimuth = np.arctan2(rays[:, 1], rays[:, 0])
    image = _sky(rng, rise, size)
    skyline = _skyline(rng, azimuth)
    where = np.nonzero((rise < skyline) & (rise > -.02))[0]
    if len(where):
        image[where] = _facade(rng, azimuth[where], rise[where], camera.K[0, 0]) * (
            light.ambient + light.key * np.float32(.5))
    where = np.nonzero(rise < -.004)[0]
    if len(where):
        eye = camera.center.astype(np.float32)
        depth = np.minimum(-eye[2] / rays[where, 2], 80)
        points = eye + rays[where] * depth[:, None]
        pixel = float(np.median(depth)) / camera.K[0, 0]
        ground = surface_texture(rng, points[:, 0], points[:, 1], 1.5 * pixel)
        if rng.random() < .5:  # grass
            green = hsv_colour(rng.uniform(.18, .36), rng.uniform(.3, .7), rng.uniform(.4, .8))
            blades = sample_photo('grass', points[:, 0], points[:, 1], 1.5 * pixel)
            ground = green * (np.float32(.5) + blades.mean(1, keepdims=True))
        sun = light.key * np.float32(.8 * max(light.direction[2], .2))
        image[where] = ground * (light.ambient + sun * shadow.lit(points)[:, None])
    return image.reshape(size, size, 3)


def _sky(rng, rise, size):
    """From a pale horizon to a darker zenith, with clouds; overcast in part of the images."""
    blue = hsv_colour(rng.uniform(.52, .66), rng.uniform(.05, .65), rng.uniform(.6, 1))
    pale = np.float32([1, 1, 1]) * np.float32(rng.uniform(.75, 1)) * (
        1 - rng.uniform(0, .25) * np.array([0, .3, 1])).astype(np.float32)
    height = np.clip(rise * np.float32(rng.uniform(1, 3)), 0, 1)[:, None]
    sky = pale + (blue - pale) * height
    clouds = cloud_noise(rng, size, octaves=4).reshape(-1, 1)
    cover = np.clip((clouds - np.float32(rng.uniform(.3, .9))) * 4, 0, 1)
    return (sky + (np.float32(.97) - sky) * cover * np.float32(.8)).astype(np.float32)


def _skyline(rng, azimuth):
    """Tangent of the skyline's elevation for azimuths (P,): hills and trees, houses, or none."""
    kind = rng.random()
    if kind < .2:
        return np.zeros_like(azimuth)
    level = np.float32(rng.uniform(.05, .5))
    if kind < .65:
        waves = rng.uniform(3, 40, 6).astype(np.float32)
        phases = rng.uniform(0, 6.28, 6).astype(np.float32)
        ripple = np.sin(azimuth[:, None] * waves + phases) / np.sqrt(waves / 3)
        return level * (1 + np.float32(.35) * ripple.mean(1))
    heights = rng.uniform(.2, 1.4, 24).astype(np.float32)
    block = ((azimuth + np.float32(np.pi)) * np.float32(24 / 6.2832) * 3).astype(np.int32) % 24
    return level * heights[block]


def _facade(rng, azimuth, rise, focal):
    """Colours (P, 3) of what stands at the horizon."""
    name = ('grass', 'gravel', 'brick')[int(rng.integers(3))]
    scale = np.float32(rng.uniform(2, 6))
    colour = sample_photo(name, azimuth * scale, rise * scale, float(scale) / focal)
    tint = random_colour(rng, (0, .5), (.3, 1))
    return colour * tint if rng.random() < .5 else colour.mean(1, keepdims=True) * tint
