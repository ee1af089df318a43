"""Poses of the generator's version 2: sports and gymnastics, with the body in any attitude.

A family says which legs and arms go together, how the body is turned in space, and whether it
stands on the ground or is in the air. The shares follow from what such photographs are known to
show: about a third with the head below the hips.
"""

from dataclasses import dataclass

import numpy as np

from .poses import (
    _ARM_LIMITS,
    _ARMS,
    _LEGS,
    BodyPose,
    _limb,
    _pick,
    sample_body_pose,
)
from .rotations import AXIS_X, AXIS_Y, AXIS_Z, axis_rotation

# (mean, deviation) of hip flexion, hip abduction, hip outward rotation, knee flexion.
_MORE_LEGS = dict(
    _LEGS, straight=((0, 8), (4, 5), (5, 8), (5, 7)),
    straddle=((25, 28), (58, 14), (18, 15), (6, 9)),
    split=((95, 20), (6, 8), (0, 10), (12, 15)), behind=((-30, 12), (6, 8), (5, 10), (18, 20)),
    stag=((72, 20), (8, 8), (5, 10), (92, 22)), arch=((-22, 10), (6, 6), (5, 8), (45, 32)),
    tuck=((118, 13), (10, 9), (5, 10), (122, 15)), pike=((100, 18), (5, 6), (0, 8), (8, 10)),
    deep=((112, 14), (20, 13), (15, 10), (128, 16)),
    lunge=((82, 16), (12, 12), (5, 12), (80, 22)),
    high=((112, 20), (18, 16), (10, 15), (10, 13)))
_MORE_LEG_RANGES = ((-35, 120), (-6, 65), (-30, 40), (0, 135))
_MORE_LEG_LIMITS = ((-45, 132), (-8, 85), (-40, 50), (0, 148))

# (mean, deviation) of elevation from hanging, azimuth, outward rotation, elbow flexion.
_MORE_ARMS = dict(
    _ARMS, overhead=((164, 10), (30, 40), (0, 22), (8, 10)),
    wide=((143, 16), (5, 16), (0, 22), (8, 9)), hold=((48, 12), (72, 14), (-10, 15), (58, 22)),
    wing=((62, 25), (-55, 22), (0, 20), (14, 14)),
    press=((112, 18), (55, 25), (0, 20), (80, 22)), reach=((95, 30), (75, 25), (0, 20), (15, 18)))
_MORE_ARM_RANGES = ((5, 172), (-60, 110), (-50, 60), (0, 130))

_ANY = (('random', 'random'),)


@dataclass(frozen=True)
class Family:
    """A family of poses; angles in degrees, heights in metres.

    Attributes:
        share (float): How often, relative to the others.
        legs (tuple): Pairs of leg names, one is drawn and its sides may be exchanged.
        arms (tuple): Likewise; ``'random'`` draws any angles.
        spine (tuple): (mean, deviation) of the forward bend.
        pitch (tuple): (mean, deviation) of the turn about the body's left-right axis, 180 is
            upside down; deviation None: any angle.
        roll (tuple): Likewise about the body's front-back axis.
        air (tuple or None): Range of the height of the lowest point above the ground.
        air_share (float): How often it is in the air.
    """
    share: float
    legs: tuple = _ANY
    arms: tuple = _ANY
    spine: tuple = (5, 12)
    pitch: tuple = (0, 6)
    roll: tuple = (0, 6)
    air: tuple | None = None
    air_share: float = 1.0


FAMILIES = dict(
    everyday=Family(.17, pitch=(0, 5), roll=(0, 5)),
    athletic=Family(.12, (('high', 'support'), ('random', 'support'), *_ANY),
                    (('wide', 'wing'), ('reach', 'wing'), *_ANY), (8, 16), (6, 15), (0, 12)),
    lunge=Family(.08, (('lunge', 'behind'), ('stag', 'behind')),
                 (('reach', 'wing'), ('tee', 'tee'), ('up', 'rest'), *_ANY), (14, 15), (4, 12),
                 (0, 8)),
    crouch=Family(.07, (('deep', 'deep'), ('deep', 'stag'), ('squat', 'lunge')),
                  (('reach', 'reach'), ('hold', 'reach'), *_ANY), (34, 15), (8, 14), (0, 8)),
    jump=Family(.11, (('split', 'behind'), ('straddle', 'straddle'), ('tuck', 'tuck'),
                      ('stag', 'behind'), ('arch', 'arch'), *_ANY),
                (('wide', 'wide'), ('up', 'reach'), ('tee', 'tee'), ('wing', 'wing'), *_ANY),
                (5, 20), (4, 25), (0, 16), (.1, 1.0)),
    somersault=Family(.18, (('tuck', 'tuck'), ('pike', 'pike'), ('straight', 'straight'),
                            ('arch', 'arch'), ('split', 'behind'), *_ANY),
                      (('hold', 'hold'), ('reach', 'reach'), ('overhead', 'overhead'),
                       ('wing', 'wing'), *_ANY), (20, 25), (0, None), (0, 18), (.05, 1.2)),
    handstand=Family(.15, (('straight', 'straight'), ('straddle', 'straddle'),
                           ('split', 'behind'), ('stag', 'behind'), *_ANY),
                     (('overhead', 'overhead'), ('overhead', 'overhead'), ('wide', 'overhead'),
                      ('press', 'press'), ('overhead', 'random')), (-2, 14), (180, 18), (0, 12),
                     (0., .4), .1),
    cartwheel=Family(.09, (('straddle', 'straddle'), ('jack', 'straddle'), ('split', 'behind')),
                     (('wide', 'wide'), ('overhead', 'overhead'), ('wide', 'tee'), *_ANY),
                     (4, 14), (0, 22), (0, None), (.05, .6), .4),
    floor=Family(.05, (('straight', 'straight'), ('pike', 'straight'), ('arch', 'arch'), *_ANY),
                 (('reach', 'reach'), ('overhead', 'overhead'), ('rest', 'press'), *_ANY),
                 (5, 20), (90, 22), (0, 30)))


@dataclass
class Attitude:
    """How a body is in space.

    Attributes:
        turn (ndarray): Rotation (3, 3) of the root.
        height (float): Of the lowest point above the ground in metres.
    """
    turn: np.ndarray
    height: float


def sample_family(rng):
    """Name of a family, drawn by the shares."""
    return _pick(rng, {name: family.share for name, family in FAMILIES.items()})


def sample_attitude(rng, name):
    """Turn and height of a body of a family.

    Args:
        rng (numpy.random.Generator): Source of randomness.
        name (str): One of :data:`FAMILIES`.

    Returns:
        Attitude: The yaw is left to the camera.
    """
    family = FAMILIES[name]
    pitch, roll = (rng.uniform(0, 360) if deviation is None else rng.normal(mean, deviation)
                   for mean, deviation in (family.pitch, family.roll))
    if name == 'floor' and rng.random() < .5:  # on the back
        pitch = -pitch
    turn = (axis_rotation(AXIS_X, pitch) @ axis_rotation(AXIS_Y, roll)
            @ axis_rotation(AXIS_Z, rng.normal(0, 15)))
    height = 0.0
    if family.air is not None and rng.random() < family.air_share:
        height = float(rng.uniform(*family.air))
    return Attitude(turn, height)


def sample_pose(rng, name):
    """Joint angles of a family.

    Args:
        rng (numpy.random.Generator): Source of randomness.
        name (str): One of :data:`FAMILIES`.

    Returns:
        BodyPose: Angles within the joints' limits; may still self-intersect.
    """
    family = FAMILIES[name]
    if name == 'everyday':
        pose = sample_body_pose(rng)
        pose.modes = (name, *pose.modes)
        return pose
    legs, which = _pair(rng, family.legs, _MORE_LEGS, _MORE_LEG_RANGES, _MORE_LEG_LIMITS)
    arms, held = _pair(rng, family.arms, _MORE_ARMS, _MORE_ARM_RANGES, _ARM_LIMITS)
    point = 25 if family.air is not None else 0  # stretched feet of jumps and stands
    return BodyPose(
        modes=(name, which, held),
        spine=(float(np.clip(rng.normal(*family.spine), -28, 75)), rng.normal(0, 10),
               rng.normal(0, 14)),
        neck=(rng.normal(0, 16), rng.normal(0, 9), rng.normal(0, 22)), legs=legs,
        ankles=list(rng.normal(point, 14, 2)), arms=arms,
        forearm_twists=list(rng.normal(0, 25, 2)), wrists=list(rng.normal(0, 15, 2)),
        finger_curls=list(np.clip(rng.normal(22, 22, 2), 0, 80)))


def _pair(rng, choices, table, ranges, limits):
    """Two limbs of one of the pairs of names, on either side; and the first one's name."""
    names = choices[int(rng.integers(len(choices)))]
    limbs = [_limb(rng, name, table, ranges, limits) for name in names]
    if rng.random() < .5:
        limbs.reverse()
    return limbs, names[0]
