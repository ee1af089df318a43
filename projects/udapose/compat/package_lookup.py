"""Finding packages under official MMEngine 0.10.7 with setuptools >= 81 (no ``pkg_resources``)."""
import os.path as osp
import sys
from importlib import metadata
from importlib.util import find_spec

from .fixes import is_applied, record

NAMES = ('is_installed', 'get_installed_path', 'package2module')


def fix() -> None:
    """Replace MMEngine's look-ups by ones on ``importlib.metadata``, where they cannot work."""
    import inspect

    from mmengine.utils import package_utils
    if (is_applied('pkg_resources') or find_spec('pkg_resources') is not None
            or 'pkg_resources' not in inspect.getsource(package_utils)):
        return
    for name in NAMES:
        original, ours = getattr(package_utils, name), globals()[name]
        for module_name, module in list(sys.modules.items()):
            if module_name.startswith('mm') and vars(module).get(name) is original:
                setattr(module, name, ours)
    record('pkg_resources', 'setuptools no longer ships it, and this MMEngine needs it',
           'packages are looked up by importlib.metadata')


def is_installed(package: str) -> bool:
    """Whether a distribution or an importable regular package of this name exists."""
    try:
        metadata.distribution(package)
        return True
    except metadata.PackageNotFoundError:
        spec = find_spec(package)
        return spec is not None and spec.origin is not None


def package2module(package: str) -> str:
    """The first top-level module that the distribution ``package`` installs.

    Raises:
        ValueError: If the distribution does not say.
    """
    names = (metadata.distribution(package).read_text('top_level.txt') or '').split()
    if not names:
        raise ValueError(f'cannot infer the module name of the package {package!r}')
    return names[0]


def get_installed_path(package: str) -> str:
    """The folder of the package ``package`` (a distribution's or a module's name).

    Raises:
        ImportError: If there is none.
        RuntimeError: If it is a namespace package, which has no single folder.
    """
    spec = find_spec(package)
    if spec is None and is_installed(package):
        spec = find_spec(package2module(package))
    if spec is None:
        raise ImportError(f'The package {package!r} is not installed.')
    if spec.origin is None:
        raise RuntimeError(f'{package!r} is a namespace package, which has no single folder.')
    return osp.dirname(spec.origin)
