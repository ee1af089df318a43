"""The joint sets into which every public data set is mapped: names, pairs, bones, groups.

Orders and mappings are those of the official code of the published benchmarks: see
docs/public_data.md, which names the sources.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_PALETTE = ((60, 220, 60), (255, 60, 60), (255, 180, 0), (0, 160, 255), (200, 80, 255),
            (0, 210, 210), (160, 160, 160))


@dataclass(frozen=True)
class JointSet:
    """Joints in a fixed order.

    Attributes:
        names (tuple[str]): A joint's index is its place here.
        pairs (tuple[tuple[int, int]]): (left, right) joints that a horizontal flip exchanges.
        bones (tuple[tuple[int, int]]): For drawing.
        groups (dict[str, list[int]]): Of the published tables. Joints of groups whose name begins
            with ``_`` are no part of the published mean over all joints.
        root (int): Root joint of 3D poses; None for sets that are used in 2D only.
    """

    names: tuple[str, ...]
    pairs: tuple[tuple[int, int], ...]
    bones: tuple[tuple[int, int], ...]
    groups: dict[str, list[int]]
    root: int | None = None

    def metainfo(self, dataset_name: str, **paper_info: str) -> dict:
        """MMPose's description of a data set with these joints.

        Args:
            dataset_name (str): Its name.
            **paper_info: ``title``, ``author``, ``container``, ``year``, ``homepage``.
        """
        swap = {i: j for pair in self.pairs for i, j in (pair, pair[::-1])}
        colour = {j: list(_PALETTE[n % len(_PALETTE)])
                  for n, members in enumerate(self.groups.values()) for j in members}
        return dict(
            dataset_name=dataset_name, paper_info=dict(paper_info),
            keypoint_info={i: dict(name=name, id=i, color=colour.get(i, list(_PALETTE[-1])),
                                   type='', swap=self.names[swap[i]] if i in swap else '')
                           for i, name in enumerate(self.names)},
            skeleton_info={n: dict(link=(self.names[a], self.names[b]), id=n,
                                   color=colour.get(b, list(_PALETTE[-1])))
                           for n, (a, b) in enumerate(self.bones)},
            joint_weights=[1.] * len(self.names), sigmas=[0.05] * len(self.names))


_FINGERS = range(5)
_HAND_NAMES = ('wrist', *(f'{finger}{n}' for finger in (
    'thumb', 'forefinger', 'middle_finger', 'ring_finger', 'pinky_finger') for n in range(1, 5)))

JOINT_SETS: dict[str, JointSet] = dict(
    # MPII's order
    body16=JointSet(
        names=('right_ankle', 'right_knee', 'right_hip', 'left_hip', 'left_knee', 'left_ankle',
               'pelvis', 'thorax', 'upper_neck', 'head_top', 'right_wrist', 'right_elbow',
               'right_shoulder', 'left_shoulder', 'left_elbow', 'left_wrist'),
        pairs=((5, 0), (4, 1), (3, 2), (15, 10), (14, 11), (13, 12)),
        bones=((0, 1), (1, 2), (2, 6), (6, 3), (3, 4), (4, 5), (6, 7), (7, 8), (8, 9), (10, 11),
               (11, 12), (12, 8), (8, 13), (13, 14), (14, 15)),
        groups=dict(shoulder=[12, 13], elbow=[11, 14], wrist=[10, 15], hip=[2, 3], knee=[1, 4],
                    ankle=[0, 5], _head=[9])),
    # Human3.6M's order, for 3D
    body17=JointSet(
        names=('root', 'right_hip', 'right_knee', 'right_foot', 'left_hip', 'left_knee',
               'left_foot', 'spine', 'thorax', 'neck_base', 'head', 'left_shoulder', 'left_elbow',
               'left_wrist', 'right_shoulder', 'right_elbow', 'right_wrist'),
        pairs=((4, 1), (5, 2), (6, 3), (11, 14), (12, 15), (13, 16)),
        bones=((0, 1), (1, 2), (2, 3), (0, 4), (4, 5), (5, 6), (0, 7), (7, 8), (8, 9), (9, 10),
               (8, 11), (11, 12), (12, 13), (8, 14), (14, 15), (15, 16)),
        groups=dict(pelvis=[0], hip=[1, 4], knee=[2, 5], ankle=[3, 6], spine=[7, 8], head=[9, 10],
                    shoulder=[11, 14], elbow=[12, 15], wrist=[13, 16]),
        root=0),
    # wrist, then thumb to little finger, palm to tip: FreiHAND's order
    hand21=JointSet(
        names=_HAND_NAMES, pairs=(),
        bones=tuple((0 if n == 0 else 4 * f + n, 4 * f + n + 1) for f in _FINGERS
                    for n in range(4)),
        groups=dict(MCP=[4 * f + 1 for f in _FINGERS], PIP=[4 * f + 2 for f in _FINGERS],
                    DIP=[4 * f + 3 for f in _FINGERS], fingertip=[4 * f + 4 for f in _FINGERS],
                    wrist=[0]),
        root=0),
    # TigDog's protocol
    animal18=JointSet(
        names=('left_eye', 'right_eye', 'chin', 'left_front_hoof', 'right_front_hoof',
               'left_back_hoof', 'right_back_hoof', 'tail_start', 'left_front_knee',
               'right_front_knee', 'left_back_knee', 'right_back_knee', 'left_shoulder',
               'right_shoulder', 'left_front_elbow', 'right_front_elbow', 'left_back_elbow',
               'right_back_elbow'),
        pairs=((0, 1), (3, 4), (5, 6), (8, 9), (10, 11), (12, 13), (14, 15), (16, 17)),
        bones=((0, 1), (0, 2), (1, 2), (12, 13), (12, 14), (14, 8), (8, 3), (13, 15), (15, 9),
               (9, 4), (7, 16), (16, 10), (10, 5), (7, 17), (17, 11), (11, 6), (2, 12), (2, 13)),
        groups=dict(eye=[0, 1], chin=[2], hoof=[3, 4, 5, 6], hip=[7], knee=[8, 9, 10, 11],
                    shoulder=[12, 13], elbow=[14, 15, 16, 17])),
    # AnimalPose's protocol
    animal14=JointSet(
        names=('left_eye', 'right_eye', 'left_front_paw', 'right_front_paw', 'left_back_paw',
               'right_back_paw', 'left_front_knee', 'right_front_knee', 'left_back_knee',
               'right_back_knee', 'left_front_elbow', 'right_front_elbow', 'left_back_elbow',
               'right_back_elbow'),
        pairs=tuple((i, i + 1) for i in range(0, 14, 2)),
        bones=((0, 1), (10, 6), (6, 2), (11, 7), (7, 3), (12, 8), (8, 4), (13, 9), (9, 5),
               (10, 11), (12, 13), (10, 12), (11, 13)),
        groups=dict(eye=[0, 1], hoof=[2, 3, 4, 5], knee=[6, 7, 8, 9], elbow=[10, 11, 12, 13])))

_TIP_FIRST = (0, *(4 * f + n for f in _FINGERS for n in (4, 3, 2, 1)))

#: Native order of a data set -> (joint set, which native joint each joint is). None: not annotated;
#: a tuple: the mean of several.
MAPPINGS: dict[str, tuple[str, tuple]] = dict(
    # The released renderings show SMPL's left limbs on the right, so SMPL's left is 'right' here;
    # the collars (13, 14) stand for the shoulders, as in the published benchmarks.
    surreal=('body16', (7, 4, 1, 2, 5, 8, 0, 9, 12, 15, 20, 18, 13, 14, 19, 21)),
    lsp=('body16', (0, 1, 2, 3, 4, 5, None, None, 12, 13, 6, 7, 8, 9, 10, 11)),
    h36m_body16=('body16', (3, 2, 1, 4, 5, 6, 0, (11, 14), 8, 10, 16, 15, 14, 11, 12, 13)),
    h36m=('body17', tuple(range(17))),
    mpi_inf_3dhp=('body17', (14, 8, 9, 10, 11, 12, 13, 15, 1, 16, 0, 5, 6, 7, 2, 3, 4)),
    # SMPL has no joint at the top of the head; its head joint (15) is near Human3.6M's neck base
    smpl=('body17', (0, 2, 5, 8, 1, 4, 7, 6, 12, 15, None, 16, 18, 20, 17, 19, 21)),
    surreal_body17=('body17', (0, 1, 4, 7, 2, 5, 8, 6, 12, 15, None, 17, 19, 21, 16, 18, 20)),
    hand21=('hand21', tuple(range(21))),
    rhd_left=('hand21', _TIP_FIRST),
    rhd_right=('hand21', tuple(21 + j for j in _TIP_FIRST)),
    # STB's joint 0 is the centre of the palm, not the wrist
    stb=('hand21', (0, 17, 18, 19, 20, 13, 14, 15, 16, 9, 10, 11, 12, 5, 6, 7, 8, 1, 2, 3, 4)),
    tigdog_horse=('animal18', tuple(range(18))),
    tigdog_tiger=('animal18', (*range(8), 14, 15, 16, 17, 12, 13, 8, 9, 10, 11)),
    animalpose=('animal14', (0, 1, 13, 14, 15, 16, 9, 10, 11, 12, 5, 6, 7, 8)),
    animalpose_mmpose=('animal14', (0, 1, 16, 17, 18, 19, 12, 13, 14, 15, 8, 9, 10, 11)))


def map_joints(mapping: str, points: np.ndarray, visible: np.ndarray | None = None
               ) -> tuple[np.ndarray, np.ndarray]:
    """Bring joints from a data set's own order into its joint set's.

    Args:
        mapping (str): A key of :data:`MAPPINGS`.
        points (np.ndarray): (..., K, D) in the native order, any unit.
        visible (np.ndarray, optional): (..., K), > 0 = labelled. Defaults to all.

    Returns:
        tuple:
        - points (np.ndarray): (..., J, D) float32; 0 where the data set has no such joint.
        - visible (np.ndarray): (..., J) float32; 0 where the data set has no such joint; of a mean
          the least of its parts.

    Raises:
        ValueError: Unknown mapping, or too few native joints.
    """
    if mapping not in MAPPINGS:
        raise ValueError(f'unknown joint mapping {mapping!r}: use one of {sorted(MAPPINGS)}')
    parts = [() if j is None else j if isinstance(j, tuple) else (j, )
             for j in MAPPINGS[mapping][1]]
    points = np.asarray(points, np.float32)
    visible = np.ones(points.shape[:-1], np.float32) if visible is None \
        else np.asarray(visible, np.float32)
    needed = 1 + max(max(p, default=0) for p in parts)
    if points.shape[-2] < needed or visible.shape != points.shape[:-1]:
        raise ValueError(f'joint mapping {mapping!r} takes points (..., {needed} or more, D) and '
                         f'flags (..., {needed} or more), got {points.shape} and {visible.shape}')
    first = [p[0] if p else 0 for p in parts]
    last = [p[-1] if p else 0 for p in parts]
    exists = np.array([bool(p) for p in parts])
    out = (points[..., first, :] + points[..., last, :]) / 2
    flags = np.minimum(visible[..., first], visible[..., last])
    return out * exists[:, None], flags * exists


def published_groups(name: str) -> tuple[dict[str, list[int]], Sequence[int]]:
    """Groups of a joint set (without the leading ``_``) and the joints of the published mean."""
    groups = JOINT_SETS[name].groups
    scored = sorted(j for key, members in groups.items() if key[0] != '_' for j in members)
    return {key.lstrip('_'): list(members) for key, members in groups.items()}, scored
