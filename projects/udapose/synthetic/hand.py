"""The baked hand with its forearm: random hand poses and the 21 labelled joints.

A right hand in metres with the wrist at the origin; left hands are its mirror images.
"""

from functools import lru_cache

import numpy as np

from .articulated import ArticulatedModel
from .rotations import axis_rotation

_CHAINS = [[f'finger{finger}-{k}.R' for k in (1, 2, 3)] for finger in range(1, 6)]
HAND_MODES = ('open', 'fist', 'point', 'random', 'pinch', 'relaxed', 'two')
# Flexion in degrees, beyond the rest pose's slight bend, of the fingers (fore, middle, ring,
# little) and of the thumb.
_FLEXION = dict(open=(0, 0, 0, 0), fist=(70, 70, 70, 70), point=(2, 70, 70, 70),
                pinch=(40, 25, 20, 18), relaxed=(18, 20, 22, 24), two=(0, 0, 70, 70))
_THUMB = dict(open=-10, fist=30, point=28, pinch=25, relaxed=8, two=30)


class Hand(ArticulatedModel):
    """The baked right hand."""

    # A joint lies at most this deep below the skin, in metres: the wrist and the thumb's base
    # 30 mm (measured along the palm's normal and across it), the others 24 mm.
    skin_depth = np.array([.034, .034] + [.028] * 19)

    def __init__(self):
        super().__init__('hand.npz', extra_bones=[chain[2] for chain in _CHAINS])
        self.forearm_weights = self.bone_weights(['lowerarm'])
        self.tip_weights = self.bone_weights([chain[2] for chain in _CHAINS])

    def keypoints(self, figure):
        """The 21 labelled joints, shape (21, 3): wrist, then thumb to little finger."""
        points = [figure.heads[self.bone['wrist.R']]]
        for tip, chain in zip(figure.extra, _CHAINS, strict=True):
            points += [figure.heads[self.bone[name]] for name in chain] + [tip]
        return np.array(points)

    def sample_pose(self, rng, rest):
        """Draw bone rotations of a hand pose.

        Args:
            rng (numpy.random.Generator): Source of randomness.
            rest (Figure): Rest figure of the identity.

        Returns:
            tuple[dict[int, ndarray], str]: Local rotations by bone index; the pose's mode.
        """
        knuckle = {name: rest.heads[self.bone[name]] for chain in _CHAINS for name in chain}
        across = knuckle['finger5-1.R'] - knuckle['finger2-1.R']
        across = across / np.linalg.norm(across)
        # On a right hand, little finger x middle finger points out of the back of the hand.
        back = np.cross(across, knuckle['finger3-1.R'] - rest.heads[self.bone['wrist.R']])
        back /= np.linalg.norm(back)
        mode = HAND_MODES[int(rng.integers(len(HAND_MODES)))]
        result = {}
        for i in range(4):
            base = rng.uniform(-8, 78) if mode == 'random' else _FLEXION[mode][i]
            if mode == 'pinch' and i:
                base = rng.uniform(10, 40)
            flexion = np.clip(base + rng.normal(0, 8), -15, 80)
            # Straight fingers fan out, bent ones stay together.
            spread = rng.normal(0, 6) + (6 * (1.2 - i) if flexion < 30 else 0)
            middle = np.clip(base * 1.1 + rng.normal(0, 10), -5, 90)
            turns = (axis_rotation(across, -flexion) @ axis_rotation(back, spread),
                     axis_rotation(across, -middle), axis_rotation(across, -0.6 * middle))
            for name, turn in zip(_CHAINS[i + 1], turns, strict=True):
                result[self.bone[name]] = turn
        thumb = knuckle['finger1-2.R'] - knuckle['finger1-1.R']
        # The thumb bends across the palm, towards the little finger.
        axis = np.cross(thumb, across - 0.35 * back)
        base = rng.uniform(-15, 40) if mode == 'random' else _THUMB[mode]
        base += rng.normal(0, 6)
        for name, share in zip(_CHAINS[0], (0.6, 0.7, 1.0), strict=True):
            angle = share * (max(base, 0) if share == 1.0 else base)
            result[self.bone[name]] = axis_rotation(axis, angle)
        result[self.bone['wrist.R']] = (axis_rotation(across, rng.normal(0, 14))
                                        @ axis_rotation(back, rng.normal(0, 8)))
        return result, mode


@lru_cache(maxsize=1)
def load_hand():
    """The hand model; loaded once per process."""
    return Hand()
