"""Bones, trunk, head and palm of a set of keypoints, from the keypoints' names."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Skeleton:
    """What the names of the keypoints tell.

    Attributes:
        bones (Sequence[tuple[int, int]]): Pairs of joints.
        names (Sequence[str]): COCO's style (``left_shoulder``, ``neck``) or MMPose's of hands
            (``wrist``, ``thumb1``, ``middle_finger1``).
    """
    bones: Sequence[tuple[int, int]] = ()
    names: Sequence[str] = ()

    @property
    def is_hand(self) -> bool:
        return 'wrist' in self.names and len(self._knuckles()) >= 4

    def groups(self, count: int) -> list[list[int]]:
        """Joints that span a trunk and a head, or a palm; all ``count`` if no name tells it."""
        if self.is_hand:
            return [[list(self.names).index('wrist'), *self._knuckles()]]
        if len(self._named('shoulder', 'hip')) >= 4:
            return [self._named('shoulder', 'hip', 'neck', 'pelvis'),
                    self._named('nose', 'eye', 'ear', 'head', 'neck')]
        return [list(range(count))]

    def radius(self, dilate: float | None, box: Sequence[float]) -> float:
        """Radius of a limb in pixels, of :class:`MaskOptions`."""
        share = (0.06 if self.is_hand else 0.03) if dilate is None else dilate
        return share * max(box[2:])

    def _knuckles(self) -> list[int]:
        return [i for i, name in enumerate(self.names) if name.endswith('1')]

    def _named(self, *parts: str) -> list[int]:
        return [i for i, name in enumerate(self.names) if any(p in name for p in parts)]
