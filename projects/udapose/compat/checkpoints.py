"""Checkpoints under official MMEngine 0.10.7 with torch >= 2.6.

torch 2.6 made ``torch.load`` refuse anything but plain tensors and containers, but MMEngine's
checkpoints also hold the log's ``HistoryBuffer`` and numpy scalars. MMEngine's own load functions
(``load_from``, ``resume``, ``init_model``, udapose test) read only files that the user names;
only for these is the old behaviour restored, ``torch.load`` itself stays as strict as it is.
"""
import logging
import pickle
from types import ModuleType

from .fixes import is_applied, record

REASON = 'this MMEngine calls torch.load in a way that refuses its own checkpoints'


def fix() -> None:
    """Give ``mmengine.runner.checkpoint`` a ``torch`` whose ``load`` reads its own files."""
    import inspect

    import torch
    from mmengine.runner import checkpoint
    from mmengine.utils import digit_version
    if hasattr(checkpoint, 'get_torch_safe_globals') and not is_applied('checkpoint types'):
        _complete(checkpoint)
    too_old = digit_version(torch.__version__) < digit_version('2.6.0')
    # The fork has its own answer inside this function's module and needs none from us.
    copes = 'weights_only' in inspect.getsource(checkpoint)
    if too_old or copes or is_applied('checkpoints'):
        return
    checkpoint.torch = _TorchWithTolerantLoad(torch)
    record('checkpoints', REASON, 'MMEngine\'s load functions try the strict way with '
           'MMEngine\'s own types allowed, then load the file that the user named in full')


def _complete(checkpoint: ModuleType) -> None:
    """Let the fork's own strict loading know all of numpy's dtypes.

    MMPose's ``dataset_meta`` holds colours as uint8, which its list lacks: each of MMPose's and of
    our own files was loaded with a page of warning, and in full.
    """
    given = checkpoint.get_torch_safe_globals

    def completed() -> list:
        return [*given(), *_numpy_dtypes()]
    checkpoint.get_torch_safe_globals = completed
    record('checkpoint types', "this MMEngine's list of harmless types lacks some of numpy's, "
           'which the files of MMPose hold', 'they are loaded the strict way')


class _TorchWithTolerantLoad(ModuleType):
    """The torch module, except for ``load``; seen by ``mmengine.runner.checkpoint`` only."""

    def __init__(self, torch: ModuleType):
        super().__init__('torch', torch.__doc__)
        self.__dict__['_torch'] = torch

    def __getattr__(self, name):
        return getattr(self.__dict__['_torch'], name)

    def load(self, f, *args, **kwargs):
        """``torch.load``; see the module's text for what it tolerates in addition."""
        torch = self.__dict__['_torch']
        if 'weights_only' in kwargs:
            return torch.load(f, *args, **kwargs)
        try:
            with torch.serialization.safe_globals(_mmengine_types()):
                return torch.load(f, *args, weights_only=True, **kwargs)
        except pickle.UnpicklingError:
            from mmengine.logging import print_log
            print_log(
                f'{f} holds Python objects besides weights and is unpickled in full, which runs '
                'code from it: load only checkpoints that you trust.', logger='current',
                level=logging.WARNING)
            if hasattr(f, 'seek'):
                f.seek(0)
            return torch.load(f, *args, weights_only=False, **kwargs)


def _numpy_dtypes() -> set[type]:
    """The classes of numpy's numbers."""
    import numpy as np
    return {type(np.dtype(kind)) for kind in '?bBhHiIlLqQefd'}


def _mmengine_types() -> list:
    """What MMEngine writes into a checkpoint besides tensors and containers."""
    import numpy as np
    from mmengine.logging import HistoryBuffer
    reconstruct = np.array(0).__reduce__()[0]
    scalar = np.float64(0).__reduce__()[0]
    # A HistoryBuffer names its own methods, for which pickle uses getattr.
    return [HistoryBuffer, np.ndarray, np.dtype, reconstruct, scalar, *_numpy_dtypes(),
            (_public_method_of_history, 'builtins.getattr')]


def _public_method_of_history(owner: type, name: str):
    """What stands for ``getattr`` in a checkpoint: an unrestricted one would allow anything."""
    from mmengine.logging import HistoryBuffer
    if owner is not HistoryBuffer or name.startswith('_'):
        raise pickle.UnpicklingError(f'getattr({owner!r}, {name!r}) is not allowed')
    return getattr(owner, name)
