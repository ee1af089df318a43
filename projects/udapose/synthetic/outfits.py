"""What a person of the generator's version 2 wears: shape and colours, drawn once per person."""

from dataclasses import dataclass

import numpy as np

from .body import REGIONS
from .garments import BODY, HAIR, SKIRT, head_wear, skirt
from .textures import SKIN_TONES, Cloth, SolidNoise, random_colour
from .wardrobe import along_arm, hair_colour, landmark, paint_head

KINDS = dict(casual=.34, sport=.2, leotard=.16, shirtless=.1, suit=.08, dress=.12)


@dataclass
class Outfit:
    """Kind, lengths and looseness; lengths are shares of the limb, the rest metres.

    Attributes:
        kind (str): One of :data:`KINDS`.
        sleeve (float): How far the sleeves reach down the arm; below 0 none.
        leg (float): How far trousers reach down the leg.
        waist (float): Where shirt and trousers meet, above the hips.
        shirt (float): How far the shirt stands off the skin.
        trousers (float): How far the trousers stand off at the thigh.
        bell (float): How far more at the ankle: wide trousers.
        skirt (float or None): Length of a skirt.
        flare (float): Growth of its radius.
        hair (ndarray): Its colour, shape (3,).
        volume (float): How far the hair stands off the head.
    """
    kind: str
    sleeve: float
    leg: float
    waist: float
    shirt: float
    trousers: float
    bell: float
    skirt: float | None
    flare: float
    hair: np.ndarray
    volume: float

    @classmethod
    def sample(cls, rng, upside_down):
        """Draw an outfit; a skirt would fall over an inverted person, so that there is none.

        Args:
            rng (numpy.random.Generator): Source of randomness.
            upside_down (bool): Whether the head is below the hips.
        """
        kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
        bare = kind in ('leotard', 'shirtless')
        sleeve = rng.uniform(-.1, .15) if bare else rng.choice([.05, .22, .35, .55, .97])
        leg = (rng.uniform(.03, .15) if kind == 'leotard' else
               rng.choice([.2, .35, .5, .75, .97, .97]))
        shirt = rng.choice([.003, .012, .03, .05]) if kind in ('casual', 'dress') else \
            rng.uniform(0, .012)
        trousers = rng.uniform(.01, .035) if kind == 'casual' else rng.uniform(0, .02)
        if kind == 'suit':
            sleeve = leg = .97
        if kind == 'leotard':
            trousers = shirt = rng.uniform(0, .004)
        bell = rng.uniform(.02, .06) if kind != 'leotard' and rng.random() < .25 else 0.
        length = None
        if kind == 'dress' and not upside_down:
            length, leg = rng.uniform(.22, .75), rng.uniform(.05, .2)
        return cls(kind, sleeve + rng.normal(0, .02), leg + rng.normal(0, .02),
                   rng.uniform(.04, .14), shirt, trousers, bell, length, rng.uniform(.15, .8),
                   hair_colour(rng), rng.uniform(.003, .045))

    def offsets(self, body):
        """How far clothes and hair lift the surface along the normals, shape (V,), metres."""
        weight = {name: body.region_weights[:, i] for name, i in REGIONS.items()}
        hip, ankle = (body.joint(body.mean, n)[2] for n in ('upperleg01.L', 'foot.L'))
        _, y, z = body.mean.vertices.T
        down = np.clip((hip - z) / (hip - ankle), 0, 1)
        covered = down < self.leg
        leg = (weight['thigh'] + weight['shin']) * covered
        arm = weight['upper_arm'] + weight['forearm']
        arm = arm * (along_arm(body, body.mean.vertices.astype(np.float32)) < self.sleeve)
        offsets = (self.shirt * (weight['torso'] + .7 * arm) * (self.kind != 'shirtless')
                   + (self.trousers + self.bell * down ** 2) * leg + .006 * weight['foot'])
        eyes, ears = landmark(body, 'left_eye'), landmark(body, 'left_ear')
        scalp = (z > eyes[2] + .035) | ((y > ears[1] - .01) & (z > eyes[2] - .10))
        return offsets + self.volume * (scalp & (weight['head'] > .5))

    def garments(self, rng, body, rest, matrices):
        """Meshes worn over the body (list[Garment]) in a pose's bone matrices (B, 3, 4)."""
        worn = head_wear(rng, body, rest, matrices)
        return worn if self.skirt is None else [*worn, skirt(body, rest, self.skirt, self.flare)]

    def paint(self, rng, body, points, extra):
        """Colours of the dressed person.

        Args:
            rng (numpy.random.Generator): Source of randomness.
            body (Body): The body model.
            points (ndarray): Positions at rest in metres, shape (P, 3), float32.
            extra (ndarray): Region weights and the part's number, shape (P, 10).

        Returns:
            ndarray: Albedo, shape (P, 3), float32.
        """
        shirt, trousers, other = (_cloth(rng) for _ in range(3))
        if self.kind in ('leotard', 'suit') or self.kind == 'dress' and rng.random() < .6:
            trousers = shirt
        part = extra[:, -1]
        colour = np.empty((len(points), 3), np.float32)
        on_body = np.nonzero(part < BODY + .5)[0]
        colour[on_body] = self._paint_body(rng, body, points[on_body], extra[on_body, :-1], shirt,
                                           trousers)
        for number, paint in ((SKIRT, trousers), (HAIR, None), (HAIR + 1, other)):
            where = np.nonzero(np.abs(part - number) <= .5)[0]
            if len(where) == 0:
                continue
            if paint is None:
                strands = np.sin(points[where] @ np.float32([700, 500, 90]))
                colour[where] = self.hair * (1 + np.float32(.2) * strands)[:, None]
            else:
                colour[where] = paint(points[where])
        return colour

    def _paint_body(self, rng, body, points, regions, shirt, trousers):
        region = regions.argmax(1)
        skin = SKIN_TONES[int(rng.integers(6))] * np.float32(rng.uniform(.9, 1.06))
        noise = SolidNoise(rng)
        colour = skin * (1 + np.float32(.05) * noise(points, 40)[:, None])
        heads = body.mean.heads
        neck = heads[body.bone['neck01']][2] + .025 - (.06 if self.kind == 'leotard' else 0)
        hip, ankle = (body.joint(body.mean, n)[2] for n in ('upperleg01.L', 'foot.L'))
        z, down = points[:, 2], (hip - points[:, 2]) / (hip - ankle)
        is_arm = (region == REGIONS['upper_arm']) | (region == REGIONS['forearm'])
        is_leg = ((region == REGIONS['thigh']) | (region == REGIONS['shin'])
                  | (region == REGIONS['foot']))
        torso, waist = region == REGIONS['torso'], hip + self.waist
        if self.kind != 'shirtless':
            where = np.nonzero((torso & (z > waist) & (z <= neck))
                               | (is_arm & (along_arm(body, points) < self.sleeve)))[0]
            colour[where] = shirt(points[where])
        where = np.nonzero((torso & (z <= waist)) | (is_leg & (down < self.leg)))[0]
        colour[where] = trousers(points[where])
        if rng.random() < .75:
            shoes = (region == REGIONS['foot']) & (z < ankle + rng.uniform(-.01, .05))
            colour[shoes] = random_colour(rng, (0, .6), (.05, .95))
        head = np.nonzero(region == REGIONS['head'])[0]
        colour[head] = paint_head(rng, body, points[head], colour[head], skin, noise, True,
                                  self.hair)
        return colour


def _cloth(rng):
    """A cloth; nearly half of them black, grey, white or nearly so, as in real wardrobes."""
    cloth = Cloth(rng, rich=True)
    if rng.random() < .45:
        cloth.first = random_colour(rng, (0, .15), (.04, .95))
        if rng.random() < .5:
            cloth.second = random_colour(rng, (0, .2), (.04, .95))
    return cloth
