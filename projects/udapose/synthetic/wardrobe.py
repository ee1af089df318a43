"""Skin, hair, face and clothes of a person, as colours and as volume on the rest body."""

import numpy as np

from .body import REGIONS
from .textures import SKIN_TONES, Cloth, SolidNoise, hsv_colour, random_colour


def clothing_offsets(rng, body):
    """How far loose clothes and hair lift the surface off the rest body.

    Args:
        rng (numpy.random.Generator): Source of randomness.
        body (Body): The body model.

    Returns:
        ndarray: Offsets along the normals in metres, shape (V,).
    """
    weight = {name: body.region_weights[:, i] for name, i in REGIONS.items()}
    shirt, trousers = rng.uniform(0, .016), rng.uniform(0, .02)
    offsets = (shirt * (weight['torso'] + weight['upper_arm'])
               + trousers * (weight['thigh'] + .8 * weight['shin']) + .006 * weight['foot'])
    _, y, z = body.mean.vertices.T
    eyes, ears = landmark(body, 'left_eye'), landmark(body, 'left_ear')
    scalp = (z > eyes[2] + .035) | ((y > ears[1] - .01) & (z > eyes[2] - .10))
    return offsets + rng.uniform(.004, .03) * (scalp & (weight['head'] > .5))


def paint_person(rng, body, points, regions, rich):
    """Colours of a dressed person.

    Args:
        rng (numpy.random.Generator): Source of randomness.
        body (Body): The body model.
        points (ndarray): Positions on the mean rest body in metres, shape (P, 3), float32.
        regions (ndarray): Region weights at these positions, shape (P, 9).
        rich (bool): Patterns and fine detail (target domain).

    Returns:
        ndarray: Albedo, shape (P, 3), float32.
    """
    region = regions.argmax(1)
    skin = SKIN_TONES[int(rng.integers(6))] * np.float32(rng.uniform(.92, 1.05))
    noise = SolidNoise(rng)
    colour = np.tile(skin, (len(points), 1))
    if rich:
        colour *= 1 + np.float32(.05) * noise(points, 40)[:, None]
    heads = body.mean.heads
    neck = heads[body.bone['neck01']][2] + .025
    hip = heads[body.bone['upperleg01.L']][2]
    ankle = heads[body.bone['foot.L']][2]
    waist = hip + rng.uniform(.05, .14)
    # Lengths of sleeves and trouser legs as shares of the limb.
    sleeve = rng.choice([.22, .35, .55, .97]) + rng.normal(0, .03)
    leg_length = rng.choice([.35, .5, .97, .97]) + rng.normal(0, .02)
    z = points[:, 2]
    arm = (region == REGIONS['upper_arm']) | (region == REGIONS['forearm'])
    leg = ((region == REGIONS['thigh']) | (region == REGIONS['shin'])
           | (region == REGIONS['foot']))
    torso = region == REGIONS['torso']
    shirt = np.nonzero((torso & (z > waist) & (z <= neck))
                       | (arm & (along_arm(body, points) < sleeve)))[0]
    trousers = np.nonzero((torso & (z <= waist)) | (leg & ((hip - z) / (hip - ankle)
                                                          < leg_length)))[0]
    colour[shirt] = Cloth(rng, rich)(points[shirt])
    colour[trousers] = Cloth(rng, rich)(points[trousers])
    shoes = (region == REGIONS['foot']) & (z < ankle + .02)
    colour[shoes] = random_colour(rng, (0, .6), (.05, .9))
    head = np.nonzero(region == REGIONS['head'])[0]
    colour[head] = paint_head(rng, body, points[head], colour[head], skin, noise, rich)
    return colour


def landmark(body, name):
    """Position (3,) of a surface landmark on the mean body."""
    return body.mean.extra[body.extra_index[name]]


def along_arm(body, points):
    """Position along the arm: 0 at the shoulder, 1 at the wrist."""
    start = body.mean.heads[body.bone['upperarm01.L']]
    along = body.mean.heads[body.bone['wrist.L']] - start
    along = (along / (along @ along)).astype(np.float32)
    x, y, z = points.T
    return (np.abs(x) * along[0] + y * along[1] + z * along[2]
            - np.float32(start @ along.astype(float)))


def hair_colour(rng):
    """Black to blond, or grey, shape (3,)."""
    return (hsv_colour(rng.uniform(.04, .1), rng.uniform(.2, .7), rng.uniform(.04, .6))
            if rng.random() < .9 else np.float32([.75, .75, .75]))


def paint_head(rng, body, points, colour, skin, noise, rich, hair=None):
    """Hair, eyes, brows and mouth over the skin's colour; arguments of :func:`paint_person`."""
    hair = hair_colour(rng) if hair is None else hair
    length = rng.uniform(.02, .13)
    iris = hsv_colour(rng.choice([.06, .58]), .5, .25)
    x, y, z = points.T
    eye, ear, nose = (landmark(body, n) for n in ('left_eye', 'left_ear', 'nose'))
    scalp = (z > eye[2] + .045) | ((y > ear[1] + .005) & (z > eye[2] - length))
    strands = 1.0
    if rich:
        strands = 1 + .25 * np.sin(x[scalp] * 900 + 30 * noise(points[scalp], 30))[:, None]
    colour[scalp] = hair * strands
    front = y < eye[1] + .03
    dx, dz = np.abs(np.abs(x) - np.float32(eye[0])), z - np.float32(eye[2])
    colour[front & (np.hypot(dx / .017, dz / .009) < 1)] = [.93, .92, .9]
    colour[front & (np.hypot(dx, dz) < .0075)] = iris
    colour[front & (dx < .02) & (np.abs(dz - .022) < .005)] = hair * np.float32(.8)
    mouth = np.hypot(x / .024, (z - np.float32(nose[2] - .042)) / .009) < 1
    colour[mouth & (y < nose[1] + .04)] = skin * np.float32([.85, .55, .55])
    return colour
