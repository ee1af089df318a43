"""Joint sets of the embedded data: names, left/right partners, bones to draw, root."""

from dataclasses import dataclass

_COCO = ['nose', 'left_eye', 'right_eye', 'left_ear', 'right_ear', 'left_shoulder',
         'right_shoulder', 'left_elbow', 'right_elbow', 'left_wrist', 'right_wrist', 'left_hip',
         'right_hip', 'left_knee', 'right_knee', 'left_ankle', 'right_ankle']
_FINGERS = ['thumb', 'forefinger', 'middle_finger', 'ring_finger', 'pinky_finger']


@dataclass(frozen=True)
class KeypointSet:
    """An ordered set of joints.

    Attributes:
        names (tuple[str]): Joint names.
        bones (tuple[tuple[int, int]]): Pairs of joints to connect when drawing.
        root (int): Index of the 3D root.
    """
    names: tuple
    bones: tuple
    root: int

    @property
    def flip_indices(self):
        """list[int]: Each joint's partner under a left/right mirror (itself if none)."""
        def partner(name):
            for one, other in (('left_', 'right_'), ('right_', 'left_')):
                if name.startswith(one):
                    return other + name[len(one):]
            return name
        return [self.names.index(partner(name)) for name in self.names]


PEOPLE = KeypointSet(
    tuple(_COCO + ['neck', 'head_top', 'pelvis', 'spine', 'thorax']),
    ((15, 13), (13, 11), (16, 14), (14, 12), (11, 19), (12, 19), (19, 20), (20, 21), (21, 17),
     (17, 5), (17, 6), (5, 7), (7, 9), (6, 8), (8, 10), (17, 18), (0, 1), (0, 2), (1, 3), (2, 4)),
    19)

HANDS = KeypointSet(
    tuple(['wrist'] + [f'{finger}{i}' for finger in _FINGERS for i in range(1, 5)]),
    tuple((0 if i == 1 else 4 * f + i - 1, 4 * f + i) for f in range(5) for i in range(1, 5)),
    0)

KEYPOINT_SETS = dict(people=PEOPLE, hands=HANDS)

LSP14_FROM_PEOPLE = (16, 14, 12, 11, 13, 15, 10, 8, 6, 5, 7, 9, 17, 18)
"""Indices into the people's joints, in the order of the Leeds Sports Pose data set."""
