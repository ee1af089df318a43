"""The record of what was fixed in this process."""
import logging
from typing import NamedTuple

logger = logging.getLogger('udapose')


class Fix(NamedTuple):
    """One applied fix.

    Attributes:
        name: Short stable identifier, for example ``'mmcv.ops'``.
        reason: What was missing or broken.
        effect: What udapose did about it.
    """
    name: str
    reason: str
    effect: str


_applied: dict[str, Fix] = {}


def record(name: str, reason: str, effect: str) -> None:
    """Note that a fix has been applied, and log it."""
    _applied[name] = Fix(name, reason, effect)
    logger.debug('fixed %s: %s; %s', name, reason, effect)


def applied_fixes() -> tuple[Fix, ...]:
    """The fixes in force in this process, in the order in which they were applied."""
    return tuple(_applied.values())


def is_applied(name: str) -> bool:
    """Whether the fix of this name is in force."""
    return name in _applied
