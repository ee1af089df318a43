"""Movement of the demonstration's people: smooth paths through poses of the embedded prior."""
from __future__ import annotations

import numpy as np

from ..synthetic.body import Body
from ..synthetic.poses import BodyPose, sample_body_pose
from ..synthetic.rotations import AXIS_Z, axis_rotation

_GROUPS = (('spine', 3), ('neck', 3), ('legs', 8), ('ankles', 2), ('arms', 8),
           ('forearm_twists', 2), ('wrists', 2), ('finger_curls', 2))
#: Seconds from one sampled pose to the next.
_STEP = 0.8
#: A path is looked at this often for limbs that pass through each other.
_LOOK = 0.2
_ATTEMPTS = 40
_SEATED = ('sit',)  # there is no chair
#: Metres that a walker covers with a left and a right step.
_STRIDE = 1.25


def to_vector(pose: BodyPose) -> np.ndarray:
    """(30,) angles of a pose in degrees."""
    return np.concatenate([np.ravel(getattr(pose, name)) for name, _ in _GROUPS])


def to_pose(vector: np.ndarray) -> BodyPose:
    """The pose of such angles; its modes are unknown."""
    ends = np.cumsum([count for _, count in _GROUPS])
    parts = dict(zip((name for name, _ in _GROUPS), np.split(vector, ends[:-1])))
    for name in ('legs', 'arms'):
        parts[name] = [tuple(side) for side in parts[name].reshape(2, 4)]
    return BodyPose(modes=('', ''), **parts)


def spline(keys: np.ndarray, at: float) -> np.ndarray:
    """Uniform cubic B-spline: twice differentiable, and never outside the range of its keys.

    Args:
        keys (np.ndarray): (N, D) control points, N >= 4.
        at (float): Position in [0, N - 3], in steps between keys; limited to these.

    Returns:
        np.ndarray: (D,).
    """
    first = int(np.clip(np.floor(at), 0, len(keys) - 4))
    u = min(max(at - first, 0.), 1.)
    weights = np.array([(1 - u) ** 3, 3 * u ** 3 - 6 * u ** 2 + 4,
                        -3 * u ** 3 + 3 * u ** 2 + 3 * u + 1, u ** 3]) / 6
    return weights @ keys[first:first + 4]


class PosePath:
    """A path through sampled poses; joints stay within their limits, since a spline does.

    Args:
        rng (np.random.Generator): Source of randomness.
        body (Body): The body model.
        rest (Figure): Rest figure of the person.
        seconds (float): Length of the path.
        walks (bool): The legs walk instead, as far as :meth:`at` is told.
    """

    def __init__(self, rng: np.random.Generator, body: Body, rest, seconds: float,
                 walks: bool = False) -> None:
        self.walks = walks
        count = int(np.ceil(seconds / _STEP)) + 4
        self._keys = np.stack([self._draw(rng) for _ in range(count)])
        for time in np.arange(0, seconds, _LOOK):
            # A spline at this time lies between four keys; new middle ones make another pose.
            for attempt in range(_ATTEMPTS):
                figure = body.pose(rest, body.rotations(rest, self.at(time)))
                if not body.intersects_itself(figure):
                    break
                self._keys[int(time / _STEP) + 1 + attempt % 2] = self._draw(rng)

    @staticmethod
    def _draw(rng) -> np.ndarray:
        while True:
            pose = sample_body_pose(rng)
            if pose.modes[0] not in _SEATED:
                return to_vector(pose)

    def at(self, time: float, distance: float = 0.) -> BodyPose:
        """The pose at a time.

        Args:
            time (float): Seconds from the start.
            distance (float): Metres that a walker has covered until then.
        """
        pose = to_pose(spline(self._keys, time / _STEP))
        if self.walks:
            phase = 2 * np.pi * distance / _STRIDE
            pose.legs = [_step(phase), _step(phase + np.pi)]
            pose.ankles = [0., 0.]
            pose.spine = (5., *pose.spine[1:])
        return pose


def _step(phase: float) -> tuple[float, float, float, float]:
    """One leg's angles in a walk; the knee bends while the leg swings forward."""
    return (6 + 21 * np.cos(phase), 3., 4., 8 + 48 * max(0., -np.sin(phase)) ** 2)


class Sway:
    """Slow smooth wandering of a few values about zero: sums of sinusoids.

    Args:
        rng (np.random.Generator): Source of randomness.
        sizes (Sequence[float]): Largest value of each.
        period (float): Seconds of the slowest wave.
    """

    def __init__(self, rng: np.random.Generator, sizes, period: float) -> None:
        self._sizes = np.asarray(sizes, float)
        self._rates = 2 * np.pi / period * rng.uniform([[1.], [1.7]], [[1.3], [2.3]],
                                                       (2, len(self._sizes)))
        self._phases = rng.uniform(0, 2 * np.pi, (2, len(self._sizes)))

    def __call__(self, time: float) -> np.ndarray:
        """The values at a time in seconds."""
        waves = np.sin(self._rates * time + self._phases)
        return self._sizes * (2 * waves[0] + waves[1]) / 3


class OnTheSpot:
    """Where a person stands who moves about one place.

    Args:
        rng (np.random.Generator): Source of randomness.
        place (tuple[float, float]): Metres.
        heading (float): Degrees about the vertical; 0 faces -Y.
    """

    def __init__(self, rng: np.random.Generator, place=(0., 0.), heading: float = 0.) -> None:
        self._middle = np.array([*place, heading])
        self._sway = Sway(rng, (.2, .2, 55.), 7.)

    def __call__(self, time: float) -> tuple[np.ndarray, float, float]:
        """Place (2,) in metres, heading in degrees, metres walked."""
        x, y, heading = self._middle + self._sway(time)
        return np.array([x, y]), heading, 0.


class AroundEllipse:
    """Where a person is who walks around the origin.

    Args:
        radii (tuple[float, float]): Metres along x and y.
        start (float): Degrees at which the walk begins; 0 lies on the x axis, -90 towards -Y.
        speed (float): Metres per second at the mean radius.
    """

    def __init__(self, radii, start: float, speed: float) -> None:
        self._radii, self._start = np.asarray(radii, float), np.radians(start)
        self._speed, self._mean = speed, float(np.mean(radii))

    def __call__(self, time: float) -> tuple[np.ndarray, float, float]:
        """Place (2,) in metres, heading in degrees, metres walked."""
        angle = self._start + self._speed * time / self._mean
        place = self._radii * [np.cos(angle), np.sin(angle)]
        dx, dy = self._radii * [-np.sin(angle), np.cos(angle)]
        return place, np.degrees(np.arctan2(dx, -dy)), self._speed * time


def turned(degrees: float) -> np.ndarray:
    """Rotation (3, 3) of a figure to a heading."""
    return axis_rotation(AXIS_Z, degrees)
