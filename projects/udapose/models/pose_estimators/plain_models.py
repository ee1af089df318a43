"""The plain MMPose models inside of a wrapper, for everything that looks into a model.

A wrapper names them once, in the class attribute ``plain_names`` (also the prefixes of its
checkpoints); which one predicts is ``predict_on`` if there are several.
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from mmengine.model import is_model_wrapper
from mmpose.registry import MODELS
from torch import Tensor, nn

from ...config_types import resolve
from ..utils.structures import map_tensors


def check_plain(cfg: Mapping, key: str) -> None:
    """Refuse a wrapper inside of a wrapper, before anything is built.

    Args:
        cfg (Mapping): What is to be the plain model.
        key (str): The wrapper's argument that holds it.

    Raises:
        ValueError: It is a wrapper; says how to come to the plain model in it.
    """
    kind = resolve(cfg.get('type'), MODELS)
    if hasattr(kind, 'plain_names'):
        inner = next((name for name in ('pose_estimator', 'pose_model') if name in cfg), key)
        raise ValueError(
            f'{key} is a {kind.__name__}, which has its own plain model inside. To change the '
            'model of a config that has it already, leave out _delete_, type and '
            f'{key}; to put another one around the plain model, {key}=_base_.model.{inner}')


def plain_models(model: nn.Module) -> dict[str, nn.Module]:
    """Plain models by name.

    Args:
        model (nn.Module): A wrapper of this package or a plain MMPose model, maybe wrapped for
            DDP.

    Returns:
        dict[str, nn.Module]: E.g. ``student`` and ``teacher``; ``pose_model``; of a plain model
        itself, under ``''``.
    """
    model = model.module if is_model_wrapper(model) else model
    names = getattr(model, 'plain_names', ())
    return {name: getattr(model, name) for name in names} or {'': model}


def head_output(model: nn.Module, images: Tensor):
    """What a plain model's head puts out, in the head's own form, float32.

    Args:
        model (nn.Module): The plain model.
        images (Tensor): (B, 3, H, W).
    """
    return map_tensors(Tensor.float, model.head.forward(model.extract_feat(images)))


def predicting_model(model: nn.Module) -> nn.Module:
    """The plain model whose predictions are the wrapper's.

    Args:
        model (nn.Module): See :func:`plain_models`.
    """
    model = model.module if is_model_wrapper(model) else model
    found = plain_models(model)
    return next(iter(found.values())) if len(found) == 1 else found[model.predict_on]


@contextmanager
def predicting(model: nn.Module, name: str | None) -> Iterator[None]:
    """Let another one of the plain models predict, for as long as the context lasts.

    Args:
        model (nn.Module): See :func:`plain_models`; one without ``predict_on`` stays as it is.
        name (str | None): Which one, such as ``'student'``; None for no change.

    Example:
        >>> with predicting(model, 'student'):
        ...     results = model.test_step(batch)
    """
    model = model.module if is_model_wrapper(model) else model
    before = getattr(model, 'predict_on', None)
    if name is None or before is None:
        yield
        return
    model.predict_on = name
    try:
        yield
    finally:
        model.predict_on = before


def trained_model(model: nn.Module) -> nn.Module:
    """The plain model that the optimizer changes.

    Args:
        model (nn.Module): See :func:`plain_models`.
    """
    found = plain_models(model)
    return found.get('student', next(iter(found.values())))
