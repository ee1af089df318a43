"""The same data and pipelines at another input size, for configs."""
from __future__ import annotations

from collections.abc import Mapping


def at_input_size(part, side: int, stride: int = 4):
    """A copy of a part of a config in which every square input has another size.

    Replaces each ``input_size`` by ``(side, side)`` and each ``heatmap_size`` by maps of
    ``side / stride``; a third number, the depth of a volume, stays.

    Args:
        part: A dict, list or tuple of a config, such as a pipeline, a data set or a codec.
        side (int): Pixels of the input's side.
        stride (int): Input pixels per heatmap pixel. Defaults to 4.

    Returns:
        A new object of the same structure.

    Raises:
        ValueError: ``stride`` does not divide ``side``.

    Example:
        >>> at_input_size(dict(input_size=(64, 64), heatmap_size=(16, 16, 16)), 96)
        {'input_size': (96, 96), 'heatmap_size': (24, 24, 16)}
    """
    if side % stride:
        raise ValueError(f'side={side} is not a multiple of stride={stride}')
    if isinstance(part, Mapping):
        sizes = dict(input_size=lambda old: (side, side),
                     heatmap_size=lambda old: (side // stride,) * 2 + tuple(old[2:]))
        return {key: sizes[key](value) if key in sizes else at_input_size(value, side, stride)
                for key, value in part.items()}
    if isinstance(part, (list, tuple)):
        return type(part)(at_input_size(value, side, stride) for value in part)
    return part
