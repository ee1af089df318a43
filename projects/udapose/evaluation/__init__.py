"""Metrics and joint groups."""
from .joint_groups import JOINT_GROUPS
from .label_free import LabelFreeCriteria
from .metrics import *  # noqa: F401,F403
from .metrics import __all__ as _metrics

__all__ = ['JOINT_GROUPS', 'LabelFreeCriteria', *_metrics]
