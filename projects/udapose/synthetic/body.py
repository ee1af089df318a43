"""The baked human body: pose angles to joints, joint set, rejection of impossible poses.

Axes in metres: Z up, the body faces -Y, its left side is +X. The rest pose has lowered arms
with bent elbows, so that arm angles are measured against the rest directions.
"""

from functools import cached_property, lru_cache

import numpy as np

from .articulated import ArticulatedModel
from .rotations import AXIS_X, AXIS_Y, AXIS_Z, aligning_rotation, axis_rotation, fractional_rotation

_REGION_BONES = dict(
    head=['head', 'neck03', 'eye'], neck=['neck01', 'neck02'],
    torso=['spine', 'clavicle', 'shoulder', 'root', 'pelvis'], upper_arm=['upperarm'],
    forearm=['lowerarm'], hand=['wrist', 'finger', 'metacarpal'], thigh=['upperleg'],
    shin=['lowerleg'], foot=['foot'])
REGIONS = {name: i for i, name in enumerate(_REGION_BONES)}
"""Index of each body region in :attr:`Body.region_weights`."""

# A joint lies this deep below the skin at most (metres); deeper means it is hidden by
# something else. Order of the people's joints.
_SKIN_DEPTH = np.array([.06] * 5 + [.13] * 2 + [.09] * 2 + [.07] * 2 + [.17] * 2 + [.11] * 2
                       + [.09] * 2 + [.14, .12, .20, .20, .20])


class Body(ArticulatedModel):
    """The baked body with 22 labelled joints."""

    skin_depth = _SKIN_DEPTH

    def __init__(self):
        super().__init__('body.npz')
        self.extra_index = {name: i for i, name in enumerate(self.extra_names)}

    @cached_property
    def region_weights(self):
        """ndarray: Share of each region per vertex, shape (V, 9)."""
        return np.stack([self.bone_weights(p) for p in _REGION_BONES.values()], 1)

    def joint(self, figure, name):
        """Position (3,) of a bone's head."""
        return figure.heads[self.bone[name]]

    def keypoints(self, figure):
        """The 22 labelled joints of a figure, shape (22, 3), metres."""
        points = [figure.extra[self.extra_index[n]]
                  for n in ('nose', 'left_eye', 'right_eye', 'left_ear', 'right_ear')]
        for bone in ('upperarm01', 'lowerarm01', 'wrist', 'upperleg01', 'lowerleg01', 'foot'):
            points += [self.joint(figure, f'{bone}.{side}') for side in 'LR']
        points += [self.joint(figure, 'neck01'), figure.extra[self.extra_index['head_top']],
                   (points[11] + points[12]) / 2, self.joint(figure, 'spine03'),
                   self.joint(figure, 'spine01')]
        return np.array(points)

    def rotations(self, rest, pose):
        """Local bone rotations of a pose.

        Args:
            rest (Figure): Rest figure of the identity.
            pose (BodyPose): Angles in degrees.

        Returns:
            dict[int, ndarray]: Rotation (3, 3) by bone index, for :meth:`pose`.
        """
        result = {}
        for names, angles in ((['spine01', 'spine02', 'spine03', 'spine04', 'spine05'], pose.spine),
                              (['neck01', 'neck02', 'neck03', 'head'], pose.neck)):
            nod, tilt, turn = (a / len(names) for a in angles)
            step = (axis_rotation(AXIS_X, nod) @ axis_rotation(AXIS_Y, tilt)
                    @ axis_rotation(AXIS_Z, turn))
            result.update({self.bone[name]: step for name in names})
        for i, side in enumerate('LR'):
            sign = 1 if side == 'L' else -1
            flexion, abduction, outward, knee = pose.legs[i]
            result[self.bone[f'upperleg01.{side}']] = (
                axis_rotation(AXIS_X, -flexion) @ axis_rotation(AXIS_Y, -sign * abduction)
                @ axis_rotation(AXIS_Z, sign * outward))
            result[self.bone[f'lowerleg01.{side}']] = axis_rotation(AXIS_X, knee)
            result[self.bone[f'foot.{side}']] = axis_rotation(AXIS_X, pose.ankles[i])
            self._arm(rest, pose, i, side, sign, result)
        return result

    def _arm(self, rest, pose, i, side, sign, result):
        shoulder, elbow, wrist = (self.joint(rest, f'{name}.{side}')
                                  for name in ('upperarm01', 'lowerarm01', 'wrist'))
        upper, fore = elbow - shoulder, wrist - elbow
        hinge = np.cross(upper, fore)
        rest_flexion = np.degrees(np.arctan2(np.linalg.norm(hinge), upper @ fore))
        elevation, azimuth, outward, flexion = pose.arms[i]
        e, a = np.radians(elevation), np.radians(azimuth)
        direction = (np.sin(e) * (np.cos(a) * sign * AXIS_X - np.sin(a) * AXIS_Y)
                     - np.cos(e) * AXIS_Z)
        whole = axis_rotation(direction, -sign * outward) @ aligning_rotation(upper, direction)
        # The shoulder girdle takes part once the arm is raised beyond 60 degrees.
        girdle = fractional_rotation(whole, 0.16) if elevation > 60 else np.eye(3)
        result[self.bone[f'clavicle.{side}']] = girdle
        result[self.bone[f'upperarm01.{side}']] = girdle.T @ whole
        result[self.bone[f'lowerarm01.{side}']] = axis_rotation(hinge, flexion - rest_flexion)
        result[self.bone[f'lowerarm02.{side}']] = axis_rotation(fore, pose.forearm_twists[i])
        result[self.bone[f'wrist.{side}']] = axis_rotation(hinge, pose.wrists[i])
        across = sign * (self.joint(rest, f'finger5-1.{side}')
                         - self.joint(rest, f'finger2-1.{side}'))
        knuckle = axis_rotation(across, 0.7 * pose.finger_curls[i])
        outer = axis_rotation(across, pose.finger_curls[i])
        for finger in range(2, 6):
            for k in (1, 2, 3):
                result[self.bone[f'finger{finger}-{k}.{side}']] = knuckle if k == 1 else outer

    def intersects_itself(self, figure):
        """Whether limbs pass through the trunk, the head or each other (capsule test).

        Args:
            figure (Figure): Posed figure.

        Returns:
            bool: True if the pose is impossible.
        """
        def at(*names):
            return np.stack([self.joint(figure, n) for n in names])

        scale = np.linalg.norm(self.joint(figure, 'head') - self.joint(figure, 'root')) / 0.6
        head = self.joint(figure, 'head')
        skull = head + 0.35 * (figure.extra[self.extra_index['head_top']] - head)
        elbows = at('lowerarm01.L', 'lowerarm01.R')
        wrists = at('wrist.L', 'wrist.R')
        arm_points = np.concatenate([wrists, at('finger3-2.L', 'finger3-2.R'),
                                     (elbows + wrists) / 2])
        knees, ankles = at('lowerleg01.L', 'lowerleg01.R'), at('foot.L', 'foot.R')
        trunk = _distances(arm_points, at('root'), at('spine01'))
        thighs = _distances(arm_points, at('upperleg01.L', 'upperleg01.R'), knees)
        forearms = _distances(wrists, elbows, wrists)
        shin_points = np.stack([ankles, (ankles + knees) / 2, knees])
        shins = np.stack([_distances(shin_points[:, s], knees[1 - s:2 - s], ankles[1 - s:2 - s])
                          for s in (0, 1)])
        clearances = ((trunk, .135), (np.linalg.norm(arm_points - skull, axis=1), .15),
                      (thighs, .085), (forearms[[0, 1], [1, 0]], .07), (shins, .09))
        return any(float(d.min()) < radius * scale for d, radius in clearances)


def _distances(points, starts, ends):
    """Distances (N, M) of points (N, 3) from the segments (M, 3) to (M, 3)."""
    along = ends - starts
    offset = points[:, None] - starts
    t = np.clip((offset * along).sum(-1) / (along * along).sum(-1), 0, 1)
    offset = offset - t[..., None] * along
    return np.sqrt((offset * offset).sum(-1))


@lru_cache(maxsize=1)
def load_body():
    """The body model; loaded once per process."""
    return Body()
