"""What changes a person's silhouette: skirts, wide trousers, hair, hoods and caps."""

from dataclasses import dataclass, field

import numpy as np

from .articulated import blend
from .body import REGIONS

BODY, SKIRT, HAIR, HOOD = range(4)
"""What a surface point belongs to; stored beside the regions' weights."""


@dataclass
class Garment:
    """A mesh that moves with the body.

    Attributes:
        vertices (ndarray): At rest in metres, shape (V, 3).
        faces (ndarray): Shape (F, 3), counter-clockwise seen from outside.
        bones (ndarray): Bones of each vertex, shape (V, M).
        weights (ndarray): Their weights, shape (V, M), summing to 1.
        part (int): :data:`SKIRT`, :data:`HAIR` or :data:`HOOD`.
    """
    vertices: np.ndarray
    faces: np.ndarray
    bones: np.ndarray
    weights: np.ndarray
    part: int

    def posed(self, matrices):
        """Vertices (V, 3) under bone matrices (B, 3, 4)."""
        return blend(self.vertices, self.weights, self.bones, matrices)


@dataclass
class Dressed:
    """A posed person with everything worn.

    Attributes:
        vertices (ndarray): Posed, metres, shape (V, 3).
        faces (ndarray): Shape (F, 3).
        local (ndarray): Positions at rest, for textures, shape (V, 3).
        extra (ndarray): Region weights and, last, the part's number, shape (V, 10).
    """
    vertices: np.ndarray
    faces: np.ndarray
    local: np.ndarray
    extra: np.ndarray = field(default=None)


def dress(body, figure, garments, matrices):
    """Join a posed body and its garments into one mesh.

    Args:
        body (Body): The body model.
        figure (Figure): Posed body.
        garments (list[Garment]): Worn.
        matrices (ndarray): Bone matrices of the pose, shape (B, 3, 4).

    Returns:
        Dressed: The mesh.
    """
    zeros = np.zeros((len(figure.vertices), 1))
    vertices, faces, local = [figure.vertices], [body.faces], [body.mean.vertices]
    extra, count = [np.concatenate([body.region_weights, zeros], 1)], len(zeros)
    for garment in garments:
        vertices.append(garment.posed(matrices))
        faces.append(garment.faces + count)
        local.append(garment.vertices)
        values = np.zeros((len(garment.vertices), len(REGIONS) + 1))
        values[:, -1] = garment.part
        extra.append(values)
        count += len(garment.vertices)
    return Dressed(*(np.concatenate(parts) for parts in (vertices, faces, local, extra)))


def _tube(rings, segments, closed):
    """Faces of a tube of vertex rings, and of its ends where ``closed``."""
    ring = np.arange(segments)
    after = (ring + 1) % segments
    faces = [np.stack([i * segments + ring, (i + 1) * segments + ring, (i + 1) * segments + after],
                      1) for i in range(rings - 1)]
    faces += [np.stack([i * segments + ring, (i + 1) * segments + after, i * segments + after], 1)
              for i in range(rings - 1)]
    faces = np.concatenate(faces)
    if closed:
        last = (rings - 1) * segments
        fan = np.arange(1, segments - 1)
        faces = np.concatenate([faces, np.stack([0 * fan, fan, fan + 1], 1),
                                last + np.stack([0 * fan, fan + 1, fan], 1)])
    return faces


def ellipsoid(body, center, axes, bone, part, rings=7, segments=10):
    """An ellipsoid that moves with one bone.

    Args:
        body (Body): The body model.
        center (array): Rest position in metres, shape (3,).
        axes (array): Its three half axes as rows, shape (3, 3); the last one is the pole.
        bone (str): Bone.
        part (int): See :class:`Garment`.

    Returns:
        Garment: The mesh.
    """
    polar = np.linspace(.02, np.pi - .02, rings)
    around = np.linspace(0, 2 * np.pi, segments, endpoint=False)
    unit = np.stack([np.outer(np.sin(polar), np.cos(around)),
                     np.outer(np.sin(polar), np.sin(around)),
                     np.outer(np.cos(polar), np.ones(segments))], -1).reshape(-1, 3)
    axes = np.asarray(axes, float)
    faces = _tube(rings, segments, closed=True)
    if np.linalg.det(axes) < 0:
        faces = faces[:, ::-1]
    vertices = unit @ axes + center
    bones = np.full((len(vertices), 1), body.bone[bone])
    return Garment(vertices, faces, bones, np.ones((len(vertices), 1)), part)


def skirt(body, rest, length, flare):
    """An open skirt from the waist downwards that follows both thighs.

    Args:
        body (Body): The body model.
        rest (Figure): Rest figure of the identity.
        length (float): In metres.
        flare (float): Growth of the radius over the length, 0 is a tube.

    Returns:
        Garment: The mesh, with an inside.
    """
    hip, knee = (body.joint(rest, name) for name in ('upperleg01.L', 'lowerleg01.L'))
    length = min(length, 1.7 * (hip[2] - knee[2]))
    torso = rest.vertices[body.region_weights[:, REGIONS['torso']] > .5]
    band = torso[np.abs(torso[:, 2] - hip[2] - .03) < .08]
    low, high = band.min(0), band.max(0)
    center, radius = (low + high) / 2, (high - low) / 2 + .012
    rings, segments = 6, 20
    around = np.linspace(0, 2 * np.pi, segments, endpoint=False)
    t = np.linspace(0, 1, rings)[:, None]
    # the waist is narrower than the hips
    growth = np.interp(t, [0, .25, 1], [.85, 1, 1 + flare])
    x = center[0] + radius[0] * growth * np.cos(around)
    y = center[1] + radius[1] * growth * np.sin(around)
    z = np.broadcast_to(hip[2] + .09 - t * length, x.shape)
    vertices = np.stack([x, y, z], -1).reshape(-1, 3)
    leg = np.broadcast_to(np.clip(1.3 * t * length / .45, 0, .9), x.shape).ravel()
    left = 1 / (1 + np.exp(-(vertices[:, 0] - center[0]) / .05))
    weights = np.stack([1 - leg, leg * left, leg * (1 - left)], 1)
    bones = np.tile([body.bone[n] for n in ('root', 'upperleg01.L', 'upperleg01.R')],
                    (len(vertices), 1))
    faces = _tube(rings, segments, closed=False)
    inside = faces[:, ::-1] + len(vertices)
    return Garment(*(np.concatenate([a, b]) for a, b in (
        (vertices, vertices), (faces, inside), (bones, bones), (weights, weights))), SKIRT)


def head_wear(rng, body, rest, matrices):
    """Hair that hangs or stands, a hood or a cap; hanging hair follows gravity.

    Args:
        rng (numpy.random.Generator): Source of randomness.
        body (Body): The body model.
        rest (Figure): Rest figure of the identity.
        matrices (ndarray): Bone matrices of the pose, shape (B, 3, 4).

    Returns:
        list[Garment]: Perhaps none.
    """
    top = rest.extra[body.extra_index['head_top']]
    ears = rest.extra[[body.extra_index[n] for n in ('left_ear', 'right_ear')]].mean(0)
    size = (top[2] - ears[2]) / .128
    middle = np.array([0, ears[1] - .01, (ears[2] + top[2]) / 2 - .01])
    kind = rng.choice(['none', 'tail', 'bun', 'volume', 'long', 'hood', 'hooded', 'cap'],
                      p=[.34, .15, .08, .1, .12, .08, .05, .08])
    back = np.array([0, .085 * size, .03])
    if kind in ('tail', 'long'):
        down = matrices[body.bone['head'], :, :3].T @ [0, 0, -1.0]
        down = down + [0, .35, 0] + rng.normal(0, .15, 3)
        down /= np.linalg.norm(down)
        side = np.cross(down, [0, 1, 0] if abs(down[1]) < .9 else [0, 0, 1])
        side /= np.linalg.norm(side)
        if kind == 'tail':
            length, broad, thick = rng.uniform(.07, .15), rng.uniform(.02, .035), .03
            start = middle + back
        else:
            length, broad, thick = rng.uniform(.12, .2), .085 * size, .045
            start = middle + .7 * back
        axes = [side * broad, np.cross(down, side) * thick, down * length]
        return [ellipsoid(body, start + .8 * length * down, axes, 'head', HAIR)]
    if kind == 'bun':
        place = middle + back * rng.uniform(.7, 1.1) + [0, 0, rng.uniform(-.05, .08)]
        return [ellipsoid(body, place, np.eye(3) * rng.uniform(.03, .05), 'head', HAIR)]
    if kind == 'volume':
        radius = rng.uniform(.1, .145) * size
        return [ellipsoid(body, middle + [0, .03 + .5 * (radius - .1), .02 + .4 * (radius - .1)],
                          np.diag([radius, .95 * radius, radius]), 'head', HAIR, 9, 14)]
    if kind == 'hood':
        return [ellipsoid(body, rest.heads[body.bone['neck01']] + [0, .065, .02],
                          np.diag([.115, .06, .05]), 'neck01', HOOD)]
    if kind == 'hooded':
        return [ellipsoid(body, middle + [0, .035, .005], np.diag([.098, .1, .125]) * size, 'head',
                          HOOD, 9, 14)]
    if kind == 'cap':
        turn = -1 if rng.random() < .8 else 1  # or the wrong way round
        return [ellipsoid(body, middle + [0, 0, .045], np.diag([.09, .105, .06]) * size, 'head',
                          HOOD, 7, 14),
                ellipsoid(body, middle + [0, turn * .125 * size, .05],
                          np.diag([.065, .065, .008]) * size, 'head', HOOD)]
    return []
