"""Named joint groups: which joints are scored, and how they are grouped."""
from __future__ import annotations

_LIMBS = dict(shoulder=[5, 6], elbow=[7, 8], wrist=[9, 10], hip=[11, 12], knee=[13, 14],
              ankle=[15, 16])
_FINGERS = range(5)

# 'people' fits COCO-17 and the embedded 22 joints: the 12 limb joints are scored. 'hands' has the
# wrist and four joints per finger, thumb to little finger, palm to tip; all 21 are scored.
JOINT_GROUPS: dict[str, dict[str, list[int]]] = dict(
    people=_LIMBS,
    hands=dict(wrist=[0], MCP=[4 * f + 1 for f in _FINGERS], PIP=[4 * f + 2 for f in _FINGERS],
               DIP=[4 * f + 3 for f in _FINGERS], fingertip=[4 * f + 4 for f in _FINGERS]),
    lsp14=dict(ankle=[0, 5], knee=[1, 4], hip=[2, 3], wrist=[6, 11], elbow=[7, 10],
               shoulder=[8, 9]))


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
