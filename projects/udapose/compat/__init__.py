"""Mends that let MMPose import, train on CPUs and load checkpoints on a current stack.

Each mend first looks whether the thing works; where it does, nothing is touched. What was mended
is logged by the logger ``udapose`` (level debug) and listed by :func:`applied_mends`.

Importing this package applies all mends, once per process.
"""
from .mends import Mend, applied_mends
from .ops import MissingDependencyError

__all__ = ['Mend', 'MissingDependencyError', 'applied_mends', 'apply']


def apply() -> tuple[Mend, ...]:
    """Apply every mend that this environment needs; calling it again changes nothing.

    Returns:
        tuple[Mend, ...]: all mends that are in force in this process.

    Raises:
        MissingDependencyError: If mmengine, mmcv or mmpose itself is not installed.
    """
    # pkg_resources first: MMEngine needs it to find packages; number formats before the heads
    # are imported, since the heads bind the function's name.
    from . import amp, checkpoints, distributed, joint_order, ops, package_lookup, xtcocotools
    ops.require_base_packages()
    package_lookup.mend()
    xtcocotools.mend()
    amp.mend_to_numpy()
    ops.import_mmpose_models()
    amp.rebind_to_numpy()
    amp.mend_cpu_amp()
    joint_order.mend()
    checkpoints.mend()
    distributed.mend()
    return applied_mends()


apply()
