"""udapose: unsupervised domain adaptation of pose estimation, as a plugin of MMPose.

``custom_imports = dict(imports=['udapose'], allow_failed_imports=False)`` in any MMPose config
registers every component in MMPose's own registries.
"""
# isort: off
# The order matters: the mends must be in place before anything imports `mmpose.models`.
from . import compat
# isort: on
import importlib as _importlib
import importlib.util as _util
import warnings as _warnings

# TEMPORARY while the parts are being written: replaced by one plain import at the end.
for _name in ('datasets', 'engine', 'evaluation', 'models'):
    if _util.find_spec(f'{__name__}.{_name}') is not None:
        try:
            _importlib.import_module(f'{__name__}.{_name}')
        except Exception as _error:  # noqa: BLE001
            _warnings.warn(f'udapose.{_name} does not import: {_error!r}', stacklevel=1)
from .version import __version__

__all__ = ['__version__', 'compat']
