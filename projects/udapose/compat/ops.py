"""Import ``mmpose.models`` without mmcv's compiled operators and without MMDetection.

MMPose 1.3 imports ``mmcv.ops.MultiScaleDeformableAttention`` (EDPose head) and
``mmdet.utils`` (RTMO head) unconditionally, and mmpretrain stumbles over an mmdet that is
installed but broken. Where they cannot be imported, stand-ins take their place exactly while these
packages are being imported; afterwards Python's view of the installed packages is as it was, so
that other code's own checks for mmcv.ops and mmdet still tell the truth.
"""
import functools
import importlib
import sys
import warnings
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from .fixes import record
from .remedies import mmcv_remedy, mmdet_remedy


class MissingDependencyError(ImportError):
    """Something optional was used that is not installed; the message names the remedy."""


def require_base_packages() -> None:
    """Check that the packages are there without which nothing works.

    Raises:
        MissingDependencyError: Naming the first missing package and how to install it.
    """
    for package, remedy in (
        ('torch', 'see docs/install.md'),
        ('mmengine', '`pip install onedl-mmengine` (the maintained fork)'),
        ('mmcv', '`pip install --no-deps mmcv-lite`'),
        ('mmpose', '`pip install --no-deps mmpose`'),
        ('mmpretrain', '`pip install --no-deps mmpretrain`'),
    ):
        if find_spec(package) is None:
            raise MissingDependencyError(
                f'udapose extends MMPose and needs the package {package!r}, which is not '
                f'installed in {sys.prefix}. Install it: {remedy}; or run tools/install.sh, '
                'which installs everything.')


def import_mmpose_models() -> None:
    """Import ``mmpose.models``, with stand-ins for what cannot be imported."""
    if 'mmpose.models' in sys.modules:
        return
    stand_ins: dict[str, ModuleType] = {}
    reasons = {}
    if error := import_error('mmcv.ops'):
        stand_ins['mmcv.ops'] = stand_in('mmcv.ops', MultiScaleDeformableAttention=_refused_class(
            'MultiScaleDeformableAttention', 'mmcv.ops', error, mmcv_remedy()))
        reasons['mmcv.ops'] = error
    if error := import_error('mmdet.utils'):
        from mmengine.config import ConfigDict
        utils = stand_in('mmdet.utils', ConfigType=ConfigDict | dict, reduce_mean=None)
        stand_ins.update({'mmdet': stand_in('mmdet', utils=utils), 'mmdet.utils': utils})
        reasons['mmdet'] = error
    with _in_sys_modules(stand_ins), warnings.catch_warnings():
        # mmcv-lite announces what is recorded below.
        warnings.filterwarnings('ignore', message='Fail to import ``MultiScale')
        importlib.import_module('mmpose.models')
    # mmpretrain tries mmdet as well, and only copes with its absence
    with _in_sys_modules({k: v for k, v in stand_ins.items() if k.startswith('mmdet')}):
        importlib.import_module('mmpretrain.models')
    if 'mmcv.ops' in reasons:
        from mmpose.models.heads import EDPoseHead
        _refuse(EDPoseHead, 'mmcv.ops', reasons['mmcv.ops'], mmcv_remedy())
        record('mmcv.ops', f'cannot be imported ({reasons["mmcv.ops"]})',
               'stand-in while mmpose.models was imported; building EDPoseHead is refused')
    if 'mmdet' in reasons:
        from mmpose.models.heads import RTMOHead
        _refuse(RTMOHead, 'mmdet', reasons['mmdet'], mmdet_remedy())
        record('mmdet', f'cannot be imported ({reasons["mmdet"]})',
               'stand-in while mmpose.models was imported; building RTMOHead is refused')


def import_error(name: str) -> str:
    """Import a module; the error's one-line text, or an empty string where it imports."""
    try:
        importlib.import_module(name)
    except Exception as error:  # also mmdet's AssertionError about mmcv's version
        # What a failed package leaves behind would shadow the stand-in's children.
        root = name.partition('.')[0] if name.startswith('mmdet') else name
        for loaded in [m for m in sys.modules if m == root or m.startswith(f'{root}.')]:
            del sys.modules[loaded]
        return f'{type(error).__name__}: {error}'.splitlines()[0]
    return ''


def stand_in(name: str, **attributes: Any) -> ModuleType:
    """A module of this name with these attributes."""
    module = ModuleType(name, f'udapose stand-in for {name}')
    # A package (with an empty search path), so that importing a child fails in the usual way.
    module.__spec__ = ModuleSpec(name, loader=None, is_package=True)
    module.__path__ = []
    vars(module).update(attributes)
    return module


@contextmanager
def _in_sys_modules(modules: dict[str, ModuleType]):
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module


def _message(user: str, needed: str, error: str, remedy: str) -> str:
    return f'{user} needs {needed}, which cannot be imported here ({error}). {remedy}'


def _refused_class(name: str, needed: str, error: str, remedy: str) -> type:
    def __init__(self, *args, **kwargs):
        raise MissingDependencyError(_message(name, needed, error, remedy))

    return type(name, (), {'__init__': __init__})


def _refuse(cls: type, needed: str, error: str, remedy: str) -> None:
    """Let building ``cls`` raise one clear error."""
    @functools.wraps(cls.__init__)
    def __init__(self, *args, **kwargs):
        raise MissingDependencyError(_message(cls.__name__, needed, error, remedy))

    cls.__init__ = __init__
