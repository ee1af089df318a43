"""How many processor cores this process may use."""
import os


def usable_cores() -> int:
    """Cores that the process is allowed to run on; not every system tells, then all there are."""
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
