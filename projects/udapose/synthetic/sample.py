"""One generated image with its labels, and what all kinds of figures share."""

from dataclasses import dataclass, field

import numpy as np

from .camera import Camera

DOMAINS = ('source', 'target')
SPLITS = ('train', 'val', 'test')
KINDS = ('people', 'hands')
_SPLIT_TENTHS = dict(train=range(0, 7), val=range(7, 8), test=range(8, 10))


@dataclass
class Sample:
    """A rendered figure.

    Attributes:
        image (ndarray): RGB image, shape (H, W, 3), uint8.
        mask (ndarray): Visible foreground, shape (H, W), bool.
        keypoints (ndarray): Pixels, shape (K, 2); integers are pixel centres.
        visibility (ndarray): 0 outside the image, 1 occluded, 2 visible, shape (K,).
        keypoints_3d (ndarray): Camera frame in metres, shape (K, 3).
        camera (Camera): The view.
        identity (int): Number of the figure's shape.
        jpeg_quality (int or None): Quality in percent; None means lossless.
        tags (dict): Further facts to store with the annotation.
    """
    image: np.ndarray
    mask: np.ndarray
    keypoints: np.ndarray
    visibility: np.ndarray
    keypoints_3d: np.ndarray
    camera: Camera
    identity: int
    jpeg_quality: int | None
    tags: dict = field(default_factory=dict)


def sample_generator(seed, kind, domain, split, index):
    """Random generator of one sample, independent of all others.

    Args:
        seed (int): Seed of the data set.
        kind (str): One of :data:`KINDS`.
        domain (str): One of :data:`DOMAINS`.
        split (str): One of :data:`SPLITS`.
        index (int): Number of the sample in its split.

    Returns:
        numpy.random.Generator: The generator.
    """
    return np.random.default_rng(
        [seed, KINDS.index(kind), DOMAINS.index(domain), SPLITS.index(split), index])


def identity_pool(candidates, domain, split):
    """Identities reserved for a domain and split; pools never share one.

    Args:
        candidates (ndarray): Permitted identity numbers.
        domain (str): One of :data:`DOMAINS`: even or odd numbers.
        split (str): One of :data:`SPLITS`: 7, 1 and 2 tenths.

    Returns:
        ndarray: Identity numbers.
    """
    own = candidates[candidates % 2 == DOMAINS.index(domain)]
    return own[np.isin(own // 2 % 10, list(_SPLIT_TENTHS[split]))]


def label_keypoints(points, surface, skin_depth):
    """Project joints and decide which are visible.

    A joint is visible if the surface in front of it is not farther in front than the joint
    lies below its own skin.

    Args:
        points (ndarray): World metres, shape (K, 3).
        surface (Surface): The rendered scene.
        skin_depth (ndarray): Depth of each joint below the skin in metres, shape (K,).

    Returns:
        tuple[ndarray, ndarray, ndarray]: pixels (K, 2), visibility (K,), camera-frame
        metres (K, 3).
    """
    view = surface.view
    local = view.camera.to_camera(points)
    pixels = view.camera.project(local)
    inside = ((pixels >= -.5) & (pixels < view.size - .5)).all(1)
    at = np.clip(((pixels + .5) * view.supersample).astype(int), 0, len(surface.depth) - 1)
    seen = surface.depth[at[:, 1], at[:, 0]]
    # An infinite surface depth means that the joint is seen past the rendered silhouette.
    visible = local[:, 2] - seen < skin_depth
    return pixels, np.where(inside, np.where(visible, 2, 1), 0), local
