"""Nested outputs of backbones and heads: tensors in tuples, lists and dicts."""
from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor


def map_tensors(function: Callable[[Tensor], Tensor], structure):
    """Apply a function to every tensor of a nested structure, which keeps its form."""
    if isinstance(structure, Tensor):
        return function(structure)
    if isinstance(structure, dict):
        return {k: map_tensors(function, v) for k, v in structure.items()}
    if isinstance(structure, (list, tuple)):
        return type(structure)([map_tensors(function, v) for v in structure])
    return structure


def split_batch(structure, counts: Sequence[int]) -> list:
    """Split every tensor of a nested structure along the batch axis.

    Args:
        structure: Tensors (N, ...), in tuples, lists and dicts at will.
        counts (Sequence[int]): Sizes of the parts, N in sum.

    Returns:
        list: One structure of the same form for each count.

    Example:
        >>> split_batch((torch.zeros(5, 2),), [3, 2])[1][0].shape
        torch.Size([2, 2])
    """
    if isinstance(structure, Tensor):
        return [*structure.split(list(counts))]
    if isinstance(structure, dict):
        parts = {k: split_batch(v, counts) for k, v in structure.items()}
        return [{k: v[i] for k, v in parts.items()} for i in range(len(counts))]
    if isinstance(structure, (list, tuple)):
        parts = [split_batch(v, counts) for v in structure]
        return [type(structure)(part[i] for part in parts) for i in range(len(counts))]
    return [structure] * len(counts)
