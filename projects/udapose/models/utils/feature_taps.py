"""Outputs (or inputs) of named submodules, collected while a model runs."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import Tensor, nn

INPUT = ':input'  # behind a submodule's name: what it is given instead of what it returns


def check_feature_name(model: nn.Module, name: str, who: str) -> None:
    """Require that a submodule exists.

    Args:
        model (nn.Module): The plain estimator.
        name (str): Dotted name, e.g. ``'backbone.layer3'``, ``'neck'``, ``'head.deconv_layers'``;
            with ``':input'`` at its end the submodule's first input.
        who (str): The component that asks, for the message.

    Raises:
        ValueError: Lists the names that exist.
    """
    try:
        model.get_submodule(name.removesuffix(INPUT))
        found = bool(name.removesuffix(INPUT))
    except AttributeError:
        found = False
    if not found:
        known = [n for n, _ in model.named_modules() if n and n.count('.') <= 1
                 and not n.startswith(('data_preprocessor', 'head.loss'))]
        raise ValueError(f'{who}: the pose estimator has no feature {name!r}. Features are named '
                         f'after its submodules: {", ".join(known)}, and those below them')


@contextmanager
def tapped(model: nn.Module, names: Sequence[str]) -> Iterator[dict[str, Tensor]]:
    """Collect outputs (or first inputs) of submodules during the block; of a tuple the last tensor.

    Args:
        model (nn.Module): Runs inside of the block.
        names (Sequence[str]): Dotted names of submodules, see :func:`check_feature_name`.

    Yields:
        dict[str, Tensor]: Filled while the model runs.

    Raises:
        ValueError: A submodule did not run.
    """
    features: dict[str, Tensor] = {}

    def keep(name: str):
        def hook(module: nn.Module, inputs: tuple, output) -> None:
            kept = inputs[0] if name.endswith(INPUT) else output
            features[name] = kept[-1] if isinstance(kept, (tuple, list)) else kept
        return hook

    handles = [model.get_submodule(name.removesuffix(INPUT)).register_forward_hook(keep(name))
               for name in names]
    try:
        yield features
        missing = [name for name in names if name not in features]
        if missing:  # e.g. 'head', whose forward is called past its hooks, or a loss
            raise ValueError(f'feature {", ".join(map(repr, missing))}: this module exists but is '
                             'not called as a module in the forward pass; name one inside of the '
                             'backbone, the neck or the head')
    finally:
        for handle in handles:
            handle.remove()
