"""A disk that is full, for a moment: no file may grow beyond some bytes."""
import contextlib
import signal
import sys

import pytest


@contextlib.contextmanager
def full_disk(size: int):
    """Writing beyond ``size`` bytes of a file fails, as POSIX does it."""
    if sys.platform == 'win32':
        pytest.skip('limits the size of files as POSIX does')
    import resource
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
