"""Random whole-body poses as anatomical angles in degrees.

A pose combines one of nine lower-body with one of ten upper-body modes; all angles are
drawn around the mode's values and limited to what joints allow.
"""

from dataclasses import dataclass

import numpy as np

LOWER_MODES = dict(stand=3, walk=3, run=1.5, sit=1.5, squat=1, lunge=1, kick=0.8, jack=0.8,
                   random=1.5)
UPPER_MODES = dict(rest=2.5, swing=2, run=1.5, up=1, tee=1, wave=1.2, hips=1, reach=1.5, fold=0.8,
                   random=3)

# (mean, deviation) of hip flexion, hip abduction, hip outward rotation, knee flexion.
_LEGS = dict(
    stand=((3, 6), (6, 5), (8, 8), (3, 6)),
    stride=((24, 9), (3, 3), (4, 5), (12, 10)),
    trail=((-12, 6), (3, 3), (4, 5), (25, 15)),
    run=((65, 14), (4, 4), (0, 6), (85, 18)),
    push=((-18, 8), (4, 4), (0, 6), (35, 25)),
    sit=((86, 9), (9, 7), (0, 10), (85, 15)),
    squat=((100, 13), (18, 8), (12, 6), (112, 16)),
    lunge=((70, 12), (5, 4), (0, 6), (80, 12)),
    kneel=((-18, 8), (5, 4), (0, 6), (35, 18)),
    kick=((75, 18), (12, 10), (5, 10), (20, 18)),
    support=((0, 6), (5, 4), (8, 6), (8, 7)),
    jack=((0, 6), (26, 7), (10, 8), (4, 5)))
# Legs of a lower mode, and (mean, deviation) of the spine's forward bend.
_LOWER = dict(
    stand=('stand', 'stand', (2, 6)), walk=('stride', 'trail', (4, 5)),
    run=('run', 'push', (14, 7)), sit=('sit', 'sit', (6, 10)), squat=('squat', 'squat', (22, 9)),
    lunge=('lunge', 'kneel', (6, 8)), kick=('kick', 'support', (0, 9)),
    jack=('jack', 'jack', (0, 5)), random=('random', 'random', (8, 14)))
_LEG_RANGES = ((-15, 95), (-5, 35), (-15, 25), (0, 110))
_LEG_LIMITS = ((-25, 120), (-6, 50), (-30, 35), (0, 140))

# (mean, deviation) of elevation from hanging, azimuth (0 sideways, 90 forward), outward
# rotation, elbow flexion.
_ARMS = dict(
    rest=((14, 6), (10, 25), (0, 15), (18, 12)),
    forward=((28, 10), (85, 15), (0, 12), (28, 18)),
    back=((24, 8), (-75, 15), (0, 12), (20, 14)),
    run=((30, 12), (75, 30), (0, 12), (92, 14)),
    runback=((38, 12), (-70, 20), (0, 12), (88, 14)),
    up=((155, 14), (15, 20), (10, 20), (22, 20)),
    tee=((88, 10), (5, 12), (0, 30), (10, 12)),
    wave=((95, 18), (15, 18), (75, 15), (80, 25)),
    hips=((42, 7), (-18, 10), (-38, 8), (98, 10)),
    reach=((88, 22), (80, 22), (0, 20), (22, 20)),
    fold=((32, 7), (62, 10), (-28, 10), (108, 10)))
# First arm, second arm, and how often the second follows instead of hanging down.
_UPPER = dict(
    rest=('rest', 'rest', 1), swing=('forward', 'back', 1), run=('run', 'runback', 1),
    up=('up', 'up', 0.6), tee=('tee', 'tee', 1), wave=('wave', 'rest', 1),
    hips=('hips', 'hips', 0.6), reach=('reach', 'reach', 0.4), fold=('fold', 'fold', 1),
    random=('random', 'random', 1))
_ARM_RANGES = ((5, 165), (-20, 110), (-50, 50), (0, 130))
_ARM_LIMITS = ((3, 172), (-80, 125), (-60, 90), (0, 140))


@dataclass
class BodyPose:
    """Anatomical angles in degrees; pairs are (left, right).

    Attributes:
        modes (tuple[str, str]): Lower-body and upper-body mode.
        spine (tuple): Forward bend, sideways bend, twist.
        neck (tuple): Nod, tilt, turn.
        legs (list): Per side: hip flexion, abduction, outward rotation, knee flexion.
        ankles (list[float]): Foot pitch per side.
        arms (list): Per side: elevation, azimuth, outward rotation, elbow flexion.
        forearm_twists (list[float]): Pronation per side.
        wrists (list[float]): Flexion per side.
        finger_curls (list[float]): Flexion of the fingers per side.
    """
    modes: tuple
    spine: tuple
    neck: tuple
    legs: list
    ankles: list
    arms: list
    forearm_twists: list
    wrists: list
    finger_curls: list


def _pick(rng, weights):
    names = list(weights)
    share = np.array([weights[n] for n in names], float)
    return names[int(rng.choice(len(names), p=share / share.sum()))]


def _limb(rng, name, table, ranges, limits):
    """Four angles of one limb within its limits; a negative elbow or knee is mirrored."""
    if name == 'random':
        angles = [rng.uniform(*span) for span in ranges]
    else:
        angles = [rng.normal(*spec) for spec in table[name]]
    angles[3] = abs(angles[3])
    return tuple(float(np.clip(a, *limit)) for a, limit in zip(angles, limits, strict=True))


def sample_body_pose(rng):
    """Draw a pose.

    Args:
        rng (numpy.random.Generator): Source of randomness.

    Returns:
        BodyPose: Angles within the joints' limits; may still self-intersect.
    """
    lower, upper = _pick(rng, LOWER_MODES), _pick(rng, UPPER_MODES)
    first, second, bend = _LOWER[lower]
    legs = [_limb(rng, name, _LEGS, _LEG_RANGES, _LEG_LIMITS) for name in (first, second)]
    if rng.random() < 0.5:
        legs.reverse()
    bend = (45, 12) if rng.random() < 0.08 else bend
    first, second, both = _UPPER[upper]
    if rng.random() >= both:
        second = 'rest'
    arms = [_limb(rng, name, _ARMS, _ARM_RANGES, _ARM_LIMITS) for name in (first, second)]
    if rng.random() < 0.5:
        arms.reverse()
    return BodyPose(
        modes=(lower, upper),
        spine=(float(np.clip(rng.normal(*bend), -18, 70)), rng.normal(0, 7), rng.normal(0, 11)),
        neck=(rng.normal(4, 11), rng.normal(0, 7), rng.normal(0, 22)),
        legs=legs, ankles=list(rng.normal(0, 7, 2)), arms=arms,
        forearm_twists=list(rng.normal(0, 25, 2)), wrists=list(rng.normal(0, 12, 2)),
        finger_curls=list(np.clip(rng.normal(25, 20, 2), 0, 80)))
