"""The record of what was mended in this process."""
import logging
from typing import NamedTuple

logger = logging.getLogger('udapose')


class Mend(NamedTuple):
    """One applied mend.

    Attributes:
        name: Short stable identifier, for example ``'mmcv.ops'``.
        reason: What was missing or broken.
        effect: What udapose did about it.
    """
    name: str
    reason: str
    effect: str


_applied: dict[str, Mend] = {}


def record(name: str, reason: str, effect: str) -> None:
    """Note that a mend has been applied, and log it."""
    _applied[name] = Mend(name, reason, effect)
    logger.debug('mended %s: %s; %s', name, reason, effect)


def applied_mends() -> tuple[Mend, ...]:
    """The mends in force in this process, in the order in which they were applied."""
    return tuple(_applied.values())


def is_applied(name: str) -> bool:
    """Whether the mend of this name is in force."""
    return name in _applied
