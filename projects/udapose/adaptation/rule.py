"""How the verdict without labels is decided; the numbers are from tools/benchmark/verdict.py."""
from __future__ import annotations

import numpy as np

#: Without labels nobody can be surer.
SUREST = 0.9


def decide(values: dict[str, dict], differences: dict[str, np.ndarray], groups: int
           ) -> tuple[str, float, list[str]]:
    """Word, how sure, and reasons.

    Args:
        values (dict[str, dict]): By the measure's name: ``before``, ``after``, ``difference``.
        differences (dict[str, np.ndarray]): Bootstrap samples of the differences.
        groups (int): How many groups were resampled.
    """
    witness = differences.get('witness')
    if witness is None:
        return 'no clear change', 0., ['there are no other views to judge by']
    rises = float((witness > 0).mean())
    kept = values.get('kept', {}).get('after')
    if rises > 0.95 and (kept is None or kept > 80) and groups >= 4:
        return 'better', min(rises, SUREST), ["the start model's other views agree more"]
    if rises < 0.05 and kept is not None and kept < 60:
        return 'worse', min(1 - rises, SUREST), ["the start model's other views agree less"]
    return 'no clear change', 0.5, []
