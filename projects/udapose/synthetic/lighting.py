"""Illumination: a fixed head light (source domain) and sun with sky (target domain)."""

from dataclasses import dataclass

import numpy as np

from .rotations import AXIS_X, AXIS_Y, AXIS_Z, axis_rotation


@dataclass
class SunLight:
    """Directional light plus ambient light.

    Attributes:
        direction (ndarray): Unit vector towards the sun, shape (3,).
        key (ndarray): Colour of the sun light, shape (3,), float32.
        ambient (ndarray): Colour of the ambient light, shape (3,), float32.
    """
    direction: np.ndarray
    key: np.ndarray
    ambient: np.ndarray

    @classmethod
    def sample(cls, rng, direction=None):
        """Draw strength and colour, and unless given a direction from above."""
        if direction is None:
            turn = axis_rotation(AXIS_Z, rng.uniform(0, 360))
            direction = turn @ axis_rotation(AXIS_X, rng.uniform(25, 70)) @ AXIS_Y
        warm = np.array([1, 0, -1])
        ambient = rng.uniform(.25, .55) * (1 - rng.normal(0, .05) * warm)
        key = rng.uniform(.6, 1.1) * (1 + rng.normal(0, .06) * warm)
        return cls(direction, key.astype(np.float32), ambient.astype(np.float32))

    def shade(self, surface, albedo, shadow, up, occlusion=None):
        """Lambert and Blinn-Phong shading with cast shadows.

        Args:
            surface (Surface): Points to shade.
            albedo (ndarray): Their colours, shape (P, 3).
            shadow (ShadowMap): Cast shadows.
            up (ndarray): Direction of the brighter ambient hemisphere, shape (3,).
            occlusion (ndarray, optional): Multiplier of the ambient light, shape (P,).

        Returns:
            ndarray: Radiance, shape (P, 3), float32.
        """
        sun = self.direction.astype(np.float32)
        normal = surface.normal
        lit = shadow.lit(surface.position + normal * np.float32(.02))
        sky = np.float32(.775) + np.float32(.225) * (normal @ up.astype(np.float32))
        if occlusion is not None:
            sky *= occlusion
        view = surface.view.camera.center.astype(np.float32) - surface.position
        view /= np.sqrt(np.einsum('pc,pc->p', view, view))[:, None]
        half = view + sun
        gloss = np.einsum('pc,pc->p', normal, half)
        gloss /= np.sqrt(np.einsum('pc,pc->p', half, half))
        gloss = np.clip(gloss, 0, 1)
        gloss = gloss * gloss * gloss
        gloss = (gloss * gloss) ** 4 * lit * np.float32(.12)
        direct = np.clip(normal @ sun, 0, 1) * lit
        return (albedo * (sky[:, None] * self.ambient + direct[:, None] * self.key)
                + gloss[:, None])


def head_light(surface, albedo, ambient=.42):
    """Plain Gouraud-like shading by a light next to the camera, up and to the left.

    Args:
        surface (Surface): Points to shade.
        albedo (ndarray): Their colours, shape (P, 3).
        ambient (float): Brightness of surfaces that are turned away.

    Returns:
        ndarray: Radiance, shape (P, 3), float32.
    """
    light = surface.view.camera.R.T @ np.array([-.35, -.6, -1])
    light = (light / np.linalg.norm(light)).astype(np.float32)
    shade = np.clip(surface.normal @ light, 0, 1) * np.float32(1 - ambient) + np.float32(ambient)
    return albedo * shade[:, None]
