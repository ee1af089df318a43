"""What a ``type`` in a config means, however it is written.

MMEngine takes a registered name (``'HeatmapHead'``), one with a scope
(``'mmpretrain.VisionTransformer'``), a dotted path (``'mmpose.models.HeatmapHead'``; pure Python
configs become these) or a class. Names must therefore never be compared as text, and a subclass
counts as its parent.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping

from mmengine.registry import Registry
from mmengine.utils import get_object_from_string


def resolve(kind, registry: Registry) -> Callable | None:
    """The class or function that a ``type`` names.

    Args:
        kind (str | type | Callable | LazyObject | None): The value of ``type``.
        registry (Registry): Where a name is looked up.

    Returns:
        Callable | None: None if the registry does not know the name and it is no dotted path.
    """
    if hasattr(kind, 'build') and type(kind).__module__.startswith('mmengine.config.'):
        return kind.build()  # LazyObject, LazyAttr
    if not isinstance(kind, str):
        return kind
    found = registry.get(kind)
    if found is None and '.' in kind:
        found = get_object_from_string(kind)
    return found


def is_kind(cfg, registry: Registry, *parents: str | type) -> bool:
    """Whether a component's config is of one of some classes, or of a subclass.

    Args:
        cfg (Mapping | object): E.g. ``dict(type='ResNet', depth=50)``; anything else, such as an
            object that was built already, is compared itself.
        registry (Registry): Where names are looked up.
        *parents (str | type): Classes, or their registered names.

    Returns:
        bool: False for a type or parent that nothing is known about.
    """
    known = [resolve(parent, registry) for parent in parents]
    if not isinstance(cfg, Mapping):
        classes = tuple(k for k in known if isinstance(k, type))
        return isinstance(cfg, classes)
    kind = resolve(cfg.get('type'), registry)
    return kind is not None and any(
        kind is k or isinstance(kind, type) and isinstance(k, type) and issubclass(kind, k)
        for k in known if k is not None)


def is_from(kind, registry: Registry, package: str = 'udapose') -> bool:
    """Whether a ``type`` names a class or function of a package, by its module."""
    found = resolve(kind, registry)
    return found is not None and getattr(found, '__module__', '').split('.')[0] == package


def written(kind, registry: Registry) -> str:
    """A ``type`` as text for a config file: a registered name where there is one.

    Args:
        kind (str | type | Callable): The value of ``type``.
        registry (Registry): Where stock MMPose would look it up.

    Returns:
        str: A name as it was, or ``'HeatmapHead'``, ``'mmpretrain.VisionTransformer'``, or else a
        dotted path.
    """
    found = resolve(kind, registry)
    if isinstance(kind, str) and (found is None or kind.count('.') < 2):
        return kind
    name, module = found.__qualname__, found.__module__
    for short in (name, f'{module.split(".")[0]}.{name}'):
        if registry.get(short) is found:
            return short
    return f'{module}.{name}'
