"""Named joint groups: which joints are scored, and how they are grouped."""
from __future__ import annotations

from collections.abc import Sequence

from ..joint_sets import JOINT_SETS, published_groups

_LIMBS = dict(shoulder=[5, 6], elbow=[7, 8], wrist=[9, 10], hip=[11, 12], knee=[13, 14],
              ankle=[15, 16])
_FINGERS = range(5)

# Joints in the order of MMPose's metainfo files.
_3DHP = dict(pelvis=[14], hip=[8, 11], knee=[9, 12], ankle=[10, 13], spine=[1, 15], head=[0, 16],
             shoulder=[2, 5], elbow=[3, 6], wrist=[4, 7])
_MPII = dict(pelvis=[6], hip=[2, 3], knee=[1, 4], ankle=[0, 5], spine=[7], head=[8, 9],
             shoulder=[12, 13], elbow=[11, 14], wrist=[10, 15])
_LSP = dict(ankle=[0, 5], knee=[1, 4], hip=[2, 3], wrist=[6, 11], elbow=[7, 10], shoulder=[8, 9])

# 'people' fits COCO-17 and the embedded 22 joints: the 12 limb joints are scored, in 'people22'
# all (3D). 'hands' has the wrist and four joints per finger, thumb to little finger, palm to tip;
# all 21 are scored; 'rhd21' is the same for fingers that are listed from tip to palm. 'lsp14'
# scores the limbs, 'lsp14_body' also neck and head top. Numbers tell how many joints there are.
# The joint sets of the public data ('body16', 'hand21', ...) have their published groups.
JOINT_GROUPS: dict[str, dict[str, list[int]]] = dict(
    people=_LIMBS,
    people22=dict(pelvis=[19], spine=[20, 21], head=[0, 1, 2, 3, 4, 17, 18], **_LIMBS),
    hands=JOINT_SETS['hand21'].groups,
    rhd21=dict(wrist=[0], MCP=[4 * f + 4 for f in _FINGERS], PIP=[4 * f + 3 for f in _FINGERS],
               DIP=[4 * f + 2 for f in _FINGERS], fingertip=[4 * f + 1 for f in _FINGERS]),
    lsp14=_LSP, lsp14_body=dict(head=[12, 13], **_LSP), mpii16=_MPII,
    h36m17=JOINT_SETS['body17'].groups, mpi_inf_3dhp17=_3DHP,
    **{name: published_groups(name)[0] for name in JOINT_SETS})

# Joints that a protocol scores, by name, of data sets in the order of a joint set (joint_sets.py).
# 'body17_lsp14': LSP's joints, without pelvis, spine and neck base: 3DPW's and (PCK) MPI-INF-3DHP's
# 14; 'thorax' is the neck, 'head' the top of the head.
JOINT_SUBSETS: dict[str, tuple[str, ...]] = dict(
    body17_lsp14=('right_foot', 'right_knee', 'right_hip', 'left_hip', 'left_knee', 'left_foot',
                  'right_wrist', 'right_elbow', 'right_shoulder', 'left_shoulder', 'left_elbow',
                  'left_wrist', 'thorax', 'head'))


def resolve_joints(joints: str | Sequence[int | str], names: list[str] | None) -> list[int]:
    """Turn a subset's name or a list of indices and joint names into indices.

    Raises:
        ValueError: Unknown subset or joint name, or an index out of range; lists the known ones.
    """
    if isinstance(joints, str):
        if joints not in JOINT_SUBSETS:
            raise ValueError(f'unknown joint subset {joints!r}: use one of '
                             f'{sorted(JOINT_SUBSETS)} or a list of indices or names')
        return [_index(joint, joints, names) for joint in JOINT_SUBSETS[joints]]
    return [_index(joint, 'joints', names) for joint in joints]


def resolve_groups(groups: str | dict[str, list[int | str]] | None,
                   names: list[str] | None) -> dict[str, list[int]]:
    """Turn a preset's name or a dict of indices and joint names into indices.

    Raises:
        ValueError: Unknown preset or joint name, or an index out of range; lists the known ones.
    """
    if groups is None:
        return {}
    if isinstance(groups, str):
        if groups not in JOINT_GROUPS:
            raise ValueError(f'unknown joint groups {groups!r}: use one of {sorted(JOINT_GROUPS)} '
                             'or a dict of lists')
        groups = JOINT_GROUPS[groups]
    return {name: [_index(joint, name, names) for joint in joints]
            for name, joints in groups.items()}


def scored_joints(groups: str | dict[str, list[int | str]] | None, names: list[str] | None
                  ) -> list[int]:
    """The joints whose mean is the score: the union of the groups, in order.

    Groups of a joint set that the published mean leaves out (the head of ``'body16'``) are left out
    here, too. Arguments and errors are those of :func:`resolve_groups`; none without groups.
    """
    if isinstance(groups, str) and groups in JOINT_SETS:
        return list(published_groups(groups)[1])
    return sorted({j for members in resolve_groups(groups, names).values() for j in members})


def evaluated_joints(joints: str | Sequence[int | str] | None,
                     groups: str | dict[str, list[int | str]] | None, names: list[str]
                     ) -> list[int]:
    """The joints that enter a metric's mean: those asked for, else the groups', else all.

    See :func:`resolve_joints` and :func:`scored_joints` for arguments and errors.
    """
    if joints is not None:
        return resolve_joints(joints, names)
    return scored_joints(groups, names) or list(range(len(names)))


def joint_names(meta: dict | None, count: int) -> list[str]:
    """Names of ``count`` joints by a data set's metainfo; their numbers if it has another count."""
    names = (meta or {}).get('keypoint_id2name')
    return [names[i] if names and len(names) == count else str(i) for i in range(count)]


def _index(joint: int | str, group: str, names: list[str] | None) -> int:
    if isinstance(joint, str):
        if not names or joint not in names:
            raise ValueError(f'joint {joint!r} of group {group!r} is not in the data set, '
                             f'which has {names}')
        return names.index(joint)
    if joint < 0 or names is not None and joint >= len(names):
        raise ValueError(f'joint {joint} of group {group!r} is out of range: the data set has '
                         f'{len(names or [])} joints')
    return joint
