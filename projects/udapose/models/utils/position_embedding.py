"""Position embeddings: those of masked autoencoders, and on other grids."""
from __future__ import annotations

import math

import torch
from mmpretrain.models.utils import build_2d_sincos_position_embedding
from torch import Tensor
from torch.nn import functional as F


def fit_position_embedding(embedding: Tensor, grid: tuple[int, int], extra: int,
                           mode: str = 'bicubic',
                           source_grid: tuple[int, int] | None = None,
                           source_extra: int | None = None) -> Tensor:
    """Bring a position embedding to another grid and another number of extra tokens.

    Args:
        embedding (Tensor): (1, extra tokens + h w, C), extra tokens (class, distillation) first.
        grid (tuple[int, int]): (height, width) in patches that is wanted.
        extra (int): Extra tokens that are wanted, 0 or 1: the class token is dropped, or gets a
            zero embedding if the checkpoint has none.
        mode (str): Of the interpolation. Defaults to ``'bicubic'``.
        source_grid (tuple[int, int], optional): (h, w). By default guessed: the wanted grid if
            the number of tokens allows it, then a square, then the wanted aspect ratio, then
            4:3 (the upright crops of people).
        source_extra (int, optional): Extra tokens in ``embedding``. By default guessed, 0 to 2.

    Returns:
        Tensor: (1, extra + height * width, C).

    Raises:
        ValueError: The grid of the checkpoint cannot be told.
    """
    tokens = embedding.shape[1]
    own_extra, source = _guess_grid(
        tokens, tuple(grid), source_grid, (0, 1, 2) if source_extra is None else (source_extra,))
    first, patches = embedding[:, :own_extra], embedding[:, own_extra:]
    if source != tuple(grid):
        maps = patches.float().unflatten(1, source).permute(0, 3, 1, 2)
        maps = F.interpolate(maps, size=tuple(grid), mode=mode, align_corners=False)
        patches = maps.flatten(2).transpose(1, 2).to(patches.dtype)
    if own_extra < extra:
        first = embedding.new_zeros(1, extra, embedding.shape[2])
    return torch.cat([first[:, :extra], patches], 1)


def _guess_grid(tokens: int, grid: tuple[int, int], given: tuple[int, int] | None,
                extras: tuple[int, ...]) -> tuple[int, tuple[int, int]]:
    """Extra tokens and grid of an embedding with so many tokens."""
    def square(patches: int) -> tuple[int, int]:
        return (math.isqrt(patches),) * 2

    def like(rows: int, columns: int):
        def guess(patches: int) -> tuple[int, int]:
            height = round(math.sqrt(patches * rows / columns))
            width = round(height * columns / rows)
            return (height, width) if height * columns == width * rows else (0, 0)
        return guess

    guesses = [lambda patches: tuple(given)] if given is not None else [
        lambda patches: grid, square, like(*grid), like(4, 3)]
    for guess in guesses:
        for extra in extras:
            height, width = guess(max(tokens - extra, 0))
            if height > 0 and height * width + extra == tokens:
                return extra, (height, width)
    tried = f' and not {given[0]} x {given[1]} patches' if given is not None else ''
    raise ValueError(f'its position embedding of {tokens} tokens is no grid that can be guessed'
                     f'{tried}: give the right source_grid, patches as (height, width)')


def sincos_position_embedding(grid: tuple[int, int], width: int) -> Tensor:
    """MAE's fixed position embedding, also for grids that are not square.

    Args:
        grid (tuple[int, int]): Rows and columns of patches.
        width (int): Of the embedding; a multiple of 4.

    Returns:
        Tensor: (1, rows * columns + 1, width) float32, zeros for the class token, then row by row:
        sine and cosine of the row, sine and cosine of the column, a quarter of the width each.

    Raises:
        ValueError: ``width`` is not a multiple of 4.
    """
    if width % 4:
        raise ValueError(f'the position embedding needs a width that 4 divides, got {width}')
    rows, columns = grid
    # mmpretrain's function runs through its *first* number fastest
    return build_2d_sincos_position_embedding((columns, rows), width, cls_token=True)
